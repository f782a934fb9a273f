"""A new kind of layer or family is one module anywhere: its schema and its parts are registered together."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from costmodel.curvature.roles import LayerRole
from costmodel.inputs.faults import InputError
from costmodel.inputs.kinds import FAMILIES, LAYER_KINDS, Part, family, layer_kind
from costmodel.inputs.kinds.fields import Positioned, Size
from costmodel.inputs.loading import load_workload
from costmodel.inputs.schema import Strict
from costmodel.workloads.workload import Layer, Unfactored


@pytest.fixture(autouse=True)
def _registries_as_they_were() -> Iterator[None]:
    kept = [(registry, dict(registry)) for registry in (LAYER_KINDS, FAMILIES)]
    yield
    for registry, content in kept:
        registry.clear()
        registry.update(content)


class Bilinear(Positioned):
    """A matrix of each of several slices, and a scale."""

    kind: Literal["bilinear", "bilinear_without_scale"]
    d_in: Size
    d_out: Size
    slices: Size = 1


def bilinear(entry: Bilinear) -> Iterator[Part]:
    """A matrix a slice."""
    yield Layer(f"{entry.name}.weight", entry.kind, entry.d_in, entry.d_out, False, entry.slices, entry.positions)
    if entry.kind == "bilinear":
        yield Unfactored(f"{entry.name}.scale", entry.kind, entry.slices)


def test_a_new_kind_of_layer(tmp_path: Path) -> None:
    layer_kind(Bilinear)(bilinear)
    file = tmp_path / "m.yaml"
    file.write_text(
        "schema: 1\nname: x\nbatch_size: 8\nlayers:\n"
        "  - {repeat: 2, name: b, layers: [{name: w, kind: bilinear, d_in: 3, d_out: 4, slices: 5, positions: 7}]}\n"
    )
    workload = load_workload(file)
    assert workload.layers == tuple(
        Layer(
            f"b.{index}.w.weight", "bilinear", 3, 4, False, pairs=5, positions=7.0, role=role, input_gradient=index > 0
        )
        for index, role in enumerate((LayerRole.FIRST, LayerRole.HEAD))  # by their place
    )
    assert [(part.name, part.parameters) for part in workload.others] == [("b.0.w.scale", 5), ("b.1.w.scale", 5)]


def test_its_faults_come_like_those_of_others(model: dict[str, Any]) -> None:
    layer_kind(Bilinear)(bilinear)
    layers = [{"name": "a", "kind": "bilinear", "d_in": 3, "slice": 2}, {"name": "a", "kind": "bilinaer"}]
    with pytest.raises(InputError) as error:
        load_workload({**model, "layers": layers})
    assert str(error.value).splitlines() == [
        "<mapping>: layers.0.d_out is missing",
        "<mapping>: layers.0.slice unknown key 'slice'; did you mean 'slices'?",
        "<mapping>: layers.1.d_in is missing",
        "<mapping>: layers.1.d_out is missing",
        "<mapping>: layers.1.kind unknown kind 'bilinaer'; did you mean 'bilinear'?",
    ]


def test_a_new_family(model: dict[str, Any]) -> None:
    class Pyramid(Strict):
        base: Size = 8

    @family("pyramid", Pyramid)
    def pyramid(entry: Pyramid) -> Iterator[Part]:
        width = entry.base
        while width > 1:
            yield Layer(f"to{width // 2}", "linear", width, width // 2, bias=False)
            width //= 2

    del model["layers"]
    workload = load_workload({**model, "family": "pyramid", "parameters": {"base": 4}})
    assert [layer.name for layer in workload.layers] == ["to2", "to1"]
    assert load_workload({**model, "family": "pyramid"}).parameters == 8 * 4 + 4 * 2 + 2


def test_a_kind_without_parts_cannot_be_registered(model: dict[str, Any]) -> None:
    with pytest.raises(TypeError) as error:
        layer_kind(Bilinear)(None)  # type: ignore[type-var]
    assert str(error.value) == "'bilinear' has no parts: None is no function"
    assert "bilinear" not in LAYER_KINDS

    layer_kind(Bilinear)(lambda entry: ())
    with pytest.raises(TypeError) as error:
        load_workload({**model, "layers": [{"name": "a", "kind": "bilinear", "d_in": 3, "d_out": 4}]})
    assert str(error.value) == "Bilinear gives no parts; such a layer would be dropped"


def test_a_name_is_registered_once() -> None:
    class Linear(Positioned):
        kind: Literal["linear"]

    with pytest.raises(ValueError) as error:
        layer_kind(Linear)(bilinear)
    home = f"{__name__}.test_a_name_is_registered_once.<locals>.Linear"
    assert str(error.value) == f"'linear' is registered twice, by costmodel.inputs.kinds.linear.Linear and {home}"


def test_a_schema_that_is_no_layer() -> None:
    class Nameless(Strict):
        kind: Literal["nameless"]

    for schema in (Nameless, Positioned):
        with pytest.raises(TypeError) as error:
            layer_kind(schema)(bilinear)
        assert str(error.value) == (
            f"{schema.__name__} is no layer: it needs 'name', and 'kind' as a Literal of its names"
        )
