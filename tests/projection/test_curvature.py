"""Curvature of layers, drawn: which layers stand for others, what decides their curvature, how it is distributed."""

import math
from dataclasses import replace

import numpy as np
import pytest

from costmodel.curvature.law import Spread, Target, TargetLaw
from costmodel.curvature.roles import LayerRole
from costmodel.defaults import Scenario
from costmodel.inputs.loading import catalog_names, load_workload
from costmodel.inputs.workload_file import workload_from
from costmodel.inputs.yaml_reader import parse_yaml
from costmodel.projection.curvature import targets
from costmodel.projection.draws import Sample, quantities
from costmodel.projection.standing import Curvature, Standing, curvature, standings
from costmodel.quantities.estimate import DEVIATE_95, Draws
from costmodel.workloads.workload import Shape, Workload
from tests.round_cards import analog_card, digital_card

#: Sampling tolerances are 4 standard errors: 6e-5 of false alarms a comparison, and seeds are fixed.
ERRORS = 4.0
DRAWS = 20_000
#: Standard errors of a median, and of a 5th or 95th percentile, of DRAWS normal deviates of unit variance:
#: sqrt(p (1 - p) / DRAWS) over the density there, 0.399 and 0.103.
OF_MEDIAN = 0.5 / 0.39894 / math.sqrt(DRAWS)
OF_TAIL = math.sqrt(0.05 * 0.95) / 0.10314 / math.sqrt(DRAWS)

BLOCKS = """
  - {name: embed, kind: linear, d_in: 40, d_out: 64}
  - repeat: 12
    name: b
    layers:
      - {name: up, kind: linear, role: mlp_in, d_in: 64, d_out: 256}
      - {name: down, kind: linear, role: mlp_out, d_in: 256, d_out: 64}
  - {name: last, kind: linear, d_in: 64, d_out: 10}
"""
ONE = "\n  - {name: only, kind: linear, role: hidden, d_in: 99, d_out: 50}\n"
OTHER = "  - {name: other, kind: linear, role: hidden, d_in: 99, d_out: 50}\n"
TWO = ONE + OTHER


def network(layers: str, kfac: str = "", top: str = "network: perceptron") -> Workload:
    text = f"schema: 1\nname: net\nbatch_size: 8\n{top}\nkfac: {{{kfac}}}\nlayers:{layers}"
    return workload_from(parse_yaml(text, "test.yaml"))


def shapes(net: Workload) -> tuple[Shape, ...]:
    return tuple(shape for shape, _ in net.shapes())


def standing(net: Workload) -> list[Standing]:
    return standings(net, shapes(net))


def drawn(net: Workload, draws: int = 50, scenario: Scenario = Scenario.NOMINAL, seed: int = 7) -> Curvature:
    found = quantities(net, digital_card(), analog_card())
    return curvature(net, shapes(net), Sample.of(found, draws, seed, scenario))


# --- which layers stand for others ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", catalog_names("models"))
def test_weights_of_a_shape_add_up_to_one(name: str) -> None:
    net = load_workload(name)
    total = np.zeros(len(shapes(net)))
    for each in standing(net):
        total[each.unit] += each.weight
    assert total == pytest.approx(1.0)


@pytest.mark.parametrize("name", catalog_names("models"))
def test_weights_say_how_many_layers_have_a_role(name: str) -> None:
    """Each shape's weights of a role, times its layers, are the layers of that shape and role."""
    net = load_workload(name)
    counts = [count for _, count in net.shapes()]
    order = {shape: index for index, shape in enumerate(shapes(net))}
    stood = dict.fromkeys({(order[layer.shape], layer.role) for layer in net.layers}, 0.0)
    for each in standing(net):
        stood[each.unit, each.layer.role] += each.weight * counts[each.unit]
    expected = dict.fromkeys(stood, 0)
    for layer in net.layers:
        expected[order[layer.shape], layer.role] += 1
    assert stood == pytest.approx(expected)


