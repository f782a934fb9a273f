"""What of a gradient's error no time removes, cause by cause and layer by layer, summed over known spectra."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from costmodel.defaults import Scenario
from costmodel.inputs.workload_file import workload_from
from costmodel.inputs.yaml_reader import parse_yaml
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.methods import Role
from costmodel.projection.draws import Sample, quantities
from costmodel.projection.evaluation import Evaluation
from costmodel.projection.feasibility import Feasibility, Reach, feasibilities
from costmodel.projection.methods import methods_of
from costmodel.projection.project import Projection, project
from costmodel.quantities.units import bit
from costmodel.views.verdict import accuracy_told
from costmodel.workloads.workload import Workload
from tests.round_cards import exact
from tests.spectra import Spectrum, together
from tests.tolerances import alike

#: kappa = 10; the largest diagonal entry is eight times the mean: (9 + 1) / 64 x 8 + 1 = 2.25 dampings in A.
A = Spectrum(64, top=9, second=1, peak=8)
G = Spectrum(64, top=9, peak=8)
TARGET = 0.1
NARROW = "{name: narrow, kind: linear, d_in: 15, d_out: 16}"
SQUARE = "{name: only, kind: linear, d_in: 63, d_out: 64}"
WIDE = "{name: wide, kind: linear, d_in: 1023, d_out: 1024}"


def workload(*layers: str, tolerated: str = alike(TARGET)) -> Workload:
    text = f"""
schema: 1
name: net
source: made up
batch_size: 100
layers: [{", ".join(layers)}]
kfac:
  {{{tolerated}, condition_number: 10, diagonal_peak: 8, {A.stated("input")}, {G.stated("output")}}}
"""
    return workload_from(parse_yaml(text, "test.yaml"))


def with_bits(card: AnalogCard, bits: float) -> AnalogCard:
    return replace(card, input_bits=exact(bits, bit), output_bits=exact(bits, bit))


def projected(digital: DigitalCard, card: AnalogCard, *layers: str, tolerated: str = alike(TARGET)) -> Projection:
    return project(workload(*(layers or (SQUARE,)), tolerated=tolerated), digital, card, draws=1)


def parts(found: Feasibility) -> dict[str, float]:
    return {name: part.median for name, part in found.parts.items()}


def expected_parts(method: str, input_bits: float, output_bits: float, mismatch: float) -> dict[str, float]:
    """Causes of one layer; in Method 2 what is wrong before G's inverse is applied is enlarged by it."""
    found = {"input_rounding": together(A.rounding(input_bits), G.rounding(input_bits))}
    if method == "thermo.inverse":
        found["output_rounding"] = together(A.reading(output_bits), G.reading(output_bits))
    else:
        inputs = A.solution(input_bits) * A.white_gain * G.white_gain, G.solution(input_bits) * G.white_gain
        found["right_hand_sides"] = together(*inputs)
        found["output_rounding"] = together(A.solution(output_bits) * G.white_gain, G.solution(output_bits))
    return found | {"mismatch": together(A.mismatch(mismatch), G.mismatch(mismatch))}


@pytest.mark.parametrize(
    ("method", "bits", "mismatch", "limit"),
    [
        ("thermo.inverse", (8, 16), 1e-3, "input_rounding"),
        ("thermo.inverse", (4, 16), 1e-3, "input_rounding"),  # a part of the entries is below half a step
        ("thermo.inverse", (8, 8), 1e-3, "output_rounding"),
        ("thermo.inverse", (16, 4), 1e-3, "output_rounding"),
        ("thermo.inverse", (16, 16), 0.05, "mismatch"),
        ("thermo.solve", (8, 8), 1e-3, "right_hand_sides"),
        ("thermo.solve", (16, 8), 1e-3, "output_rounding"),
        ("thermo.solve", (16, 16), 0.05, "mismatch"),
    ],
)
def test_every_cause_by_hand(
    method: str, bits: tuple[int, int], mismatch: float, limit: str, digital: DigitalCard, analog: AnalogCard
) -> None:
    card = replace(analog, input_bits=exact(bits[0], bit), output_bits=exact(bits[1], bit), mismatch=exact(mismatch))
    found = projected(digital, card).feasibility[method]
    expected = expected_parts(method, *bits, mismatch)
    assert parts(found) == pytest.approx(expected)
    assert found.error.median == pytest.approx(sum(part**2 for part in expected.values()) ** 0.5)
    assert found.limit == limit == max(expected, key=lambda name: expected[name])
    assert found.target.median == TARGET
    assert {name: share.median * TARGET for name, share in found.shares.items()} == pytest.approx(expected)
    assert found.budget.median == pytest.approx(found.error.median / TARGET)
    assert found.unknown == ()


