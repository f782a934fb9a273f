"""The law of curvature, on paper: where layers stand, what a law adds up, how far it may be off."""

import math

import pytest

from costmodel.curvature.law import (
    EARLY,
    Place,
    RoleEffect,
    Spread,
    Target,
    TargetLaw,
    depths,
    place_width,
)  # fmt: skip
from costmodel.curvature.measured import MeasuredCurvature
from costmodel.curvature.roles import LayerRole, NetworkKind
from costmodel.inputs.curvature_law_file import shipped_law
from costmodel.quantities.estimate import Quantity
from tests.round_cards import exact

SPREAD = Spread(network=1.0, stage=2.0, role=2.0, layer=4.0, early=math.sqrt(40.0))
ELSEWHERE = Spread(network=8.0, stage=2.0, role=2.0, layer=4.0, early=4.0)
LAW = TargetLaw(
    stages=(0.0, 1.0, 2.0, 3.0, 4.0),
    width=-1.0,
    sharing=0.5,
    roles={LayerRole.HIDDEN: RoleEffect((10.0, 11.0, 10.0, 10.0, 20.0), width=0.5, entrance=2.0, depth=-1.0)},
    networks={NetworkKind.PERCEPTRON: (0.1, 0.1, 0.1, 0.1, 0.3)},
    spread=SPREAD,
    spread_elsewhere=ELSEWHERE,
)
E = math.e


@pytest.mark.parametrize(
    ("place", "logarithm"),
    [
        # the stage alone, half way from 2 % (1 + 0) to 12 % (2 + 0): nothing is known of a head in a network of its own
        (Place(LayerRole.HEAD, NetworkKind.OTHER, 256, 1.0, 0.5, 0.07), 1.5),
        # a factor e of width
        (Place(LayerRole.HEAD, NetworkKind.OTHER, 256 * E, 1.0, 0.5, 0.07), 1.5 - 1.0),
        # a factor e^2 of rows a term of the loss
        (Place(LayerRole.HEAD, NetworkKind.OTHER, 256, E**2, 0.5, 0.07), 1.5 + 1.0),
        # what the kind adds at the start, and at the end
        (Place(LayerRole.HEAD, NetworkKind.PERCEPTRON, 256, 1.0, 0.5, 0.0), 0.0 + 0.1),
        (Place(LayerRole.HEAD, NetworkKind.PERCEPTRON, 256, 1.0, 0.5, 1.0), 4.0 + 0.3),
        # the role, half way from 2 % to 12 %: 1 + 11 and 2 + 10
        (Place(LayerRole.HIDDEN, NetworkKind.OTHER, 256, 1.0, 0.5, 0.07), 12.0),
        # the width twice, for all and for the role: (-1 + 0.5) 1
        (Place(LayerRole.HIDDEN, NetworkKind.OTHER, 256 * E, 1.0, 0.5, 0.07), 12.0 - 0.5),
        # the entrance in full and half the depth before the middle: 2 + (-1)(-0.5)
        (Place(LayerRole.HIDDEN, NetworkKind.OTHER, 256, 1.0, 0.0, 0.07), 12.0 + 2.0 + 0.5),
        # an eighth down the entrance is half: 1 + (-1)(-0.375)
        (Place(LayerRole.HIDDEN, NetworkKind.OTHER, 256, 1.0, 0.125, 0.07), 12.0 + 1.0 + 0.375),
        # past the entrance the depth alone: (-1)(0.5)
        (Place(LayerRole.HIDDEN, NetworkKind.OTHER, 256, 1.0, 1.0, 0.07), 12.0 - 0.5),
    ],
)
def test_a_law_adds_up_by_hand(place: Place, logarithm: float) -> None:
    assert LAW.logarithm([place]) == pytest.approx([logarithm])


def test_spreads_add_up_as_squares() -> None:
    assert SPREAD.total(1.0) == pytest.approx(5.0)  # 1 + 4 + 4 + 16
    assert SPREAD.total(EARLY) == pytest.approx(5.0)
    assert SPREAD.total(0.0) == pytest.approx(7.0)  # 1 + 4 + 4 + 40
    assert (SPREAD.of_layer(0.0), SPREAD.of_layer(1.0)) == (math.sqrt(40.0), 4.0)


def test_a_network_of_a_kind_never_measured_has_a_spread_of_its_own() -> None:
    assert LAW.spread_in(NetworkKind.PERCEPTRON) is SPREAD
    assert LAW.spread_in(NetworkKind.GRAPH_NETWORK) is ELSEWHERE
    assert LAW.spread_in(NetworkKind.OTHER) is ELSEWHERE


def test_other_kinds_are_less_certain_in_the_shipped_law() -> None:
    for target, law in shipped_law().targets.items():
        assert law.spread_in(NetworkKind.OTHER).total(0.5) > law.spread_in(NetworkKind.GRAPH_NETWORK).total(0.5), target
    assert NetworkKind.OTHER not in {kind for law in shipped_law().targets.values() for kind in law.networks}


# --- where a layer stands ------------------------------------------------------------------------------------------


def test_depth_counts_layers_of_one_role() -> None:
    roles = [LayerRole.FIRST, *(LayerRole.MLP_IN, LayerRole.MLP_OUT) * 5, LayerRole.HEAD]
    found = depths(roles)
    assert [found[index] for index in (0, 11)] == [0.5, 0.5]  # the only ones of their role
    assert found[1:11:2] == found[2:11:2] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert depths([]) == []


@pytest.mark.parametrize(
    ("role", "inputs", "outputs", "width"),
    [
        (LayerRole.FIRST, 784, 2048, 2048),  # its inputs are data
        (LayerRole.FIRST, 768, 384, 384),
        (LayerRole.HEAD, 512, 50257, 512),  # its outputs are classes
        (LayerRole.MLP_IN, 512, 2048, 512),
        (LayerRole.MLP_OUT, 2048, 512, 512),
        (LayerRole.CONVOLUTION, 576, 64, 64),
        (LayerRole.EDGE, 768, 256, 256),
    ],
)
def test_width_is_that_of_the_network(role: LayerRole, inputs: int, outputs: int, width: int) -> None:
    assert place_width(role, inputs, outputs) == width


# --- what a model states -------------------------------------------------------------------------------------------


def test_a_layer_goes_before_its_role() -> None:
    stated = MeasuredCurvature(
        roles={LayerRole.HIDDEN: {Target.MEAN_CURVATURE: exact(1), Target.INPUT_STABLE_RANK: exact(2)}},
        layers={"one": {Target.MEAN_CURVATURE: exact(3)}},
    )

    def found(layer: str, role: LayerRole, target: Target) -> tuple[str, Quantity] | None:
        return stated.of(layer, role, target)

    of_layer = ("layers.one.mean_curvature", exact(3))
    of_role = ("roles.hidden.mean_curvature", exact(1))
    assert found("one", LayerRole.HIDDEN, Target.MEAN_CURVATURE) == of_layer
    assert found("two", LayerRole.HIDDEN, Target.MEAN_CURVATURE) == of_role
    assert found("one", LayerRole.HIDDEN, Target.INPUT_STABLE_RANK) == ("roles.hidden.input_stable_rank", exact(2))
    assert found("two", LayerRole.HEAD, Target.MEAN_CURVATURE) is None
    assert found("one", LayerRole.HIDDEN, Target.OUTPUT_STABLE_RANK) is None
    assert stated.quantities() == dict([of_layer, of_role, ("roles.hidden.input_stable_rank", exact(2))])