def test_three_layers_stand_for_twelve_a_third_of_the_run_each() -> None:
    """The third, seventh and eleventh: middles of equal parts. Depths are 2/11, 6/11 and 10/11."""
    found = [each for each in standing(network(BLOCKS)) if each.layer.role is LayerRole.MLP_IN]
    assert [each.layer.name for each in found] == ["b.2.up", "b.6.up", "b.10.up"]
    assert [each.place.depth for each in found] == pytest.approx([2 / 11, 6 / 11, 10 / 11])
    assert sorted(each.place.stage for each in found) == pytest.approx([1 / 6, 1 / 2, 5 / 6])
    assert [each.weight for each in found] == pytest.approx([1 / 3] * 3)


def test_not_every_role_ends_with_its_last_layer() -> None:
    """Thirds of the run are dealt to depths in another order for each of the two roles of the blocks."""
    stages = {
        role: [each.place.stage for each in standing(network(BLOCKS)) if each.layer.role is role]
        for role in (LayerRole.MLP_IN, LayerRole.MLP_OUT)
    }
    assert stages[LayerRole.MLP_IN] != stages[LayerRole.MLP_OUT]


def test_the_only_layer_stands_at_every_third() -> None:
    found = [each for each in standing(network(BLOCKS)) if each.layer.name == "last"]
    assert [each.place.stage for each in found] == pytest.approx([1 / 6, 1 / 2, 5 / 6])
    assert [each.weight for each in found] == pytest.approx([1 / 3] * 3)
    assert {each.place.role for each in found} == {LayerRole.HEAD}


def test_roles_of_one_shape_stand_apart() -> None:
    """Four queries and two values of one shape: two thirds and a third of its layers."""
    layers = "".join(
        f"\n  - {{name: {role}{index}, kind: linear, role: {role}, d_in: 8, d_out: 8}}"
        for role, count in (("query", 4), ("value", 2))
        for index in range(count)
    )
    found = standing(network(layers + "\n"))
    weights = {
        role: sum(each.weight for each in found if each.layer.role is role)
        for role in (LayerRole.QUERY, LayerRole.VALUE)
    }
    assert weights == pytest.approx({LayerRole.QUERY: 2 / 3, LayerRole.VALUE: 1 / 3})
    # three of the queries stand, a third of the run each; both values, for every third
    assert len(found) == 3 + 2 * 3


def test_every_layer_stands_where_one_is_stated() -> None:
    net = network(BLOCKS, "curvature: {layers: {b.0.up: {mean_curvature: 1}}}")
    assert {each.layer.name for each in standing(net)} == {layer.name for layer in net.layers}


def test_a_stage_of_training_holds_for_all() -> None:
    found = standing(network(BLOCKS, "training_stage: 0.25"))
    assert {each.place.stage for each in found} == {0.25}
    assert len(found) == 1 + 3 + 3 + 1


def test_positions_that_a_vision_transformer_averages_over() -> None:
    """16 positions of one target each, called twice, are 2 rows a term, of the 196 measured; one row is no mean."""
    layers = (
        "\n  - {name: first, kind: linear, d_in: 4, d_out: 4, positions: 16, calls: 2}\n"
        "  - {name: last, kind: linear, d_in: 4, d_out: 2}\n"
    )
    found = standing(network(layers, "", "loss_terms: 16\nnetwork: vision_transformer"))
    assert {each.layer.name: each.place.sharing for each in found} == {"first": 2 / 196, "last": 1.0}
    found = standing(network(layers, "", "loss_terms: 16"))
    assert {each.place.sharing for each in found} == {1.0}


def test_means_weigh_what_stands_for_a_shape() -> None:
    """Two layers of the first shape weigh 1/4 and 3/4: 1/4 1 + 3/4 3, and for the factors G below 1/4 2 + 3/4 4."""
    found = Curvature(np.array([0, 0, 1]), np.array([0.25, 0.75, 1.0]))
    assert found.mean(np.array([[1.0], [3.0], [5.0], [2.0], [4.0], [6.0]])).tolist() == [[2.5], [5.0], [3.5], [6.0]]
    assert found.mean(np.array([[8.0]])).tolist() == [[8.0]]  # the same for all
    assert found.spread(np.array([[1.0], [2.0], [3.0], [4.0]])).ravel().tolist() == [1, 1, 2, 3, 3, 4]
    assert found.spread(np.array([[8.0]])).tolist() == [[8.0]]


