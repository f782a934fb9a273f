"""Projections: worked out by hand on round numbers, and properties that any numbers must have."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.defaults import Scenario
from costmodel.inputs.loading import load_analog, load_digital, load_workload
from costmodel.inputs.workload_file import workload_from
from costmodel.inputs.yaml_reader import parse_yaml
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.projection.project import Projection, project
from costmodel.quantities.estimate import Quantity, Status
from costmodel.quantities.units import bit, one, second
from costmodel.workloads.workload import Workload
from tests.round_cards import exact
from tests.spectra import Spectrum, planned, together
from tests.tolerances import BOUNDLESS, alike

#: Both factors of every layer have eigenvalues 99 and 9 beside the damping; no diagonal entry is above the mean.
SPECTRUM = Spectrum(1000, top=99, second=9)
TARGET, SETTLING = 0.12, 0.6
TOLERATED = alike(TARGET, settling_tolerance=SETTLING, reading_tolerance=BOUNDLESS)
ACCURACY = f"condition_number: 100, {TOLERATED}, diagonal_peak: 1"
CURVATURE = f"{ACCURACY}, {SPECTRUM.stated('input')}, {SPECTRUM.stated('output')}"
HEAD = f"""\
schema: 1
name: net
batch_size: 10
kfac: {{factor_interval: 2, refresh_interval: 4, {CURVATURE}}}
"""
TWO_LAYERS = (
    HEAD
    + """\
layers:
  - {name: fc1, kind: linear, d_in: 999, d_out: 500}
  - {name: fc2, kind: linear, d_in: 500, d_out: 100, bias: false}
"""
)


def workload(text: str) -> Workload:
    return workload_from(parse_yaml(text, "test"))


def factors() -> list[tuple[Spectrum, float]]:
    """The four factors, each with what its layer's times take systematic errors of 8 bits for."""
    found = []
    for sizes in ((1000, 500), (500, 100)):
        a, g = (replace(SPECTRUM, n=n) for n in sizes)
        systematic = planned(together(a.rounding(8), g.rounding(8)), TARGET)
        found += [(a, systematic), (g, systematic)]
    # the wide layer's rounding would take more than half of the squared target
    assert found[0][1] == planned(1, TARGET) > found[2][1]
    return found


def phases(result: Projection, method: str) -> dict[str, float]:
    return {name: estimate.median for name, estimate in result.methods[method].phases.items()}


def test_digital_kfac_by_hand(digital: DigitalCard, analog: AnalogCard) -> None:
    # factors: a = 1000, g = 500 and a = 500, g = 100; 10 rows
    result = phases(project(workload(TWO_LAYERS), digital, analog), "kfac.cholesky")
    weights = 1000 * 500 + 500 * 100
    assert result["forward_backward"] == pytest.approx(
        2e-3 + 10 * (4 * 999 * 500 + 6 * 500 * 100) / 1e12
    )  # fc1 takes the input
    squares = 1000**2 + 500**2 + 500**2 + 100**2
    assert result["factors"] == pytest.approx((4e-3 + 2 * 10 * squares / 1e12) / 2)
    assert result["running_average"] == pytest.approx(12 * squares / 1e12 / 2)
    assert result["inversion"] == pytest.approx((4e-3 + squares * 1e-9) / 4)
    products = 2 * 1000 * 500 * 1500 + 2 * 500 * 100 * 600
    assert result["precondition"] == pytest.approx(4e-3 + products / 1e12)
    assert result["update"] == pytest.approx(20 * weights / 1e12)


def test_thermodynamic_inverse_by_hand(digital: DigitalCard, analog: AnalogCard) -> None:
    result = phases(project(workload(TWO_LAYERS), digital, analog), "thermo.inverse")
    squares = 1000**2 + 500**2 + 500**2 + 100**2
    assert result["upload"] == pytest.approx(squares * 1e-9 / 4)
    burn_in = sum(factor.settle_covariance(SETTLING, TARGET, systematic) for factor, systematic in factors())
    assert result["settle"] == pytest.approx(burn_in * 1e-6 / 4)
    sampling = sum(factor.sample(TARGET, systematic) for factor, systematic in factors())
    assert result["sample"] == pytest.approx(sampling * 1e-6 / 4)
    # read-out: link 1 ns a value; n converters at 1 GHz are faster
    assert result["readout"] == pytest.approx(squares * 1e-9 / 4)
    assert result["tiling"] == 0