#: Errors of Method 1 at 8 bits and a mismatch of 1 %: 0.056 by couplings, 0.208 by readings, 0.022 by mismatch.
OWN = {
    "coupling_tolerance": ("input_rounding", (0.01, 0.3, 0.2)),
    "reading_tolerance": ("output_rounding", (0.3, 0.4, 0.3)),
    "mismatch_tolerance": ("mismatch", (0.2, 0.7, 0.05)),
}


@pytest.mark.parametrize(("limit", "tolerated"), OWN.values(), ids=OWN)
def test_every_cause_is_measured_by_its_own_tolerance(
    limit: str, tolerated: tuple[float, float, float], digital: DigitalCard, analog: AnalogCard
) -> None:
    """What limits is the largest of errors over their tolerances, whichever error is the largest."""
    card = replace(with_bits(analog, 8), mismatch=exact(0.01))
    by_key = dict(zip(OWN, tolerated, strict=True))
    for method in ("thermo.inverse", "thermo.solve"):
        found = projected(digital, card, tolerated=alike(0.3, **by_key)).feasibility[method]
        errors = expected_parts(method, 8, 8, 0.01)
        own = {cause: by_key[key] for key, (cause, _) in OWN.items()}
        own["right_hand_sides"] = own["output_rounding"]
        shares = {cause: error / own[cause] for cause, error in errors.items()}
        assert {name: share.median for name, share in found.shares.items()} == pytest.approx(shares)
        assert {name: each.median for name, each in found.tolerances.items()} == {name: own[name] for name in errors}
        assert found.budget.median == pytest.approx(sum(share**2 for share in shares.values()) ** 0.5)
        assert found.target.median == own[found.limit]
        assert found.reach is (Reach.YES if found.budget.median <= 1 else Reach.NO)
        if method == "thermo.inverse":
            assert found.limit == limit


def test_bits_are_those_that_the_tolerance_of_couplings_needs(digital: DigitalCard, analog: AnalogCard) -> None:
    others = alike(0.01, coupling_tolerance=TARGET)
    found, alone = (projected(digital, analog, tolerated=each).feasibility for each in (others, alike(TARGET)))
    for method, judged in alone.items():
        assert found[method].input_bits == judged.input_bits


def test_couplings_whose_rounding_takes_definiteness_away(digital: DigitalCard, analog: AnalogCard) -> None:
    """At 3 bits an entry is off by 2.25 / 3 / sqrt(12) dampings, an inverse by 1.7: as much as one without modes."""
    found = projected(digital, with_bits(analog, 3)).feasibility["thermo.inverse"]
    whole = [np.sqrt((0.09 * 81 + 0.25 * 1) / 0.34), 9.0]  # weights alpha / lambda^2 of modes that are off by alpha
    assert parts(found)["input_rounding"] == pytest.approx(together(*whole))


def test_a_method_is_judged_alone_as_beside_others(digital: DigitalCard, analog: AnalogCard) -> None:
    net = workload(SQUARE, NARROW)
    sample = Sample.of(quantities(net, digital, analog), 5, 0, Scenario.NOMINAL)
    methods = [method for method in methods_of(net) if method.role is Role.THERMODYNAMIC]
    evaluation = Evaluation(net, digital, analog, methods, sample)
    found = feasibilities(methods, analog, evaluation)
    assert {(method.deflated, method.refined) for method in methods} == {(a, b) for a in (0, 1) for b in (0, 1)}
    for method in methods:
        assert feasibilities([method], analog, evaluation)[method.name] == found[method.name]


def test_bits_that_couplings_need(digital: DigitalCard, analog: AnalogCard) -> None:
    # A: sum of 1 / lambda^2 = 62.26; 2.25 sqrt(62.26 / 12) = 5.125 over 0.07062 for each of two inverses: 73.57 steps
    for bits in (4, 8):
        found = projected(digital, with_bits(analog, bits)).feasibility["thermo.inverse"]
        assert found.input_bits.median == pytest.approx(1 + np.log2(73.57), abs=1e-4)
    # 8 bits have 127 steps, 7 have 63
    for bits, reached in ((7, False), (8, True)):
        rounding = parts(projected(digital, with_bits(analog, bits)).feasibility["thermo.inverse"])["input_rounding"]
        assert (rounding <= TARGET) is reached