def test_two_ways_of_writing_a_model_give_the_same_draws() -> None:
    written_out = ["\n  - {name: embed, kind: linear, d_in: 40, d_out: 64}"]
    for index in range(12):
        written_out.append(f"  - {{name: b.{index}.up, kind: linear, role: mlp_in, d_in: 64, d_out: 256}}")
        written_out.append(f"  - {{name: b.{index}.down, kind: linear, role: mlp_out, d_in: 256, d_out: 64}}")
    written_out.append("  - {name: last, kind: linear, role: head, d_in: 64, d_out: 10}\n")
    one, other = drawn(network(BLOCKS)), drawn(network("\n".join(written_out)))
    assert one.unit.tolist() == other.unit.tolist()
    assert one.weight.tolist() == other.weight.tolist()
    assert {letter: values.tolist() for letter, values in one.values.items()} == {
        letter: values.tolist() for letter, values in other.values.items()
    }


# --- how curvature is distributed ----------------------------------------------------------------------------------


def _law(net: Workload, target: Target) -> TargetLaw:
    return net.kfac.curvature_law.targets[target]


def assert_lognormal(values: Draws, mean: float, deviation: float, low: float = 0.0, high: float = np.inf) -> None:
    """Median and 90 % interval of some draws are those of a normal logarithm, cut off at both ends."""
    assert values.shape == (DRAWS,)
    for share, deviate, error in ((0.05, -DEVIATE_95, OF_TAIL), (0.5, 0.0, OF_MEDIAN), (0.95, DEVIATE_95, OF_TAIL)):
        expected = math.log(max(min(math.exp(mean + deviate * deviation), high), max(low, 1e-300)))
        found = float(np.log(np.quantile(values, share)))
        assert found == pytest.approx(expected, abs=ERRORS * error * deviation), share


@pytest.mark.parametrize("stage", [0.01, 0.5])
@pytest.mark.parametrize("letter", ["theta", "s_r", "s_d"])
def test_draws_follow_law_and_spread(letter: str, stage: float) -> None:
    """Twelve comparisons a letter at most: fewer than 1e-3 of false alarms in all of them together."""
    net = network(ONE, f"training_stage: {stage}")
    sides = {
        "theta": (Target.MEAN_CURVATURE, Target.MEAN_CURVATURE),
        "s_r": (Target.INPUT_STABLE_RANK, Target.OUTPUT_STABLE_RANK),
        "s_d": (Target.INPUT_SPECTRAL_DECAY, Target.OUTPUT_SPECTRAL_DECAY),
    }[letter]
    (place,) = (each.place for each in standing(net))
    ends = {"theta": (0.0, np.inf), "s_d": (0.1, np.inf)}
    for row, target, n in zip(drawn(net, DRAWS).values[letter], sides, (100, 50), strict=True):
        law = _law(net, target)
        low, high = ends.get(letter, (1.0, n))
        deviation = law.spread_in(net.network).total(stage)
        assert_lognormal(row, float(law.logarithm([place])[0]), deviation, low, high)


def test_gaps_follow_law_and_spread_where_no_stable_rank_bounds_them() -> None:
    """A second eigenvalue is at most the first where both stable ranks are 2 or more."""
    net = network(ONE, "training_stage: 0.5, input_stable_rank: 2, output_stable_rank: 2")
    (place,) = (each.place for each in standing(net))
    for row, target in zip(
        drawn(net, DRAWS).values["eta"], (Target.INPUT_TOP_MODE_GAP, Target.OUTPUT_TOP_MODE_GAP), strict=True
    ):
        law = _law(net, target)
        deviation = law.spread_in(net.network).total(0.5)
        assert_lognormal(row, float(law.logarithm([place])[0]), deviation, low=1.0)


def test_a_network_of_another_kind_varies_more() -> None:
    net = network(ONE, "training_stage: 0.5", "network: other")
    (place,) = (each.place for each in standing(net))
    law = _law(net, Target.MEAN_CURVATURE)
    mean, deviation = float(law.logarithm([place])[0]), law.spread_elsewhere.total(0.5)
    assert_lognormal(drawn(net, DRAWS).values["theta"][0], mean, deviation)