def test_thermodynamic_solve_by_hand(digital: DigitalCard, analog: AnalogCard) -> None:
    result = phases(project(workload(TWO_LAYERS), digital, analog), "thermo.solve")
    squares = 1000**2 + 500**2 + 500**2 + 100**2
    # one array, four factors: one quarter stays for the refresh interval, the rest is uploaded every step
    assert result["upload"] == pytest.approx(squares * 1e-9 * (0.25 / 4 + 0.75))
    # A against g right-hand sides of length a, then G against a of length g
    values = 2 * (1000 * 500 + 500 * 100)
    assert result["input"] == pytest.approx(values * 1e-9)
    assert result["readout"] == pytest.approx(values * 1e-9)
    # every right-hand side settles by itself, with all that rounding leaves: there is no noise
    systems = (500, 1000, 100, 500)
    settling = [
        k * factor.settle_mean(SETTLING, 1 - (systematic / TARGET) ** 2)
        for k, (factor, systematic) in zip(systems, factors(), strict=True)
    ]
    assert result["settle"] == pytest.approx(sum(settling) * 1e-6)
    assert result["average"] == 0


def test_arrays_share_independent_factors(digital: DigitalCard, analog: AnalogCard) -> None:
    times = [factor.sample(TARGET, systematic) for factor, systematic in factors()]  # in relaxation times
    assert max(times) < sum(times) / 2
    for arrays, units in ((1, sum(times)), (2, sum(times) / 2), (50, max(times))):
        result = project(workload(TWO_LAYERS), digital, replace(analog, arrays=exact(arrays)))
        assert phases(result, "thermo.inverse")["sample"] == pytest.approx(units * 1e-6 / 4)


def test_small_arrays_leave_products_to_the_digital_side(digital: DigitalCard, analog: AnalogCard) -> None:
    small = replace(analog, cells=exact(400))
    result = phases(project(workload(TWO_LAYERS), digital, small), "thermo.inverse")
    # 1000 = 400 + 400 + 200, 500 = 400 + 100 (twice), 100 fits
    blocks = {1000: 400**2 + 400**2 + 200**2, 500: 400**2 + 100**2}
    flops = 2 * 1000 * (1000**2 - blocks[1000]) + 2 * (2 * 500 * (500**2 - blocks[500]))
    calls = 2 * 2 + 2 * 1 + 2 * 1
    assert result["tiling"] == pytest.approx((calls * 1e-3 + flops / 1e12) / 4)
    assert result["upload"] == pytest.approx((blocks[1000] + 2 * blocks[500] + 100**2) * 1e-9 / 4)


def test_reduce_builds_factors_from_one_row_an_example(digital: DigitalCard, analog: AnalogCard) -> None:
    tokens = HEAD.replace("{factor", "{weight_sharing: reduce, factor") + (
        "layers:\n  - {name: fc, kind: linear, d_in: 99, d_out: 50, positions: 7}\n"
    )
    result = phases(project(workload(tokens), digital, analog), "kfac.cholesky")
    # the positions are summed first: 4 B x 70 rows x (100 + 50); then two products over 10 rows
    expected = (4 * 70 * 150 / 1e12 + 2e-3 + 2 * 10 * (100**2 + 50**2) / 1e12) / 2
    assert result["factors"] == pytest.approx(expected)


def test_grouped_and_written_out_give_the_same_bytes(digital: DigitalCard, analog: AnalogCard) -> None:
    grouped = HEAD + (
        "layers:\n  - repeat: 2\n    name: block{i}\n    layers:\n"
        "      - {name: up, kind: linear, d_in: 64, d_out: 256, positions: 9}\n"
        "      - {name: down, kind: linear, d_in: 256, d_out: 64, positions: 9}\n"
    )
    written = HEAD + "layers:\n" + "".join(
        f"  - {{name: block{i}.up, kind: linear, d_in: 64, d_out: 256, positions: 9}}\n"
        f"  - {{name: block{i}.down, kind: linear, d_in: 256, d_out: 64, positions: 9}}\n"
        for i in range(2)
    )  # fmt: skip
    answers = [project(workload(text), digital, analog).as_dict() for text in (grouped, written)]
    assert answers[0] == answers[1]


def test_seed_and_draws(digital: DigitalCard) -> None:
    net, analog = load_workload("ogbg"), load_analog("tngd-2024")
    once, again = (project(net, digital, analog, draws=300, seed=5).as_dict() for _ in range(2))
    assert once == again
    assert once["methods"] != project(net, digital, analog, draws=300, seed=6).as_dict()["methods"]


