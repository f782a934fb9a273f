"""A refresh beside training: what it adds to a step, against a simulation of the schedule, event by event."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from costmodel import api
from costmodel.formulas import schedule
from costmodel.inputs.faults import InputError
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.projection.project import Projection, project
from costmodel.quantities.units import bit_per_second, byte_per_second, second, watt
from costmodel.workloads.workload import Workload
from tests.round_cards import exact

DEVICE, ANALOG, LINK, MESSAGE = "device", "analog", "link", "message"
Task = tuple[str, float]


@dataclass
class Simulated:
    """One device, one machine and a link, run event by event.

    A refresh goes through its tasks in order. Digital tasks interrupt training where they fall due; the rest goes on
    beside it, but pauses for messages where both take one link.
    """

    shared_link: bool = True
    second_stream: bool = False
    now: float = 0.0
    idle: float = 0.0  # of the device, for the machine
    refresh: list[Task] = field(default_factory=list)

    def train(self, tasks: list[Task]) -> None:
        """Do tasks of training, with what the refresh can do meanwhile."""
        for kind, seconds in tasks:
            left = seconds
            while left > 1e-15:
                ahead = self.refresh[0] if self.refresh else None
                if ahead is None:
                    self.now, left = self.now + left, 0.0
                elif ahead[0] == DEVICE and not self.second_stream:
                    self._advance(ahead[1])
                elif kind == MESSAGE and self.shared_link:
                    self.now, left = self.now + left, 0.0
                else:
                    part = min(left, ahead[1])
                    self._advance(part)
                    left -= part

    def wait(self) -> None:
        """Let the refresh finish."""
        while self.refresh:
            kind, left = self.refresh[0]
            self.idle += left if kind != DEVICE else 0.0
            self._advance(left)

    def _advance(self, seconds: float) -> None:
        self.now += seconds
        kind, left = self.refresh[0]
        self.refresh[0] = (kind, left - seconds)
        while self.refresh and self.refresh[0][1] <= 1e-15:
            self.refresh.pop(0)


@dataclass(frozen=True)
class Step:
    """Tasks of a step before and after preconditioning, of a factor update, and of a refresh."""

    before: list[Task]
    factors: list[Task]
    after: list[Task]
    refresh: list[Task]
    sent: float = 0.0  # messages of a refresh, at its end

    def average(self, stale: int, i_f: int, i_r: int, shared_link: bool = True, second_stream: bool = False) -> float:
        """Mean step over three refresh intervals, after one to get going."""
        return self.averages(stale, i_f, i_r, shared_link, second_stream)[0]

    def averages(
        self, stale: int, i_f: int, i_r: int, shared_link: bool = True, second_stream: bool = False
    ) -> tuple[float, float]:
        """Mean step, and what of it the device waits for the machine."""
        run = Simulated(shared_link, second_stream)
        marks = []
        for step in range(4 * i_r + 1):
            if step % i_r == 0:
                marks.append((run.now, run.idle))
            run.train(self.before)
            if step % i_f == 0:
                run.train(self.factors)
            if step % i_r == stale % i_r and step >= stale:
                run.wait()  # the first use; where stale = i_r, the refresh of the interval before
                run.now += self.sent
            if step % i_r == 0:
                run.refresh = list(self.refresh)
                if stale == 0:
                    run.wait()
            run.train(self.after)
        whole, idle = (end - start for end, start in zip(marks[-1], marks[1], strict=True))
        steps = (len(marks) - 2) * i_r
        return whole / steps, idle / steps


@pytest.mark.verifies("schedule.room.time", "schedule.exposed.time")
@pytest.mark.parametrize("seed", range(40))
def test_what_a_refresh_adds_against_a_simulation(seed: int) -> None:
    random = np.random.default_rng(seed)
    i_f, cycles = int(random.integers(1, 5)), int(random.integers(1, 5))
    i_r = i_f * cycles
    stale = int(random.integers(1, i_r + 1))
    before, after, factors = random.uniform(0.1, 1.0, 3)
    kinds = [ANALOG if even else DEVICE for even in (1, 0, 1, 0)]
    refresh = [(kind, each) for kind, each in zip(kinds, random.uniform(0, i_r / 3, 4), strict=True)]
    step = Step([(DEVICE, before)], [(DEVICE, factors)], [(DEVICE, after)], refresh)
    for second_stream in (False, True):
        beside = sum(each for kind, each in refresh if kind == ANALOG or second_stream)
        values = {"z": stale, "i_f": i_f, "t_d": before + after, "t_f": factors}
        left = schedule.exposed_time().evaluate(t_b=beside, **values)
        assert left == pytest.approx(max(0.0, beside - schedule.room_time().evaluate(**values)))
        refreshing = left + sum(each for _, each in refresh) - beside
        expected = before + after + factors / i_f + refreshing / i_r
        assert step.average(stale, i_f, i_r, second_stream=second_stream) == pytest.approx(expected)


# --- projections -----------------------------------------------------------------------------------------------------

LAYERS = [
    {"name": "fc1", "kind": "linear", "d_in": 200, "d_out": 10, "bias": False},
    {"name": "fc2", "kind": "linear", "d_in": 10, "d_out": 300, "bias": False},
]
#: The order of a step; what is not named belongs to the refresh.
BEFORE, AFTER = ("forward_backward", "gradient_all_reduce"), ("precondition", "gradient_broadcast", "update")
FACTORS = ("sampled_backward", "rows", "factors", "factor_all_reduce", "running_average")
DIGITAL = ("inversion", "symmetric", "tiling", "refine", "deflate", "restore")


def model(stale: int = 0, devices: int = 1, **more: object) -> Workload:
    kfac = {"factor_interval": 2, "refresh_interval": 6, "stale_steps": stale, "condition_number": 1000, **more}
    return api.load_workload(
        {"schema": 1, "name": "n", "batch_size": 16, "devices": devices, "kfac": kfac, "layers": LAYERS}
    )


def run(workload: Workload, digital: DigitalCard, analog: AnalogCard) -> Projection:
    return project(workload, digital, analog, draws=1)


def tasks(phases: dict[str, float], names: tuple[str, ...], scale: float = 1.0) -> list[Task]:
    kind = {True: MESSAGE, False: DEVICE}
    return [(kind[name.endswith(("reduce", "broadcast"))], phases[name] * scale) for name in names if name in phases]


def simulated(result: Projection, name: str) -> Step:
    phases = {phase: each.median for phase, each in result.methods[name].phases.items()}
    known = {*BEFORE, *AFTER, *FACTORS, "inverse_broadcast"}
    refresh = [(DEVICE if each in DIGITAL else ANALOG, phases[each] * 6) for each in phases if each not in known]
    return Step(
        tasks(phases, BEFORE), tasks(phases, FACTORS, 2), tasks(phases, AFTER), refresh,
        phases.get("inverse_broadcast", 0) * 6,
    )  # fmt: skip


@pytest.fixture
def linked(digital: DigitalCard) -> DigitalCard:
    """100 MB/s between devices: messages take as long as products."""
    return replace(
        digital, interconnect_bandwidth=exact(1e8, byte_per_second), interconnect_latency=exact(1e-5, second)
    )


@pytest.fixture
def slow(analog: AnalogCard) -> AnalogCard:
    """A machine whose refresh takes several steps."""
    return replace(analog, relaxation_time=exact(1e-8, second), link_bandwidth=exact(1e8, bit_per_second))


@pytest.mark.parametrize(("stale", "devices"), [(1, 1), (3, 1), (6, 1), (1, 2), (4, 2)])
@pytest.mark.parametrize("second_stream", [False, True])
@pytest.mark.parametrize("shared_link", [False, True])
def test_steps_are_those_of_the_simulated_schedule(
    stale: int, devices: int, second_stream: bool, shared_link: bool, linked: DigitalCard, slow: AnalogCard
) -> None:
    alone = run(model(devices=devices), linked, slow)
    settings = {"second_stream": second_stream, "shared_link": shared_link}
    found = run(model(stale, devices, **settings), linked, slow)
    for name in ("kfac.cholesky", "thermo.columns", "thermo.columns.refined.deflated", "thermo.inverse"):
        # A refresh without analog work takes no link.
        pauses = shared_link and not name.startswith("kfac")
        expected = simulated(alone, name).average(stale, 2, 6, pauses, second_stream)
        assert found.methods[name].step_time.median == pytest.approx(expected, rel=1e-9), name


@pytest.mark.verifies("schedule.waiting.energy")
@pytest.mark.parametrize(("stale", "devices"), [(0, 1), (1, 1), (3, 1), (6, 1), (0, 2), (1, 2), (4, 2)])
def test_devices_draw_their_idle_power_while_the_simulated_schedule_waits(
    stale: int, devices: int, linked: DigitalCard, slow: AnalogCard
) -> None:
    """At 7 W while a device waits and none while it works, all devices of them."""
    alone = run(model(devices=devices), linked, slow)
    dark = run(model(stale, devices), linked, slow)
    found = run(model(stale, devices), replace(linked, idle_power=exact(7.0, watt)), slow)
    for name in ("thermo.columns", "thermo.columns.refined.deflated", "thermo.inverse"):
        _, idle = simulated(alone, name).averages(stale, 2, 6)
        method, before = found.methods[name], dark.methods[name]
        assert method.waiting_energy is not None
        assert method.waiting_energy.median == pytest.approx(7.0 * devices * idle, rel=1e-9, abs=1e-15), name
        assert method.energy is not None
        assert before.energy is not None
        assert method.energy.median == pytest.approx(before.energy.median + 7.0 * devices * idle)
        assert before.waiting_energy is None
    assert found.methods["kfac.cholesky"].waiting_energy is None


def test_what_runs_beside_training_is_what_phases_lack(linked: DigitalCard, slow: AnalogCard) -> None:
    alone, found = (run(model(stale), linked, slow).methods["thermo.columns"] for stale in (0, 3))
    assert alone.beside_training is None
    assert found.beside_training is not None
    assert found.beside_training.median > 0
    moved = alone.step_time.median - found.step_time.median
    assert found.beside_training.median == pytest.approx(moved)
    for name in ("upload", "settle", "readout"):  # all shrink alike
        ratio = found.phases[name].median / alone.phases[name].median
        assert ratio == pytest.approx(found.phases["upload"].median / alone.phases["upload"].median)
    assert found.phases["tiling"].median == alone.phases["tiling"].median


def test_two_sets_of_inverses_are_kept(linked: DigitalCard, slow: AnalogCard) -> None:
    alone, stale = (run(model(stale), linked, slow).methods for stale in (0, 3))
    inverses = 4 * (200**2 + 10**2 + 10**2 + 300**2)
    assert stale["thermo.columns"].memory.state == alone["thermo.columns"].memory.state + inverses
    assert stale["kfac.cholesky"].memory == alone["kfac.cholesky"].memory


def test_a_method_that_solves_every_step_hides_nothing(linked: DigitalCard, slow: AnalogCard) -> None:
    alone, found = (run(model(stale), linked, slow).methods["thermo.solve"] for stale in (0, 6))
    assert found.beside_training is None
    assert found.step_time == alone.step_time


def test_the_digital_refresh_needs_a_second_stream(linked: DigitalCard, slow: AnalogCard) -> None:
    """Three of six steps of 2.1 ms beside a refresh of 4 ms, one after another."""
    for name in ("kfac.cholesky", "soap"):
        alone = run(model(), linked, slow).methods[name]
        assert run(model(3), linked, slow).methods[name].step_time == alone.step_time
        hidden = run(model(3, second_stream=True), linked, slow).methods[name]
        assert hidden.beside_training is not None
        assert hidden.phases["inversion"].median < alone.phases["inversion"].median


def test_shown_in_the_table_and_in_json(linked: DigitalCard, slow: AnalogCard) -> None:
    from costmodel.views.project import ProjectReport
    from costmodel.views.table import Table

    result = run(model(3), linked, slow)
    screen = [block for block in ProjectReport(result).tables() if isinstance(block, Table)]
    assert any(table.title.endswith("inverses every 6, first used 3 steps later") for table in screen)
    details = [block for block in ProjectReport(result, details=True).tables() if isinstance(block, Table)]
    assert any(row[0] == "(beside training)" for table in details for row in table.rows)
    found = result.as_dict()
    assert found["methods"]["thermo.columns"]["beside_training_s"]["median"] > 0
    assert found["methods"]["kfac.cholesky"]["beside_training_s"] is None
    assert [found["model"][key] for key in ("stale_steps", "second_stream", "shared_link")] == [3, False, True]


def faults(**kfac: object) -> Iterator[str]:
    with pytest.raises(InputError) as error:
        model(**kfac)  # type: ignore[arg-type]
    return (f"{fault.path} {fault.message}" for fault in error.value.faults)


def test_a_refresh_cannot_be_older_than_the_next() -> None:
    assert list(faults(stale=7)) == [
        "kfac.stale_steps a refresh 7 steps old is replaced after 6 (refresh_interval); at most as many"
    ]
    assert list(faults(stale=-1)) == ["kfac.stale_steps -1 is not at least 0"]