#: Variances of network, stage, role and layer: 1, 2, 3 and 4.
PARTS = Spread(1.0, math.sqrt(2.0), math.sqrt(3.0), 2.0, 2.0)


@pytest.mark.parametrize(
    ("layers", "kfac", "share"),
    [
        # two layers of a role at one stage share all but their own: (1 + 2 + 3) / 10
        (TWO, "training_stage: 0.5", 0.6),
        # two roles at one stage: (1 + 2) / 10
        (ONE + OTHER.replace("hidden", "head"), "training_stage: 0.5", 0.3),
        # one layer at two stages: all but the stage, (1 + 3 + 4) / 10
        (ONE, "", 0.8),
    ],
)
def test_layers_share_what_they_have_in_common(layers: str, kfac: str, share: float) -> None:
    """The correlation of two logarithms; its standard error is (1 - share^2) / sqrt(draws). 1 in 2e4 a false alarm."""
    net = network(layers, kfac)
    law = replace(_law(net, Target.MEAN_CURVATURE), spread=PARTS)
    laws = replace(net.kfac.curvature_law, targets={**net.kfac.curvature_law.targets, Target.MEAN_CURVATURE: law})
    net = replace(net, kfac=replace(net.kfac, curvature_law=laws))
    one, other = np.log(drawn(net, DRAWS).values["theta"][:2])
    error = (1 - share**2) / math.sqrt(DRAWS)
    assert float(np.corrcoef(one, other)[0, 1]) == pytest.approx(share, abs=ERRORS * error)


# --- what bounds it ------------------------------------------------------------------------------------------------


def test_a_stable_rank_is_at_most_the_order_of_the_factor() -> None:
    """Factors of 5 and 3: half of the draws of A, whose median is its order, are that order; all of G's are.

    4 standard errors of a share of half of 1500 draws, 500 of which are alike for three stages: 0.09.
    """
    net = network(
        "\n  - {name: only, kind: linear, role: hidden, d_in: 4, d_out: 3}\n",
        "input_stable_rank: {value: 5, low: 1.5, high: 60, status: assumed, source: wide}, output_stable_rank: 40",
    )
    ranks = drawn(net, 500).values["s_r"]
    A, G = ranks[:3], ranks[3:]
    assert A.max() == 5.0
    assert 0.4 < np.mean(A == 5.0) < 0.6
    assert set(G.ravel()) == {3.0}


def test_a_gap_is_never_below_what_the_stable_rank_leaves() -> None:
    """The second eigenvalue is part of what the first leaves of the trace: 1 / eta <= s_r - 1."""
    found = drawn(network(BLOCKS), 2000).values
    bound = 1 / np.maximum(found["s_r"] - 1, 1e-12)
    assert np.all(found["eta"] >= bound * (1 - 1e-12))
    assert np.any(found["eta"] == bound)  # the law alone would let some draws below


def test_a_factor_of_one_row_has_no_second_mode() -> None:
    net = network("\n  - {name: only, kind: linear, role: hidden, d_in: 4, d_out: 1}\n", "training_stage: 0.5")
    found = drawn(net).values
    assert set(found["s_r"][1]) == {1.0}
    assert set(found["eta"][1]) == {1e12}


# --- what a model states -------------------------------------------------------------------------------------------


def test_what_says_most_of_a_layer_goes_first() -> None:
    """Theta of the named layer, of its role, of all; stable ranks of A by role and by law."""
    layers = TWO + "  - {name: last, kind: linear, role: head, d_in: 50, d_out: 10}\n"
    net = network(
        layers,
        "training_stage: 0.5, mean_curvature: 0.3, curvature: {"
        "roles: {hidden: {mean_curvature: 0.2, input_stable_rank: 2}}, layers: {other: {mean_curvature: 0.1}}}",
    )
    names = [each.layer.name for each in standing(net)]
    found = drawn(net).values
    theta, ranks = (
        {name: set(row) for name, row in zip(names, found[letter], strict=False)} for letter in ("theta", "s_r")
    )
    assert theta == {"only": {0.2}, "other": {0.1}, "last": {0.3}}
    assert ranks["only"] == ranks["other"] == {2.0}
    assert len(ranks["last"]) > 40  # of 50 draws, a few at 1