def test_a_new_value_leaves_the_draws_of_the_others(analog: AnalogCard, digital: DigitalCard) -> None:
    ranged = replace(analog, relaxation_time=Quantity(1e-6, 5e-7, 2e-6, second, Status.ASSUMED, ""))
    more = replace(ranged, link_latency=Quantity(1e-9, 5e-10, 2e-9, second, Status.ASSUMED, ""))
    first, second_ = (phases(project(workload(TWO_LAYERS), digital, card), "thermo.inverse") for card in (ranged, more))
    assert first["sample"] == second_["sample"]


@pytest.mark.parametrize(
    ("name", "value", "low", "high"),
    [
        ("settling_tolerance", 0.5, 0.1, 0.9),
        ("input_stable_rank", 1.1, 1.0, 3.0),
        ("output_stable_rank", 1.5, 1.01, 2.0),
    ],
)
def test_draws_stay_in_the_domain(
    name: str, value: float, low: float, high: float, digital: DigitalCard, analog: AnalogCard
) -> None:
    # Lognormal tails pass an error of 1 and a stable rank of 1; both make formulas meaningless.
    net = workload(TWO_LAYERS.replace(f", {CURVATURE}", ""))
    kfac = replace(net.kfac, **{name: Quantity(value, low, high, one, Status.ASSUMED, "")})
    result = project(replace(net, kfac=kfac), digital, analog, draws=5000)
    for method in result.methods.values():
        step = method.step_time
        assert np.isfinite([step.p05, step.median, step.p95]).all()
        assert all(phase.p05 >= 0 for phase in method.phases.values())


def test_scenarios_are_ordered(digital: DigitalCard) -> None:
    net, analog = load_workload("imagenet_vit"), load_analog("scaled")
    times = [
        project(net, digital, analog, scenario=scenario).methods["thermo.inverse"].step_time.median
        for scenario in (Scenario.OPTIMISTIC, Scenario.NOMINAL, Scenario.CONSERVATIVE)
    ]
    assert times[0] < times[1] < times[2]


def test_status_is_the_weakest_that_matters(digital: DigitalCard, analog: AnalogCard) -> None:
    measured = {
        primitive: replace(
            law, **{name: replace(q, status=Status.MEASURED) for name, q in law.quantities().items()}
        )
        for primitive, law in digital.laws.items()
    }  # fmt: skip
    card = replace(digital, laws=measured)
    result = project(workload(TWO_LAYERS), card, analog)
    assert result.methods["kfac.cholesky"].step_time.status is Status.MEASURED
    assert result.methods["thermo.inverse"].step_time.status is Status.ASSUMED
    # a phase that takes nothing does not weaken the whole
    assert result.methods["thermo.solve"].phases["average"].status is Status.MEASURED


def test_outside_its_sizes_a_law_is_extrapolated_and_widened(digital: DigitalCard, analog: AnalogCard) -> None:
    def fitted(smallest: float, largest: float) -> Any:
        laws = dict(digital.laws)
        law = laws["spd_inverse"]
        laws["spd_inverse"] = replace(
            law,
            **{
                name: replace(quantity, status=Status.INTERPOLATED, domain=(smallest, largest))
                for name, quantity in law.quantities().items()
            },
        )
        result = project(workload(TWO_LAYERS), replace(digital, laws=laws), analog)
        return result.methods["kfac.cholesky"].phases["inversion"]

    inside, outside = fitted(64, 1024), fitted(64, 256)
    assert inside.status is Status.INTERPOLATED
    assert inside.p05 == inside.p95
    assert outside.status is Status.EXTRAPOLATED
    assert outside.p05 < inside.median < outside.p95


def test_host_time_is_a_floor_for_every_method(digital: DigitalCard, analog: AnalogCard) -> None:
    floor = replace(workload(TWO_LAYERS), host_time=exact(0.5, second))
    result = project(floor, digital, analog)
    assert {phases(result, method)["forward_backward"] for method in result.methods} == {0.5}


def test_speedups_are_paired(digital: DigitalCard) -> None:
    # All methods share forward and backward; its uncertainty must cancel, so a method against itself is exactly 1.
    result = project(load_workload("imagenet_vit"), load_digital("h100-sxm"), load_analog("tngd-2024"))
    itself = result.speedup[result.best_digital]["kfac.best"]
    assert (itself.median, itself.p05, itself.p95) == (1.0, 1.0, 1.0)
    assert result.free_solver.p05 >= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"draws": 0}, "draws must be at least 1, not 0"),
        ({"seed": -1}, "seed must not be negative, not -1"),
        ({"scenario": "rosy"}, "'rosy' is not a valid Scenario"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str, digital: DigitalCard, analog: AnalogCard) -> None:
    with pytest.raises(ValueError) as error:
        project(workload(TWO_LAYERS), digital, analog, **arguments)
    assert str(error.value) == message


