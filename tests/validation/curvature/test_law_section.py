"""``curvature fit``: from a measured file to a model file, and back to the condition numbers of a projection."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from costmodel.cli import main
from costmodel.curvature.law import Target
from costmodel.inputs.curvature_file import Side, layers_of, read_curvature
from costmodel.inputs.loading import load_workload
from costmodel.inputs.yaml_reader import parse_yaml, read_yaml
from costmodel.projection.draws import Sample, quantities
from costmodel.projection.scopes import Scopes
from costmodel.projection.standing import standings
from costmodel.workloads.workload import Workload
from tests.round_cards import analog_card, digital_card
from validation.curvature.law.command import SHIPPED
from validation.curvature.law.model_file import with_curvature
from validation.curvature.law.table import table

FILE = str(SHIPPED)
#: The network mlp_512 of the file.
MODEL = """\
schema: 1
name: mine
# how many at once
batch_size: 32
kfac:  # my settings
  damping: 2e-3
  curvature:
    roles: {head: {mean_curvature: 5}}

# from input to output
layers:
  - {name: l.0, kind: linear, d_in: 784, d_out: 512}
  - {name: l.1, kind: linear, d_in: 512, d_out: 512}  # hidden
  - {name: l.2, kind: linear, d_in: 512, d_out: 512}
  - {name: l.3, kind: linear, d_in: 512, d_out: 10}
"""


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of ``curvature ARGUMENTS``."""
    old = sys.argv
    sys.argv = ["costmodel", "curvature", *arguments]
    try:
        main()
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        sys.argv = old
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def condition_numbers(net: Workload) -> dict[tuple[str, str], set[float]]:
    """Nominal condition numbers that a projection uses, by layer and side."""
    sample = Sample.nominal(quantities(net, digital_card(), analog_card()))
    scopes = Scopes(net, [], sample)
    found: dict[tuple[str, str], set[float]] = {}
    standing = standings(net, scopes.shapes)
    for side, rows in zip(("A", "G"), np.split(scopes.curved["kappa"], 2), strict=True):
        for each, row in zip(standing, rows, strict=True):
            found.setdefault((each.layer.name, side), set()).add(float(row[0]))
    return found


def test_condition_numbers_of_a_projection_are_those_of_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Layer by layer, whatever the stage: within the nine digits of the file."""
    model, out = tmp_path / "model.yaml", tmp_path / "new.yaml"
    model.write_text(MODEL)
    arguments = ("--network", "mlp_512", "--by", "layer", "--into", str(model), "--out", str(out))
    assert run(capsys, "fit", FILE, *arguments) == (0, "", "")
    net = load_workload(out)
    measured = {
        (layer.A.layer, side): layer.condition_number(Side(side), 2e-3)
        for layer in layers_of(read_curvature(SHIPPED))
        if (layer.A.network, layer.A.step) == ("mlp_512", 1000)
        for side in ("A", "G")
    }
    found = condition_numbers(net)
    assert set(found) == set(measured)
    assert len(measured) == 8
    for key, values in found.items():
        assert max(values) == pytest.approx(min(values), rel=1e-12)
        assert max(values) == pytest.approx(measured[key], rel=1e-7), key


def test_ranges_of_a_role_are_those_over_its_layers(capsys: pytest.CaptureFixture[str]) -> None:
    """Queries of four blocks: the geometric mean, and percentiles of four values: 0.85 and 0.15 of the outer two."""
    code, out, err = run(capsys, "fit", FILE, "--network", "vit_s16")
    assert (code, err) == (0, "")
    assert out.startswith("# written by `python -m costmodel curvature fit`; belongs into a model file\nkfac:\n")
    roles = parse_yaml(out, "out").data["kfac"]["curvature"]["roles"]
    assert list(roles) == ["first", "query", "key", "value", "attention_output", "mlp_in", "mlp_out", "head"]
    theta = sorted(
        layer.theta
        for layer in layers_of(read_curvature(SHIPPED))
        if (layer.A.network, layer.A.step, layer.A.role) == ("vit_s16", 1500, "query")
    )
    assert len(theta) == 4
    entry = roles["query"]["mean_curvature"]
    assert entry["value"] == pytest.approx(np.prod(theta) ** 0.25, rel=1e-8)
    assert entry["low"] == pytest.approx(theta[0] ** 0.85 * theta[1] ** 0.15, rel=1e-8)
    assert entry["high"] == pytest.approx(theta[2] ** 0.15 * theta[3] ** 0.85, rel=1e-8)
    assert entry["status"] == "measured"
    assert entry["source"] == "vit_s16 at step 1500 of factors.jsonl, by curvature fit"
    assert set(roles["query"]) == set(Target)
    assert set(roles["head"]["mean_curvature"]) == {"value", "status", "source"}  # one layer: exact


@pytest.mark.parametrize(("stage", "step"), [("0", 0), ("0.1", 150), ("0.02", 30), ("0.4", 150), ("1", 1000)])
def test_a_stage_takes_the_nearest_measured_step(stage: str, step: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Measured at 0, 30, 150 and 1000 of 1000 steps."""
    code, out, _ = run(capsys, "fit", FILE, "--network", "mlp_128", "--by", "layer", "--stage", stage)
    assert code == 0
    sources = {
        entry["source"]
        for layer in parse_yaml(out, "out").data["kfac"]["curvature"]["layers"].values()
        for entry in layer.values()
    }
    assert sources == {f"mlp_128 at step {step} of factors.jsonl, by curvature fit"}


