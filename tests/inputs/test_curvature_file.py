"""Curvature files: what a line says, the roles of layers without one, and every fault in its place."""

import json
from pathlib import Path
from typing import Any

import pytest

from costmodel.curvature.roles import LayerRole
from costmodel.inputs.curvature_file import LayerCurvature, Side, layers_of, parse_curvature, read_curvature
from costmodel.inputs.curvature_roles import roles_of
from costmodel.inputs.faults import InputError


def line(**changes: Any) -> dict[str, Any]:
    record = {
        "network": "gpt_4x1", "kind": "gpt", "width": 4, "data": "text", "step": 0, "loss": None, "layer": "b.0.query",
        "side": "A", "n": 5, "rows": 8, "terms": 8, "trace": 10.0, "subspace": False,
        "eigenvalues": {"1": 5.0, "2": 3.0, "3": 1.5, "4": 0.5, "5": 0.0}, "smallest": 0.0,
    }  # fmt: skip
    return {key: value for key, value in {**record, **changes}.items() if value != "left out"}


def text(*lines: dict[str, Any]) -> str:
    return "".join(json.dumps(each) + "\n" for each in lines)


def faults(*lines: dict[str, Any]) -> list[str]:
    with pytest.raises(InputError) as caught:
        parse_curvature(text(*lines), "f.jsonl")
    return str(caught.value).split("\n")


def test_a_line_is_read_and_written_back() -> None:
    extra = {"role": "mlp_in", "position": 3, "layers": 7, "sharing": "reduce", "fisher": "empirical"}
    (record,) = parse_curvature(text(line(**extra)), "f.jsonl")
    assert record.as_dict() == line(**extra)
    assert record.role is LayerRole.MLP_IN
    assert record.eigenvalues[1] == (2, 3.0)


def test_the_numbers_of_a_layer_by_hand() -> None:
    # G is 2 by 2 with trace 0.02 and largest eigenvalue 0.016: theta = 10 / 5 * 0.02 / 2 = 0.02, stable ranks 10 / 5
    # = 2 and 0.02 / 0.016 = 1.25. At damping 0.0002 the root is 10: 1 + 5 / 2 * 10 = 26 and 1 + 2 / 1.25 * 10 = 17.
    G = line(side="G", n=2, trace=0.02, eigenvalues={"1": 0.016, "2": 0.004}, smallest=0.004)
    (layer,) = layers_of(parse_curvature(text(line(), G), "f.jsonl"))
    assert layer.theta == pytest.approx(0.02, rel=1e-12)
    assert (layer.A.stable_rank, layer.G.stable_rank) == (2.0, pytest.approx(1.25, rel=1e-12))
    assert layer.condition_number(Side.A, 2e-4) == pytest.approx(26, rel=1e-12)
    assert layer.condition_number(Side.G, 2e-4) == pytest.approx(17, rel=1e-12)
    assert layer.condition_number("A", 2e-4) == layer.condition_number(Side.A, 2e-4)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'B' is not a valid Side"):
        layer.condition_number("B", 2e-4)  # type: ignore[arg-type]


def test_a_layer_of_which_one_factor_is_known_is_no_layer() -> None:
    G = line(side="G", n=2, trace=0.02, eigenvalues={"1": 0.016, "2": 0.004}, smallest=0.004)
    records = parse_curvature(text(line(), G, line(step=30), {**G, "layer": "b.0.key"}), "f.jsonl")
    assert layers_of(records) == [LayerCurvature(records[0], records[1])]