#: Not bits: more of them take longer to upload or to read and leave more of the tolerance to settling and sampling.
WORSE_WHEN_LARGER = (
    "relaxation_time",
    "link_latency",
    "row_write_time",
    "noise_to_signal",
    "mismatch",
)


@settings(max_examples=25, deadline=None)
@given(
    # Not cells: larger blocks upload more couplings than they save in products.
    field=st.sampled_from([*WORSE_WHEN_LARGER, "link_bandwidth", "conversion_rate", "arrays"]),
    factor=st.floats(1.01, 50),
    cells=st.integers(16, 700),
)
def test_a_better_machine_is_never_slower(field: str, factor: float, cells: int) -> None:
    analog = load_analog("tngd-2024")
    values = {name: replace(q, low=q.value, high=q.value) for name, q in analog.quantities().items()}
    card = replace(analog, **values, cells=exact(cells), mismatch=exact(1e-4))
    old = card.quantities()[field]
    value = old.value * factor
    changed = replace(card, **{field: replace(old, value=value, low=value, high=value)})
    net = load_workload("ogbg")
    digital = load_digital("rtx-a6000")
    before, after = (project(net, digital, each, draws=3) for each in (card, changed))
    for method in ("thermo.inverse", "thermo.solve"):
        slower, faster = (before, after) if field not in WORSE_WHEN_LARGER else (after, before)
        assert faster.methods[method].step_time.median <= slower.methods[method].step_time.median * (1 + 1e-12)


@settings(max_examples=10, deadline=None)
@given(bits=st.integers(4, 16), more=st.integers(1, 8), cells=st.integers(16, 700))
def test_more_bits_of_couplings_upload_longer_and_sample_no_longer(bits: int, more: int, cells: int) -> None:
    net, digital = load_workload("ogbg"), load_digital("rtx-a6000")
    card = replace(load_analog("tngd-2024"), cells=exact(cells), row_write_time=exact(0, second))
    cards = [replace(card, input_bits=exact(each, bit)) for each in (bits, bits + more)]
    fewer, finer = (phases(project(net, digital, each, draws=3), "thermo.inverse") for each in cards)
    assert fewer["upload"] < finer["upload"]
    assert fewer["settle"] >= finer["settle"]
    assert fewer["sample"] >= finer["sample"]


HARDER = {"condition_number": (100, 1000), "sampling_tolerance": (0.1, 0.01), "settling_tolerance": (0.6, 0.1)}


@pytest.mark.parametrize("name", HARDER)
def test_harder_problems_cost_the_analog_machine_more(name: str, digital: DigitalCard, analog: AnalogCard) -> None:
    noisy = replace(analog, noise_to_signal=exact(1e-6))  # without noise Method 2 makes no random errors
    times = []
    for value in HARDER[name]:
        net = workload(TWO_LAYERS)
        kfac = replace(net.kfac, **{name: Quantity(value, value, value, one, Status.ASSUMED, "")})
        result = project(replace(net, kfac=kfac), digital, noisy)
        times.append([result.methods[method].step_time.median for method in ("thermo.inverse", "thermo.solve")])
        assert result.methods["kfac.cholesky"].phases["inversion"].median > 0
    assert times[0][0] < times[1][0]
    assert times[0][1] < times[1][1]


def test_random_errors_are_no_matter_to_solves_without_noise(digital: DigitalCard, analog: AnalogCard) -> None:
    """Rounding takes half of the squared target at both, so that settling gets the same share of its own tolerance."""
    settling = []
    for target in (0.05, 0.01):
        net = workload(TWO_LAYERS)
        kfac = replace(net.kfac, sampling_tolerance=exact(target), coupling_tolerance=exact(target))
        settling.append(phases(project(replace(net, kfac=kfac), digital, analog), "thermo.solve")["settle"])
    systems = zip((500, 1000, 100, 500), factors(), strict=True)
    expected = sum(k * factor.settle_mean(SETTLING, 0.5) for k, (factor, _) in systems) * 1e-6
    assert settling == pytest.approx([expected, expected])
