"""Arms on settled columns, with the top mode out, refined: times and accuracy worked out from eigenvalues."""

from dataclasses import replace
from math import log, sqrt

import pytest

from costmodel.formulas import deflation
from costmodel.inputs.workload_file import workload_from
from costmodel.inputs.yaml_reader import parse_yaml
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.methods import METHODS, FactorConstruction
from costmodel.projection.feasibility import Reach
from costmodel.projection.project import Projection, project
from costmodel.quantities.units import bit
from tests.round_cards import exact
from tests.spectra import Spectrum, planned, together
from tests.tolerances import BOUNDLESS, alike

#: Both factors of size 64 and kappa = 10. Without its top mode A has kappa = 2, and of G only damping is left.
A = Spectrum(64, top=9, second=1, peak=8)
G = Spectrum(64, top=9, peak=8)
TARGET, SETTLING = 0.1, 0.51
TOLERATED = alike(TARGET, settling_tolerance=SETTLING, reading_tolerance=BOUNDLESS)
ONE_LAYER = f"""
schema: 1
name: one-layer
source: made up
batch_size: 100
layers:
  - {{name: only, kind: linear, d_in: 63, d_out: 64}}
kfac:
  {{{TOLERATED}, condition_number: 10, diagonal_peak: 8, factor_interval: 1,
   refresh_interval: 10, {A.stated("input")}, {G.stated("output")}}}
"""
#: Settling gets what 8 bits of the couplings leave, and both factors may lack as much: 1 - (1 - x)^2.
SYSTEMATIC = planned(together(A.rounding(8), G.rounding(8)), TARGET)
LACKS = 1 - sqrt(1 - SETTLING * sqrt(1 - (SYSTEMATIC / TARGET) ** 2))
RELAXATIONS = log(1 / LACKS)


def projected(digital: DigitalCard, analog: AnalogCard) -> Projection:
    return project(workload_from(parse_yaml(ONE_LAYER, "test.yaml")), digital, analog)


def projected_with(digital: DigitalCard, analog: AnalogCard, settings: str) -> Projection:
    text = ONE_LAYER.replace("refresh_interval: 10", settings)
    return project(workload_from(parse_yaml(text, "test.yaml")), digital, analog)


def phases(projection: Projection, name: str) -> dict[str, float]:
    return {phase: found.median for phase, found in projection.methods[name].phases.items()}


def test_columns_by_hand(digital: DigitalCard, analog: AnalogCard) -> None:
    """64 columns of kappa tau = 10 us for each factor, every 10 steps; a value takes 1 ns on the link."""
    found = phases(projected(digital, analog), "thermo.columns")
    assert found["settle"] == pytest.approx(2 * 64 * 1e-5 * RELAXATIONS / 10)
    assert found["upload"] == found["readout"] == pytest.approx(2 * 64**2 * 1e-9 / 10)
    assert found["average"] == found["tiling"] == 0  # no noise, no tiling
    assert found["symmetric"] == pytest.approx(2 * 8 * 64**2 / 1e12 / 10)
    assert "sample" not in found


@pytest.mark.parametrize(("arrays", "runs"), [(1, 128), (4, 32), (64, 2), (10_000, 1)])
def test_copies_of_a_factor_share_its_columns(arrays: int, runs: int, digital: DigitalCard, analog: AnalogCard) -> None:
    """Both factors are independent, so all 128 columns are; one run is the least."""
    found = phases(projected(digital, replace(analog, arrays=exact(arrays))), "thermo.columns")
    assert found["settle"] == pytest.approx(runs * 1e-5 * RELAXATIONS / 10)


def test_the_top_mode_taken_out(digital: DigitalCard, analog: AnalogCard) -> None:
    result = projected(digital, analog)
    columns, solves = phases(result, "thermo.columns.deflated"), phases(result, "thermo.solve.deflated")
    assert columns["settle"] == pytest.approx(64 * (2 + 1) * 1e-6 * RELAXATIONS / 10)
    assert solves["settle"] == pytest.approx(64 * (2 + 1) * 1e-6 * RELAXATIONS)
    traffic = 2 * 4 * (deflation.ITERATIONS + 3) * 64**2 / 1e12
    assert columns["deflate"] == pytest.approx(traffic / 10)
    # one more system a factor and refresh, its 64 values up and back
    assert solves["deflate"] == pytest.approx((traffic + 3e-6 * RELAXATIONS + 2 * 128e-9) / 10)
    assert columns["restore"] == pytest.approx(2 * 12 * 64**2 / 1e12 / 10)
    assert solves["restore"] == pytest.approx(2 * 12 * 64 * 64 / 1e12)
    # sampling takes kappa times what the other moments of a factor decide
    a, g = (4 / (3 + each.q) * (64 - each.d_e * (1 - each.q / 2) + 0.5) for each in (A, G))
    sampled = phases(result, "thermo.inverse.deflated")["sample"] / phases(result, "thermo.inverse")["sample"]
    assert sampled == pytest.approx((2 * a + g) / (10 * a + 10 * g), rel=0.01)