@pytest.mark.parametrize(("bits", "reach"), [(4, Reach.NO), (9, Reach.NO), (14, Reach.YES)])
def test_bits_decide(bits: int, reach: Reach, digital: DigitalCard, analog: AnalogCard) -> None:
    found = projected(digital, with_bits(analog, bits)).feasibility["thermo.solve"]
    assert found.reach is reach
    assert found.layers_reached == (1 if reach is Reach.YES else 0)
    assert (found.error.median <= TARGET) is (reach is Reach.YES)


def test_mismatch_is_unknown_unless_a_card_states_it(digital: DigitalCard, analog: AnalogCard) -> None:
    without = projected(digital, analog).feasibility["thermo.solve"]
    assert without.unknown == ("mismatch",)
    assert "mismatch" not in without.parts
    within = projected(digital, replace(analog, mismatch=exact(0.05))).feasibility["thermo.solve"]
    # A: |A| = sqrt(10^2 + 2^2 + 62), |A^-1| = sqrt(62.26); G: sqrt(10^2 + 63), sqrt(63.01); 0.05 / 64 of the products
    each = [0.05 / 64 * np.sqrt(166 * 62.26), 0.05 / 64 * np.sqrt(163 * 63.01)]
    assert parts(within)["mismatch"] == pytest.approx(together(*each))


def test_tiling_amplifies_what_is_read_out(digital: DigitalCard, analog: AnalogCard) -> None:
    """Blocks of 16: kappa = 10 where pivots lose hold, its root for solutions; a row has a quarter of the couplings.

    (10 x 16 / 64)^2 / sqrt(12) is 1.804 dampings over the steps: 127 steps keep pivots definite, 3 do not.
    """
    result = projected(digital, replace(analog, cells=exact(16)))
    inverse, solve = (parts(result.feasibility[name]) for name in ("thermo.inverse", "thermo.solve"))
    assert inverse["output_rounding"] == pytest.approx(together(A.reading(8), G.reading(8)))
    coarse = projected(digital, replace(analog, cells=exact(16), output_bits=exact(3, bit)))
    found = parts(coarse.feasibility["thermo.inverse"])
    assert found["output_rounding"] == pytest.approx(together(10 * A.reading(3), 10 * G.reading(3)))
    outputs = 10**0.5 * A.solution(8) * G.white_gain, 10**0.5 * G.solution(8)
    assert solve["output_rounding"] == pytest.approx(together(*outputs))
    assert inverse["input_rounding"] == pytest.approx(together(A.rounding(8) / 2, G.rounding(8) / 2))


# --- layers that differ ----------------------------------------------------------------------------------------------


def error_of(size: int, bits: float) -> float:
    """By Method 1 of a square layer."""
    a, g = replace(A, n=size), replace(G, n=size)
    return float(np.hypot(together(a.rounding(bits), g.rounding(bits)), together(a.reading(bits), g.reading(bits))))


def test_narrow_layers_are_reached_and_wide_ones_are_not(digital: DigitalCard, analog: AnalogCard) -> None:
    layers = "{repeat: 3, name: 'b{i}', layers: [" + NARROW + "]}", WIDE
    found = projected(digital, with_bits(analog, 9), *layers).feasibility["thermo.inverse"]
    assert error_of(16, 9) < TARGET < error_of(1024, 9)
    assert found.reach is Reach.SOME
    assert found.layers_reached == pytest.approx(3 / 4)
    assert found.error.median == pytest.approx(error_of(1024, 9))  # of the worst layer
    assert parts(found)["input_rounding"] == pytest.approx(
        together(replace(A, n=1024).rounding(9), replace(G, n=1024).rounding(9))
    )


@pytest.mark.parametrize(("narrow", "reach"), [(98, Reach.SOME), (99, Reach.YES), (197, Reach.SOME), (198, Reach.YES)])
def test_one_layer_in_a_hundred_may_be_solved_digitally(
    narrow: int, reach: Reach, digital: DigitalCard, analog: AnalogCard
) -> None:
    wide = 1 if narrow < 100 else 2
    layers = [
        f"{{repeat: {count}, name: '{name}{{i}}', layers: [{layer}]}}"
        for count, name, layer in ((narrow, "n", NARROW), (wide, "w", WIDE))
    ]
    found = projected(digital, with_bits(analog, 9), *layers).feasibility["thermo.inverse"]
    assert found.reach is reach
    assert found.layers_reached == pytest.approx(narrow / (narrow + wide))


def test_a_grouped_convolution_is_one_layer(digital: DigitalCard, analog: AnalogCard) -> None:
    grouped = "{name: conv, kind: convolution, d_in: 64, d_out: 64, kernel: [1], groups: 4, positions: 3, bias: false}"
    found = projected(digital, with_bits(analog, 9), grouped, WIDE).feasibility["thermo.inverse"]
    assert found.layers_reached == pytest.approx(1 / 2)