def test_layers_of_a_role_vary_by_its_range() -> None:
    role = "{value: 1e-3, low: 1e-4, high: 1e-2, status: measured, source: mine}"
    net = network(TWO, f"training_stage: 0.5, curvature: {{roles: {{hidden: {{mean_curvature: {role}}}}}}}")
    one, other = drawn(net, DRAWS).values["theta"][:2]
    for row in (one, other):
        assert_lognormal(row, math.log(1e-3), math.log(10) / DEVIATE_95)
    assert abs(np.corrcoef(np.log(one), np.log(other))[0, 1]) < ERRORS / math.sqrt(DRAWS)  # each for itself


def test_a_condition_number_replaces_theta_alone() -> None:
    """Stable ranks still say how much of a gradient lies in which modes."""
    stated = "curvature: {roles: {hidden: {mean_curvature: 1, input_spectral_decay: 2}}}"
    net = network(ONE, f"condition_number: 9, {stated}")
    assert set(targets(net)) == {*Target} - {Target.MEAN_CURVATURE}
    found = {path for path in quantities(net, digital_card(), analog_card()) if "curvature" in path}
    assert found == {
        "model.kfac.curvature.roles.hidden.input_spectral_decay",
        *(f"curvature.{target}" for target in list(Target)[1:5]),
        "curvature.output_spectral_decay",
    }
    assert set(drawn(net).values) == {"s_r", "eta", "s_d"}


def test_only_what_is_not_stated_deviates_from_the_law() -> None:
    paths = {
        path
        for path in quantities(
            network(ONE, "mean_curvature: 1, curvature: {layers: {only: {input_stable_rank: 2}}}"),
            digital_card(),
            analog_card(),
        )
        if path.split(".")[-1] in list(Target)
    }
    assert paths == {
        "model.kfac.mean_curvature",
        "model.kfac.curvature.layers.only.input_stable_rank",
        *(f"curvature.{target}" for target in list(Target)[2:]),
    }


# --- scenarios -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("scenario", "sign"), [(Scenario.CONSERVATIVE, 1.0), (Scenario.OPTIMISTIC, -1.0)])
def test_a_scenario_takes_the_end_of_what_the_network_has_in_common(scenario: Scenario, sign: float) -> None:
    """A curved loss hurts, and a large stable rank helps; what layers differ by is still drawn."""
    net = network(ONE, "training_stage: 0.5")
    (place,) = (each.place for each in standing(net))
    found = drawn(net, DRAWS, scenario).values
    for row, target, end, most in (
        (found["theta"][0], Target.MEAN_CURVATURE, sign, np.inf),
        (found["s_r"][0], Target.INPUT_STABLE_RANK, -sign, 100.0),
    ):
        law = _law(net, target)
        spread = law.spread_in(net.network)
        mean = float(law.logarithm([place])[0]) + end * DEVIATE_95 * spread.network
        rest = math.sqrt(spread.total(0.5) ** 2 - spread.network**2)
        assert_lognormal(row, mean, rest, 1.0 if most < np.inf else 0.0, most)


@pytest.mark.parametrize(
    ("scenario", "theta", "rank"), [(Scenario.CONSERVATIVE, 0.2, 2.0), (Scenario.OPTIMISTIC, 0.05, 8.0)]
)
def test_a_scenario_takes_the_end_of_a_layers_own_number(scenario: Scenario, theta: float, rank: float) -> None:
    entry = (
        "{mean_curvature: {value: 0.1, low: 0.05, high: 0.2, status: measured, source: mine}, "
        "input_stable_rank: {value: 4, low: 2, high: 8, status: measured, source: mine}}"
    )
    found = drawn(network(ONE, f"curvature: {{layers: {{only: {entry}}}}}"), 20, scenario).values
    assert set(found["theta"].ravel()) == {theta}
    assert set(found["s_r"][:3].ravel()) == {rank}
