"""How the answers of a projection are put together: ratios, times to a target, statuses, medians of layers."""

from dataclasses import replace

import numpy as np
import pytest

from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.projection.cost import Cost, total, weakest_that_matters
from costmodel.projection.project import Projection, project
from costmodel.quantities.estimate import Quantity, Status
from costmodel.quantities.units import one, second
from costmodel.workloads.workload import Training
from tests.projection.small import one_layer
from tests.round_cards import exact

NET = one_layer("condition_number: 9")
MEASURED, SOURCED, ASSUMED = Status.MEASURED, Status.SOURCED, Status.ASSUMED


def trained(digital: DigitalCard, analog: AnalogCard, steps: Status = ASSUMED, ratio: Status = ASSUMED) -> Projection:
    """1000 steps of Adam or 500 of K-FAC to the target."""
    training = Training("accuracy", exact(1000, one, steps), exact(0.5, one, ratio))
    return project(replace(NET, training=training), digital, analog)


def test_speedups_are_the_other_methods_time_over_ones_own(digital: DigitalCard, analog: AnalogCard) -> None:
    result = trained(digital, analog)
    times = {name: method.step_time.median for name, method in result.methods.items()}
    assert times["adam"] < times["kfac.cholesky"] < times["thermo.inverse"]
    best = times[result.best_digital]
    assert best == min(time for name, time in times.items() if name.startswith("kfac."))
    for name, speedup in result.speedup.items():
        assert speedup["adam"].median == pytest.approx(times["adam"] / times[name])
        assert speedup["kfac.best"].median == pytest.approx(best / times[name])
    to_target = {name: speedup["adam_to_target"].median for name, speedup in result.speedup.items() if len(speedup) > 2}
    assert to_target["adam"] == 1
    assert to_target["kfac.cholesky"] == pytest.approx(2 * times["adam"] / times["kfac.cholesky"])
    assert to_target["thermo.inverse"] == pytest.approx(2 * times["adam"] / times["thermo.inverse"])
    assert "sgd" not in to_target


def test_a_free_solver_leaves_everything_but_inversion_and_preconditioning(
    digital: DigitalCard, analog: AnalogCard
) -> None:
    result = project(NET, digital, analog)
    phases = {name: phase.median for name, phase in result.methods[result.best_digital].phases.items()}
    assert set(phases) >= {"inversion", "precondition"}
    kept = [seconds for name, seconds in phases.items() if name not in {"inversion", "precondition"}]
    assert result.free_solver.median == pytest.approx(sum(phases.values()) / sum(kept))


@pytest.mark.parametrize(
    ("steps", "ratio", "adam", "kfac"),
    [
        (MEASURED, MEASURED, MEASURED, MEASURED),
        (SOURCED, MEASURED, SOURCED, SOURCED),
        (MEASURED, SOURCED, MEASURED, SOURCED),
        (ASSUMED, SOURCED, ASSUMED, ASSUMED),
        (SOURCED, ASSUMED, SOURCED, ASSUMED),
    ],
)
def test_a_time_to_target_is_as_good_as_its_weakest_part(
    steps: Status, ratio: Status, adam: Status, kfac: Status, digital: DigitalCard, analog: AnalogCard
) -> None:
    """On a measured device the numbers of steps decide; on an assumed machine nothing is better than assumed."""
    laws = {
        primitive: replace(law, **{name: replace(q, status=MEASURED) for name, q in law.quantities().items()})
        for primitive, law in digital.laws.items()
    }
    result = trained(replace(digital, laws=laws), analog, steps, ratio)
    found = {
        name: method.time_to_target.status
        for name, method in result.methods.items()
        if method.time_to_target is not None
    }
    assert (found["adam"], found["kfac.cholesky"], found["thermo.inverse"]) == (adam, kfac, ASSUMED)
    assumed_device = trained(digital, analog, MEASURED, MEASURED).methods
    for name in ("adam", "kfac.cholesky"):
        time = assumed_device[name].time_to_target
        assert time is not None
        assert time.status is ASSUMED


def test_times_to_target_are_steps_times_their_number(digital: DigitalCard, analog: AnalogCard) -> None:
    methods = trained(digital, analog).methods
    for name, steps in (("adam", 1000), ("kfac.cholesky", 500), ("thermo.solve", 500)):
        method = methods[name]
        assert method.time_to_target is not None
        assert method.time_to_target.median == pytest.approx(steps * method.step_time.median)
    assert methods["sgd"].time_to_target is None


def test_a_layers_time_is_a_median(digital: DigitalCard, analog: AnalogCard) -> None:
    """RC of 1 us within a factor of 10 either way: the mean of that lognormal is 2.7 times its median.

    All that no layer owns is the update of the parameters, 1 ns for each TB/s and byte.
    """
    ranged = replace(analog, relaxation_time=Quantity(1e-6, 1e-7, 1e-5, second, ASSUMED, ""))
    result = project(NET, digital, ranged, draws=1001)
    method = result.methods["thermo.inverse"]
    (layer,) = result.layers
    assert layer.step_time["thermo.inverse"] == pytest.approx(
        method.step_time.median - method.phases["update"].median, rel=1e-9
    )


def cost(seconds: float, status: Status) -> Cost:
    draws = np.full(3, seconds)
    return Cost(draws, draws[None, :], status)


@pytest.mark.parametrize(("seconds", "status"), [(4.9, MEASURED), (5.0, SOURCED), (60.0, SOURCED)])
def test_a_part_matters_from_a_twentieth_of_the_whole_on(seconds: float, status: Status) -> None:
    parts = [cost(100 - seconds, MEASURED), cost(seconds, SOURCED)]
    assert total(parts).status is status
    assert total(parts).total.tolist() == [100] * 3
    assert weakest_that_matters((part.total, part.status) for part in parts) is status


def test_a_part_of_nothing_never_matters() -> None:
    assert total([cost(0, ASSUMED), cost(0, ASSUMED)]).status is MEASURED
