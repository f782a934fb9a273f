"""Layers of a model: all that is wrong at once, and nothing that fills the memory."""

from typing import Any

import pytest

from costmodel.inputs.faults import InputError
from costmodel.inputs.loading import load_workload


def faults(model: dict[str, Any], *layers: Any, **keys: Any) -> list[str]:
    """What is wrong with the model with other layers or other keys."""
    with pytest.raises(InputError) as error:
        load_workload({**model, **({"layers": list(layers)} if layers else {}), **keys})
    return [f"{fault.path} {fault.message}" for fault in error.value.faults]


FC = {"name": "fc", "kind": "linear", "d_in": 3, "d_out": 4}
CONVOLUTION = {"name": "c", "kind": "convolution", "d_in": 3, "d_out": 8, "kernel": [3, 3]}


def test_what_a_faulty_repeat_holds_is_checked(model: dict[str, Any]) -> None:
    repeat = {"repeat": 0, "name": "r", "layers": [{**FC, "d_in": 0}, {"repeat": 2, "layers": [{**FC, "d_out": 0}]}]}
    assert faults(model, repeat, {**FC, "bias": 3}) == [
        "layers.0.layers.0.d_in 0 is not at least 1",
        "layers.0.layers.1.layers.0.d_out 0 is not at least 1",
        "layers.0.layers.1.name is missing",
        "layers.0.repeat 0 is not at least 1",
        "layers.1.bias expected true or false, found 3",
    ]


def test_a_mistyped_repeat_is_a_repeat(model: dict[str, Any]) -> None:
    assert faults(model, {"repaet": 2, "name": "r", "layers": [{**FC, "d_in": 0}]}) == [
        "layers.0.layers.0.d_in 0 is not at least 1",
        "layers.0.repaet unknown key 'repaet'; did you mean 'repeat'?",
        "layers.0.repeat is missing",
    ]


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ({"d_in": 0, "d_out": "x", "bais": True},
         ["layers.0.bais unknown key 'bais'; did you mean 'bias'?", "layers.0.d_in 0 is not at least 1",
          "layers.0.d_out expected a whole number, found 'x'", "layers.0.kind is missing", "layers.0.name is missing"]),
        ({"name": "a", "vocabulary": 0}, ["layers.0.kind is missing", "layers.0.vocabulary 0 is not at least 1"]),
        # No kind has both keys, so that nothing is said of either.
        ({"name": "a", "vocabulary": 0, "cell": 0}, ["layers.0.kind is missing"]),
        ({"kind": "liner", "d_in": 0},
         ["layers.0.d_in 0 is not at least 1", "layers.0.d_out is missing",
          "layers.0.kind unknown kind 'liner'; did you mean 'linear'?", "layers.0.name is missing"]),
        ({"kind": ["linear"], "name": "a", "d_in": 3, "d_out": 4},
         ["layers.0.kind unknown kind '['linear']'; did you mean 'linear'?"]),
    ],
)  # fmt: skip
def test_a_missing_or_mistyped_kind_hides_nothing(
    layer: dict[str, Any], expected: list[str], model: dict[str, Any]
) -> None:
    assert faults(model, layer) == expected


def test_all_that_does_not_go_together_in_a_layer(model: dict[str, Any]) -> None:
    assert faults(model, {**CONVOLUTION, "groups": 5, "stride": [2], "padding": [1, 1, 1]}) == [
        "layers.0 d_in 3 does not divide into 5 groups",
        "layers.0 d_out 8 does not divide into 5 groups",
        "layers.0 needs 'positions', or 'input_size' with stride and padding",
        "layers.0 padding has 3 entries, kernel has 2",
        "layers.0 stride has 1 entries, kernel has 2",
    ]


def test_both_faults_of_the_top_level(model: dict[str, Any]) -> None:
    assert faults(model, layers=None, parameters={"depth": 2}) == [
        " 'parameters' belong to a 'family'; layers state their own sizes",
        " needs either 'layers' or 'family'",
    ]


@pytest.mark.parametrize(
    ("family", "parameters"), [("mlp", {"depth": 10**9}), ("gpt", {"depth": 10**9}), ("mlp", {"depth": 200_000})]
)
def test_a_family_has_no_more_layers_than_a_list(
    family: str, parameters: dict[str, int], model: dict[str, Any]
) -> None:
    del model["layers"]
    assert faults(model, family=family, parameters=parameters) == ["parameters more than 200000 layers"]


def test_groups_that_are_few_enough_each_are_too_many_together(model: dict[str, Any]) -> None:
    groups = [{"repeat": 100_000, "name": name, "layers": [FC]} for name in "abc"]
    assert faults(model, *groups) == ["layers more than 200000 layers once repeats are written out"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "is empty"),
        ("x" * 100_000, "has 100000 characters; a name has at most 200"),
        ("a\nb", "has a line break or another character that cannot be printed"),
        ("a\x1b[31m", "has a line break or another character that cannot be printed"),
    ],
)
def test_names_that_are_none(name: str, message: str, model: dict[str, Any]) -> None:
    assert faults(model, {**FC, "name": name}) == [f"layers.0.name {message}"]
    assert faults(model, {"repeat": 2, "name": name, "layers": [FC]}) == [f"layers.0.name {message}"]
    assert faults(model, name=name) == [f"name {message}"]


def test_repeats_make_no_endless_names(model: dict[str, Any]) -> None:
    layers: list[Any] = [FC]
    for _ in range(3):
        layers = [{"repeat": 2, "name": "x" * 199, "layers": layers}]
    start, end = "x" * 28, f"{'x' * 22}.0.fc"
    assert faults(model, *layers) == [
        f"layers.0.layers.0.layers.0.layers.0.name layer name '{start} ... {end}' has more than 500 characters"
    ]


def test_a_name_used_twice_is_said_of_every_entry_that_uses_it_again(model: dict[str, Any]) -> None:
    assert faults(model, FC, FC, {"repeat": 3, "name": "fixed{i}", "layers": [FC, FC]}, FC) == [
        "layers.1.name layer name 'fc' is used twice",
        "layers.2.layers.1.name layer name 'fixed0.fc' is used twice",
        "layers.3.name layer name 'fc' is used twice",
    ]


def test_sizes_that_no_float_holds(model: dict[str, Any]) -> None:
    huge = [10**9] * 8
    assert faults(
        model,
        {**CONVOLUTION, "kernel": huge, "positions": 4},
        {**CONVOLUTION, "kernel": [1] * 8, "input_size": huge},
        {**CONVOLUTION, "kernel": [1] * 9, "positions": 4},
    ) == [
        "layers.0 a matrix of 8 by 3e+72; at most 1e+12 a side are computed with",
        "layers.1 input_size gives 1e+72 positions; at most 1e+15 are computed with",
        "layers.2.kernel has 9 entries, at most 8",
    ]


def test_a_workload_reads_as_one_line() -> None:
    assert repr(load_workload("imagenet_vit")) == (
        "Workload imagenet_vit: ViT-S/16 on ImageNet (AlgoPerf), 75 factored layers, 22.1 M parameters, batch 1024"
    )
