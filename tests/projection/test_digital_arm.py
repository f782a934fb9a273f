"""What a law is multiplied by, worked out by hand: layers, equal pairs, batches, steps, sizes outside the data."""

from dataclasses import replace

import numpy as np
import pytest

from costmodel.inputs.loading import load_workload
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.machines.curves import Curve
from costmodel.machines.laws import ConstantLaw, FittedLaw, InStep
from costmodel.projection.project import Projection, project
from costmodel.quantities.estimate import Quantity, Status
from costmodel.quantities.units import watt
from costmodel.workloads.workload import Workload
from tests.round_cards import exact

MS = 1e-3
KFAC = {"factor_interval": 1, "refresh_interval": 1, "condition_number": 100, "settling_tolerance": 0.1}
#: A factor of 1000 and one of 10: A counted twice is far from A and G.
UNEVEN = {"name": "fc", "kind": "linear", "d_in": 1000, "d_out": 10, "bias": False}
GROUPED = {"name": "conv", "kind": "convolution", "d_in": 40, "d_out": 80, "kernel": [1], "groups": 4,
           "positions": 3, "bias": False}  # fmt: skip


def network(*layers: dict[str, object], **kfac: object) -> Workload:
    return load_workload({"schema": 1, "name": "n", "batch_size": 10, "kfac": {**KFAC, **kfac}, "layers": list(layers)})


def fitted(launch: float = 0.0, item: float = 0.0, unit: float = 0.0, **more: object) -> FittedLaw:
    return FittedLaw(launch, item, 0.0, Curve((1.0,), (unit,), unit), spread=0.0, growth=0.0, **more)  # type: ignore[arg-type]


def inversion(result: Projection, method: str) -> float:
    return result.methods[method].phases["inversion"].median


def test_a_layer_has_one_factor_a_and_one_factor_g(digital: DigitalCard, analog: AnalogCard) -> None:
    result = project(network(UNEVEN), digital, analog, draws=1)
    whole = {name: phase.median for name, phase in result.methods["kfac.cholesky"].phases.items()}
    # launches 1 ms each, an element 1 ns: 1000^2 of A and 10^2 of G
    assert whole["inversion"] == pytest.approx(2 * MS + (1000**2 + 10**2) * 1e-9)
    # the update belongs to no layer
    layer = result.layers[0].step_time["kfac.cholesky"]
    assert layer == pytest.approx(sum(time for name, time in whole.items() if name != "update"))


def test_equal_pairs_of_a_layer_are_one_batched_call(digital: DigitalCard, analog: AnalogCard) -> None:
    result = project(network(GROUPED), digital, analog, draws=1)
    # four pairs of 10 and 20: two launches, all elements
    expected = 2 * MS + 4 * (10**2 + 20**2) * 1e-9
    assert inversion(result, "kfac.cholesky") == pytest.approx(expected)
    layer = result.layers[0].step_time["kfac.cholesky"]
    phases = result.methods["kfac.cholesky"].phases
    assert layer == pytest.approx(sum(phase.median for name, phase in phases.items() if name != "update"))


def test_work_is_that_of_all_pairs(digital: DigitalCard, analog: AnalogCard) -> None:
    card = replace(digital, laws={**digital.laws, "precondition": fitted(unit=1e-6)})
    result = project(network(GROUPED), card, analog, draws=1)
    # four pairs of 10 and 20: 2 a g (a + g) FLOPs each
    expected = 4 * 2 * 10 * 20 * 30 * 1e-6
    assert result.methods["kfac.cholesky"].phases["precondition"].median == pytest.approx(expected)


def test_a_fitted_law_pays_a_launch_a_call_and_an_item_a_pair(digital: DigitalCard, analog: AnalogCard) -> None:
    card = replace(digital, laws={**digital.laws, "spd_inverse": fitted(launch=2 * MS, item=5 * MS)})
    result = project(network(GROUPED), card, analog, draws=1)
    assert inversion(result, "kfac.cholesky") == pytest.approx(2 * (2 * MS + 4 * 5 * MS))


def test_factors_of_one_size_share_the_launches_of_a_batch(digital: DigitalCard, analog: AnalogCard) -> None:
    square = [{"name": f"fc{i}", "kind": "linear", "d_in": 50, "d_out": 50, "bias": False} for i in range(3)]
    card = replace(digital, laws={**digital.laws, "newton_schulz": fitted(launch=MS, unit=1e-9)})
    result = project(network(*square), card, analog, draws=1)
    # ceil(log2(sqrt(100) / 2 ln(2 sqrt(2) / 0.1))) = 5 steps, 4 with products; six factors of 50, one launch a step for
    # all; 4 n^3 FLOPs a step
    assert inversion(result, "kfac.newton_schulz") == pytest.approx(4 * MS + 6 * 4 * 4 * 50**3 * 1e-9)