def test_one_layer_far_from_the_others_takes_the_range_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Thirty layers with theta of 1 and one of 1e40: the mean, 10^(40/31) = 19.5, is above the 95th percentile, 1."""
    file = tmp_path / "far.jsonl"
    lines = []
    for index in range(31):
        for side in ("A", "G"):
            trace = 2e20 if index == 30 else 2.0
            line: dict[str, Any] = {
                "network": "net", "kind": "mlp", "width": 2, "data": "none", "step": 0, "loss": 1.0,
                "layer": f"l.{index}", "side": side, "n": 2, "rows": 8, "terms": 8, "trace": trace,
                "subspace": False, "eigenvalues": {"1": trace / 2, "2": trace / 2}, "smallest": trace / 2,
                "role": "hidden",
            }  # fmt: skip
            lines.append(json.dumps(line))
    file.write_text("\n".join(lines) + "\n")
    code, out, err = run(capsys, "fit", str(file))
    assert (code, err) == (0, "")
    hidden = parse_yaml(out, "out").data["kfac"]["curvature"]["roles"]["hidden"]
    theta = hidden["mean_curvature"]
    assert (theta["low"], theta["high"]) == (1, pytest.approx(10 ** (40 / 31), rel=1e-8))
    assert theta["value"] == theta["high"]
    assert "input_spectral_decay" not in hidden  # two eigenvalues say nothing of a decay


# --- into a model file ---------------------------------------------------------------------------------------------


def test_all_else_in_a_model_file_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, out = tmp_path / "model.yaml", tmp_path / "new.yaml"
    model.write_text(MODEL)
    assert run(capsys, "fit", FILE, "--network", "mlp_512", "--into", str(model), "--out", str(out))[0] == 0
    text = out.read_text()
    assert model.read_text() == MODEL
    head, tail = MODEL.split("kfac:")[0], MODEL[MODEL.index("# from input") :]
    assert text.startswith(head)
    assert text.endswith("\n" + tail)
    data = read_yaml(out).data
    assert data["kfac"]["damping"] == 2e-3
    assert list(data["kfac"]["curvature"]["roles"]) == ["first", "hidden", "head"]
    again = tmp_path / "again.yaml"
    assert run(capsys, "fit", FILE, "--network", "mlp_512", "--into", str(out), "--out", str(again))[0] == 0
    assert again.read_text() == text


@pytest.mark.parametrize(
    "text",
    [
        MODEL.replace(
            "kfac:  # my settings\n  damping: 2e-3\n  curvature:\n    roles: {head: {mean_curvature: 5}}\n", ""
        ),
        re.sub(r"kfac:.*?\n\n", "", MODEL, flags=re.DOTALL)
        + "kfac: {damping: 2e-3, curvature: {}}",  # last, no newline
        re.sub(r"kfac:.*?\n\n", "kfac:\n\n", MODEL, flags=re.DOTALL),  # empty
        json.dumps(parse_yaml(MODEL, "").data),  # one line
        MODEL.replace("damping: 2e-3", "damping: &d 2e-3").replace("\n\n", "\nhost_time: 1 s\n\n"),
        MODEL.replace("damping: 2e-3", "damping: &d 2e-3").replace(
            "l.1, kind: linear,", "l.1, kind: linear, positions: *d,"
        ),
        MODEL.replace("\n", "\r\n"),
    ],
    ids=["none", "last", "empty", "json", "anchor", "alias", "crlf"],
)
def test_any_model_file_can_take_a_section(text: str, tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_bytes(text.encode())
    document = read_yaml(file)
    section = {"roles": {"hidden": {"mean_curvature": 3}}}
    found = parse_yaml(with_curvature(document, text, section), "new").data
    kfac = document.data.get("kfac") or {}
    assert found == {**document.data, "kfac": {**kfac, "curvature": section}}


def test_what_does_not_match_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, out = tmp_path / "model.yaml", tmp_path / "new.yaml"
    model.write_text(MODEL.replace("name: l.1", "name: middle"))
    code, _, err = run(
        capsys, "fit", FILE, "--network", "mlp_512", "--by", "layer", "--into", str(model), "--out", str(out)
    )
    assert code == 0
    assert err.splitlines() == [
        f"measured and not in {model}, left out: l.1",
        "not measured, by the law of curvature: middle",
    ]
    assert list(read_yaml(out).data["kfac"]["curvature"]["layers"]) == ["l.0", "l.2", "l.3"]


def test_a_model_without_any_of_the_layers_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, out = tmp_path / "model.yaml", tmp_path / "new.yaml"
    model.write_text(MODEL)
    arguments = ("--network", "gnn_64", "--by", "layer", "--into", str(model), "--out", str(out))
    code, _, err = run(capsys, "fit", FILE, *arguments)
    assert (code, err) == (
        2,
        f"{model}: has no layer that was measured: measured are ne, ee, b.0.edge, b.0.node, b.0.glob, ...; "
        "the model has l.0, l.1, l.2, l.3\n",
    )
    assert not out.exists()


MANY = ", ".join(dict.fromkeys(table(read_curvature(SHIPPED)).networks))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), f"--network: {FILE} holds several networks; name one of {MANY}"),
        (("--network", "mlp_521"), "--network: unknown network 'mlp_521'; did you mean 'mlp_512'?"),
        (("--network", "mlp_512", "--by", "roles"), "--by: unknown value 'roles'; did you mean 'role'?"),
        (("--network", "mlp_512", "--stage", "2"), "--stage: 2 is not between 0 and 1"),
        (("--network", "mlp_512", "--stage", "nan"), "--stage: nan is not between 0 and 1"),
        (
            ("--network", "mlp_512", "--into", "m.yaml"),
            "--into: needs --out, the file to write; a model file is not changed in place",
        ),
        (
            ("--network", "mlp_512", "--out", "/nowhere/x.yaml"),
            "/nowhere/x.yaml: cannot be written: No such file or directory",
        ),
        (
            ("--network", "mlp_512", "--law", "l.yaml", "--out", "o.yaml"),
            "--law: takes all networks of the file and no --out or --network",
        ),
    ],
)
def test_options_that_make_no_sense(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "fit", FILE, *arguments) == (2, "", message + "\n")


def test_a_faulty_model_file_is_told_as_ever(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, out = tmp_path / "model.yaml", tmp_path / "new.yaml"
    model.write_text(MODEL.replace("batch_size: 32", "batch_sise: 32"))
    code, _, err = run(capsys, "fit", FILE, "--network", "mlp_512", "--into", str(model), "--out", str(out))
    assert code == 2
    assert f"{model}:4:1 batch_sise unknown key 'batch_sise'; did you mean 'batch_size'?" in err.splitlines()
    assert not out.exists()