def test_the_json_contract_describes_every_key(digital: DigitalCard, analog: AnalogCard) -> None:
    text = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| `feasibility[NAME].")]
    described = {key.partition("].")[2].partition("[")[0].strip(" `"): meaning for key, meaning in rows}
    found = projected(digital, replace(analog, mismatch=exact(0.05))).feasibility
    for judgement in found.values():
        assert set(judgement.as_dict()) == set(described)
        assert all(f"`{cause}`" in described["parts"] for cause in judgement.parts)
        assert judgement.parts.keys() == judgement.tolerances.keys() == judgement.shares.keys()
    assert all(f"`{reach.value}`" in described["reach"] for reach in Reach)


# --- in words --------------------------------------------------------------------------------------------------------


def said(projection: Projection) -> str:
    """What the verdict says of accuracy."""
    told = accuracy_told(projection, projection.best_thermodynamic)
    assert told in projection.verdict()
    return told


def solved(projection: Projection) -> Projection:
    """A projection whose one thermodynamic method is Method 2."""
    return replace(projection, feasibility={"thermo.solve": projection.feasibility["thermo.solve"]})


def judged(projection: Projection, **changes: object) -> Projection:
    """A projection whose better thermodynamic method is judged otherwise."""
    name = projection.best_thermodynamic
    feasibility: Mapping[str, Feasibility] = projection.feasibility
    return replace(projection, feasibility={**feasibility, name: replace(feasibility[name], **changes)})


def test_the_verdict_is_silent_where_the_target_is_met(digital: DigitalCard, analog: AnalogCard) -> None:
    result = projected(digital, with_bits(analog, 16))
    assert result.feasibility[result.best_thermodynamic].reach is Reach.YES
    assert said(result) == ""


def test_the_verdict_where_no_layer_is_reached(digital: DigitalCard, analog: AnalogCard) -> None:
    result = solved(projected(digital, replace(with_bits(analog, 16), input_bits=exact(5, bit))))
    # Inputs: sqrt(ln(128) / 6) / 15 = 0.05995 of each; A enlarges that sqrt(62.26 / 64 x 10 / 0.34) = 5.349 times and
    # G sqrt(63.01 / 64 x 9 / 0.09) = 9.922 times: 3.182 and 0.595, together 3.750. Couplings: 2.25 / 15
    # sqrt(62.26 / 12) = 0.342 and 2.125 / 15 sqrt(63.01 / 12) = 0.325, together 0.484.
    assert said(result) == (
        " No layer gets as close to the exact gradient as training needs; the worst is off by 3.75, by rounding of its "
        "inputs, of which 0.1 is tolerated."
    )


@pytest.mark.parametrize(
    ("limit", "cause"),
    [
        ("input_rounding", "rounding of its couplings"),
        ("right_hand_sides", "rounding of its inputs"),
        ("output_rounding", "rounding of what is read out"),
        ("mismatch", "component mismatch"),
    ],
)
def test_the_verdict_where_some_layers_are_reached(
    limit: str, cause: str, digital: DigitalCard, analog: AnalogCard
) -> None:
    result = solved(projected(digital, with_bits(analog, 5)))
    error = replace(result.feasibility["thermo.solve"].error, median=0.25)
    some = judged(result, limit=limit, parts={limit: error}, layers_reached=0.754)
    bits = "; 8 bits are needed and the card has 5" if limit == "input_rounding" else ""
    assert said(some) == (
        f" 75% of its layers get as close to the exact gradient as training needs; the worst is off by 0.25, by "
        f"{cause}, of which 0.1 is tolerated{bits}."
    )


def test_the_verdict_does_not_call_a_few_layers_none(digital: DigitalCard, analog: AnalogCard) -> None:
    some = judged(projected(digital, with_bits(analog, 5)), layers_reached=1 / 250)
    assert said(some).startswith(" 0.4% of its layers get as close to the exact gradient as training needs; ")


def test_the_verdict_asks_for_no_bits_that_the_card_has(digital: DigitalCard, analog: AnalogCard) -> None:
    """8 bits would do for couplings alone; with other causes beside them they do not."""
    result = judged(projected(digital, with_bits(analog, 8)), limit="input_rounding", layers_reached=0.0)
    error = result.feasibility[result.best_thermodynamic].error
    assert error.median > TARGET
    assert said(result).endswith(", by rounding of its couplings, of which 0.1 is tolerated.")