def test_a_factor_of_zeros_is_conditioned_by_its_damping() -> None:
    G = line(side="G", n=2, trace=0.0, eigenvalues={"1": 0.0, "2": 0.0}, smallest=0.0)
    (layer,) = layers_of(parse_curvature(text(line(), G), "f.jsonl"))
    assert (layer.theta, layer.G.stable_rank, layer.condition_number(Side.G, 1e-3)) == (0.0, 2.0, 1.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trace": "left out"}, "trace is missing"),
        ({"step": -1}, "step expected a whole number from 0, found -1"),
        ({"n": True}, "n expected a whole number from 1, found true"),
        ({"width": 4.5}, "width expected a whole number from 1, found 4.5"),
        ({"layer": ""}, 'layer expected text, found ""'),
        ({"side": "B"}, 'side "B" is none of A, G'),
        ({"loss": "low"}, 'loss expected a number or null, found "low"'),
        ({"trace": -1.0}, "trace -1 is negative; a factor has no negative eigenvalue"),
        ({"trace": 9.0}, "trace 9 is below 10, the sum of the eigenvalues that are given"),
        ({"subspace": 0}, "subspace expected true or false, found 0"),
        ({"smallest": None}, "smallest expected a number where the whole spectrum was computed"),
        ({"smallest": 0.1}, "smallest 0.1 is above 0, the eigenvalue of rank 5"),
        ({"smallest": -0.1}, "smallest -0.1 is negative; a factor has no negative eigenvalue"),
        ({"eigenvalues": {}}, 'eigenvalues expected an object of eigenvalues by rank, such as {"1": 3.9, "2": 3.7}'),
        ({"eigenvalues": {"2": 1.0}}, "eigenvalues expected rising ranks from 1, the largest eigenvalue"),
        ({"eigenvalues": {"1": 1.0, "x": 0.5}}, "eigenvalues.x expected a rank, a whole number from 1"),
        ({"eigenvalues": {"1": -1.0}}, "eigenvalues.1 -1 is negative; a factor has no negative eigenvalue"),
        ({"eigenvalues": {"1": 1.0, "2": 2.0}}, "eigenvalues.2 2 is above 1, the eigenvalue of rank 1"),
        ({"eigenvalues": {"1": 1.0, "6": 0.0}}, "eigenvalues.6 a factor of order 5 has no eigenvalue of this rank"),
        ({"role": "qery"}, 'role "qery" is none of ' + ", ".join(role.value for role in LayerRole)),
        ({"position": 3, "layers": 3}, "position 3 is not below 3, the number of layers"),
        ({"stepp": 1}, "stepp unknown key 'stepp'; did you mean 'step'?"),
    ],
)
def test_a_fault_is_named(changes: dict[str, Any], message: str) -> None:
    found = faults(line(**changes))
    assert f"f.jsonl:1:1 {message}" in found


def test_all_faults_are_named_at_once() -> None:
    assert faults(line(n=0, width=0), line(layer="b.0.key", rows="many"), line(step=1, terms=0)) == [
        "f.jsonl:1:1 n expected a whole number from 1, found 0",
        "f.jsonl:1:1 width expected a whole number from 1, found 0",
        'f.jsonl:2:1 rows expected a whole number from 1, found "many"',
        "f.jsonl:3:1 terms expected a whole number from 1, found 0",
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"trace": NaN}', "f.jsonl:1:1 not valid JSON: NaN is no number"),
        ('{"layer": "a", "layer": "b"}', "f.jsonl:1:1 not valid JSON: 'layer' is given twice"),
        ('{"layer": "a', "f.jsonl:1:11 not valid JSON: unterminated string starting at"),
        ("[" * 100_000, "f.jsonl:1:1 not valid JSON: nested too deeply"),
        (
            '{"kind": "timing", "op": "gemm"}',
            "f.jsonl:1:1 is no factor: expected an object with the keys network, kind, width, data, step, loss, layer, "
            "side, n, rows, terms, trace, subspace, eigenvalues, smallest",
        ),
    ],
)
def test_what_is_no_factor_is_refused(line: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_curvature(line, "f.jsonl")
    assert str(caught.value) == message


def test_a_factor_given_twice_is_refused() -> None:
    message = "f.jsonl:2:1 layer A of this layer and step is given twice, first in line 1"
    assert faults(line(), line()) == [message]


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    for file, reason in (
        (tmp_path / "no.jsonl", "cannot be read: No such file or directory"),
        (empty, "holds no factor; was it written by curvature measure?"),
    ):
        with pytest.raises(InputError) as caught:
            read_curvature(file)
        assert str(caught.value) == f"{file}: {reason}"


@pytest.mark.parametrize(
    ("kind", "layers", "roles"),
    [
        (
            "vit",
            ["patch", "b.0.query", "b.0.key", "b.0.value", "b.0.proj", "b.0.fc", "b.0.out", "head"],
            ["first", "query", "key", "value", "attention_output", "mlp_in", "mlp_out", "head"],
        ),
        ("gpt", ["b.0.query", "b.11.out"], ["query", "mlp_out"]),
        ("mlp", ["l.0", "l.1", "l.2", "l.3"], ["first", "hidden", "hidden", "head"]),
        ("gnn", ["ne", "ee", "b.0.edge", "b.0.node", "b.0.glob", "dec"],
         ["first", "first", "edge", "node", "global", "head"]),
        ("resnet", ["conv1", "layer1.0.conv1", "layer1.0.downsample.0", "fc"],
         ["first", "convolution", "convolution", "head"]),
        ("another", ["in", "middle", "query", "end"], ["first", "hidden", "hidden", "head"]),
    ],
)  # fmt: skip
def test_roles_by_name(kind: str, layers: list[str], roles: list[str]) -> None:
    sizes = {"A": 1025, "G": 256}
    found = roles_of([("net", kind, layer, side, n) for layer in layers for side, n in sizes.items()])
    assert [role.value for role in found[::2]] == roles
    assert found[::2] == found[1::2]


def test_an_output_that_keeps_the_width_is_that_of_attention() -> None:
    found = roles_of([("net", "gpt", "b.0.out", "A", 257), ("net", "gpt", "b.0.out", "G", 256)])
    assert found == [LayerRole.ATTENTION_OUTPUT] * 2
