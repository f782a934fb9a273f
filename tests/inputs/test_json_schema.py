"""The published JSON Schemas: current, valid, true to the files that are shipped, and of use to an editor."""

from pathlib import Path
from typing import Any

import pytest

from costmodel.inputs.json_schema import json_schema, schema_text
from costmodel.inputs.yaml_reader import parse_yaml, read_yaml

jsonschema = pytest.importorskip("jsonschema")
ROOT = Path(__file__).parents[2]
CATALOG = ROOT / "costmodel" / "catalog"
FILES = [
    ("model", file) for folder in (CATALOG / "models", ROOT / "examples") for file in sorted(folder.glob("*.yaml"))
]
FILES = [(what, file) for what, file in FILES if file.stem != "sweep"]  # a file of another verb
FILES += [("card", file) for file in sorted((CATALOG / "cards").glob("*.yaml"))]

MODEL = "schema: 1\nname: x\nbatch_size: 8\n"
LAYER = "layers: [{name: a, kind: linear, d_in: 4, d_out: 2}]\n"
CARD = (
    "schema: 1\nkind: analog\nname: x\ntitle: x\nsource: x\narrays: 1\ninput_bits: 8 bit\noutput_bits: 8 bit\n"
    "relaxation_time: {value: 1 us, low: 0.5 us, high: 2 us, status: assumed, source: x}\nlink_bandwidth: 50 Gbit/s\n"
    "link_latency: 1 us\nrow_write_time: 1 ns\nconversion_rate: 5 MHz\n"
)


def faults(what: str, data: Any) -> list[str]:
    return [fault.message for fault in jsonschema.Draft202012Validator(json_schema(what)).iter_errors(data)]


@pytest.mark.parametrize("what", ["model", "card"])
def test_the_published_schema_is_current(what: str) -> None:
    """Where this fails, run: python -m costmodel schema model > docs/model.schema.json, and likewise for card."""
    jsonschema.Draft202012Validator.check_schema(json_schema(what))
    assert (ROOT / "docs" / f"{what}.schema.json").read_text(encoding="utf-8") == schema_text(what)


@pytest.mark.parametrize(("what", "file"), FILES, ids=[file.stem for _, file in FILES])
def test_shipped_files_follow_it(what: str, file: Path) -> None:
    assert faults(what, read_yaml(file).data) == []


@pytest.mark.parametrize(("what", "text"), [
    ("model", MODEL + LAYER),
    ("model", MODEL + "family: mlp\nparameters: {depth: 1, width: 8, d_in: 4, d_out: 2}\n"),
    ("model", MODEL + "layers: [{repeat: 2, name: 'b.{i}', layers: [{name: a, kind: linear, d_in: 4, d_out: 2}]}]\n"),
    ("card", CARD),
])  # fmt: skip
def test_what_it_accepts(what: str, text: str) -> None:
    assert faults(what, parse_yaml(text, "file").data) == []


@pytest.mark.parametrize(("what", "text"), [
    ("model", MODEL),  # no layers
    ("model", MODEL + LAYER + "family: mlp\n"),  # layers in two ways
    ("model", MODEL + LAYER + "bacth: 2\n"),  # an unknown key
    ("model", MODEL + "layers: [{name: a, kind: linaer, d_in: 4, d_out: 2}]\n"),
    ("model", MODEL + "family: mlp\nparameters: {depht: 1}\n"),
    ("model", MODEL.replace("8", "'8'") + LAYER),
    ("model", MODEL + LAYER + "kfac: {damping: {value: 1e-3, status: guessed, source: x}}\n"),
    ("card", CARD.replace("analog", "analogue")),
    ("card", CARD.replace("arrays: 1\n", "")),
    ("card", CARD + "relaxation_tim: 1 us\n"),
    ("card", CARD.replace("value: 1 us", "valeu: 1 us")),
])  # fmt: skip
def test_what_it_refuses(what: str, text: str) -> None:
    assert faults(what, parse_yaml(text, "file").data) != []