def test_in_a_step_a_law_is_what_steps_say(digital: DigitalCard, analog: AnalogCard) -> None:
    law = fitted(launch=MS, in_step=InStep(factor=3.0, launch=7 * MS, spread=0.0))
    card = replace(digital, laws={**digital.laws, "spd_inverse": law})
    assert inversion(project(network(UNEVEN), card, analog, draws=1), "kfac.cholesky") == pytest.approx(2 * 10 * MS)


def test_a_step_takes_more_than_its_phases_alone(digital: DigitalCard, analog: AnalogCard) -> None:
    card = replace(digital, step=exact(1.25))
    alone, inside = (project(network(UNEVEN), each, analog, draws=1) for each in (digital, card))
    for name, phase in alone.methods["kfac.cholesky"].phases.items():
        assert inside.methods["kfac.cholesky"].phases[name].median == pytest.approx(1.25 * phase.median)


@pytest.mark.parametrize(("smallest", "largest", "status"), [
    (5, 2000, Status.INTERPOLATED),
    (5, 500, Status.EXTRAPOLATED),  # 1000 lies above
    (100, 2000, Status.EXTRAPOLATED),  # 10 lies below
])  # fmt: skip
def test_sizes_above_and_below_the_data_are_extrapolated(
    smallest: float, largest: float, status: Status, digital: DigitalCard, analog: AnalogCard
) -> None:
    domain = (smallest, largest)
    law = replace(fitted(launch=MS), domain=domain, growth=0.2)
    constant = ConstantLaw(launch=replace(exact(MS), status=Status.INTERPOLATED, domain=domain))
    for each in (law, constant):
        card = replace(digital, laws={**digital.laws, "spd_inverse": each})
        found = project(network(UNEVEN), card, analog, draws=500).methods["kfac.cholesky"].phases["inversion"]
        assert found.status is status
        assert (found.p05 < found.p95) == (status is Status.EXTRAPOLATED)


def test_energy_of_a_phase_that_is_part_digital(digital: DigitalCard, analog: AnalogCard) -> None:
    """Tiling is digital alone; elimination has both: power acts on the digital part, once a refresh interval."""
    card = replace(digital, power=exact(100.0, watt))
    small = replace(analog, cells=exact(400))
    every = {steps: project(network(UNEVEN, refresh_interval=steps), card, small, draws=1) for steps in (1, 4)}
    joules = {steps: result.methods["thermo.solve"].phase_energy["eliminate"].median for steps, result in every.items()}
    assert joules[4] == pytest.approx(joules[1] / 4)
    dark = project(network(UNEVEN, refresh_interval=1), digital, small, draws=1)
    analog_part = dark.methods["thermo.solve"].phase_energy["eliminate"].median
    # 1000 = 400 + 400 + 200: products between blocks, each launch 1 ms at 100 W
    assert joules[1] - analog_part > 100 * MS
    busy = (joules[1] - analog_part) / 100
    idle = project(network(UNEVEN, refresh_interval=1), replace(digital, idle_power=exact(10.0, watt)), small, draws=1)
    method = idle.methods["thermo.solve"]
    waits = method.phases["eliminate"].median - busy
    assert waits > 0
    assert method.phase_energy["eliminate"].median == pytest.approx(analog_part + 10 * waits)
    tiling = every[4].methods["thermo.inverse"]
    assert tiling.phase_energy["tiling"].median == pytest.approx(100 * tiling.phases["tiling"].median)


def test_phases_with_a_law_in_common_err_together(digital: DigitalCard, analog: AnalogCard) -> None:
    halves = {
        name: replace(fitted(launch=MS), spread=0.3, together="inversion") for name in ("cholesky", "cholesky_inverse")
    }
    laws = {name: law for name, law in digital.laws.items() if name != "spd_inverse"}
    together = project(network(UNEVEN), replace(digital, laws={**laws, **halves}), analog, draws=4000)
    apart = {name: replace(law, together="") for name, law in halves.items()}
    alone = project(network(UNEVEN), replace(digital, laws={**laws, **apart}), analog, draws=4000)
    wide, narrow = (each.methods["kfac.cholesky"].phases["inversion"] for each in (together, alone))
    # two equal parts: standard deviation 0.3 together, 0.3 / sqrt(2) apart
    assert np.log(wide.p95 / wide.p05) / np.log(narrow.p95 / narrow.p05) == pytest.approx(2**0.5, rel=0.1)


def test_work_that_counts_nothing_is_refused() -> None:
    from costmodel.methods import DigitalWork, Scope

    with pytest.raises(ValueError, match=r"^work of gemm counts no flops, so that its rate would not matter$"):
        DigitalWork("gemm", Scope.LAYER, calls=1)
    with pytest.raises(ValueError, match=r"^unknown operation 'gem'; "):
        DigitalWork("gem", Scope.LAYER, calls=1)


def test_a_law_without_terms_is_none() -> None:
    with pytest.raises(ValueError, match=r"^a law needs at least one of launch, element_time, bandwidth and rate$"):
        ConstantLaw(scatter=Quantity(1, 1, 1, exact(1).unit, Status.ASSUMED, ""))