def test_a_refining_step_halves_the_run(digital: DigitalCard, analog: AnalogCard) -> None:
    result = projected(digital, analog)
    found = phases(result, "thermo.columns.refined")
    assert found["settle"] == pytest.approx(64 * 1e-5 * RELAXATIONS / 10)
    # two products of both factors in one batch: a millisecond each, 4 n^3 FLOPs at 1 TFLOP/s
    assert found["refine"] == pytest.approx((2e-3 + 2 * 4 * 64**3 / 1e12) / 10)
    both = phases(result, "thermo.columns.refined.deflated")
    assert both["settle"] == pytest.approx(64 * 3 * 1e-6 * RELAXATIONS / 10 / 2)
    assert {"deflate", "restore", "refine"} <= set(both)


def test_columns_that_start_from_the_last(digital: DigitalCard, analog: AnalogCard) -> None:
    """Refreshed every 10 steps in place of 100: nearly the same share of the averages of factors is new, less lag."""
    result = projected(digital, analog)
    found, plain = phases(result, "thermo.columns.warm"), phases(result, "thermo.columns")
    # 1 - 0.95^10 is new, now updated every step, from 20 + 5 steps away; stated from 200 + 50
    drift = 1 - 0.7 ** sqrt(25 / 250)
    assert found["settle"] == pytest.approx(2 * 64 * 1e-5 * log(1 + drift / LACKS) / 10, rel=0.02)
    assert found["settle"] < 0.5 * plain["settle"]
    assert found["start"] == pytest.approx(2 * 64**2 * 1e-9 / 10)  # 16 bits a value, as the couplings
    assert found["upload"] == plain["upload"]
    traffic = 2 * 16 * 64**2 / 1e12
    assert found["fit"] == pytest.approx(traffic / 10)
    both = phases(result, "thermo.columns.warm.refined.deflated")
    assert both["settle"] == pytest.approx(64 * 3 * 1e-6 * log(1 + drift / sqrt(LACKS)) / 10, rel=0.02)
    # a start that is worth nothing
    far = projected_with(digital, analog, "drift: 1, refresh_interval: 1000")
    assert phases(far, "thermo.columns.warm")["settle"] > phases(far, "thermo.columns")["settle"]


def test_accuracy_is_that_of_what_the_arrays_see(digital: DigitalCard, analog: AnalogCard) -> None:
    """At 8 bits: couplings of A in 127 steps of its largest entry, before and after its top mode is out."""
    card = replace(analog, input_bits=exact(8, bit), output_bits=exact(16, bit))
    result = projected(digital, card)
    plain, deflated, refined, both = (
        result.feasibility[f"thermo.columns{kind}"].parts["input_rounding"].median
        for kind in ("", ".deflated", ".refined", ".refined.deflated")
    )
    assert plain == pytest.approx(together(A.rounding(8), G.rounding(8)))
    left_A, left_G = Spectrum(64, top=1, second=1, peak=8), Spectrum(64, top=1e-9, peak=8)
    assert deflated == pytest.approx(together(left_A.rounding(8), left_G.rounding(8)), rel=0.02)
    squared = [sqrt(3) * x**2 / (1 - 4 * x**2) ** 1.5 for x in (A.rounding(8), G.rounding(8))]
    assert refined == pytest.approx(together(*squared))
    assert both < min(refined, deflated)
    fewer = result.feasibility["thermo.columns.refined"].input_bits.median
    assert fewer < result.feasibility["thermo.columns"].input_bits.median - 1


def test_every_arm_says_what_it_does_about_errors() -> None:
    arms = {name: build(FactorConstruction.EXPAND) for name, build in METHODS.items() if name.startswith("thermo.")}
    for name, arm in arms.items():
        assert (arm.deflated, arm.refined) == ("deflated" in name, "refined" in name or name.endswith("passes"))
        needs = "oscillation_time" if name.endswith(".underdamped") else "relaxation_time"
        assert arm.needs == ("product_time" if name.startswith("thermo.products") else needs)
        # correlators, injected noise; offsets of converters
        assert bool(arm.assumes) == (name.startswith("thermo.inverse") or name.endswith("averaged"))
        assert (arm.readings is not None) == name.endswith("averaged")
    assert len(arms) == 32


def test_the_best_arm_is_the_cheapest_that_runs(digital: DigitalCard, analog: AnalogCard) -> None:
    result = projected(digital, analog)
    able = [name for name, found in result.feasibility.items() if found.reach is not Reach.CANNOT_RUN]
    assert len(able) == 15
    assert result.best_thermodynamic == min(able, key=lambda name: result.methods[name].step_time.median)
