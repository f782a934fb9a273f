"""Faults of digital cards: each with its place, all at once."""

import pytest

from costmodel.inputs.device_file import card_from
from costmodel.inputs.faults import InputError
from costmodel.inputs.yaml_reader import parse_yaml
from costmodel.machines.operations import NEEDED, OPERATIONS

CARD = """\
schema: 1
kind: digital
name: mine
title: a card
source: a test
operations:
  network: {rate: 1 TFLOP/s}
  gemm: {rate: 1 TFLOP/s}
  spd_inverse: {element_time: 1 ns}
  eigh: {element_time: 1 ns}
  stream: {bandwidth: 1 TB/s}
"""


def faults(old: str, new: str) -> list[str]:
    text = CARD.replace(old, new)
    assert text != CARD
    with pytest.raises(InputError) as error:
        card_from(parse_yaml(text, "c.yaml"))
    return str(error.value).splitlines()


@pytest.mark.parametrize(("old", "new", "expected"), [
    # a constant that nothing is multiplied by would make the operation cost nothing
    ("gemm: {rate: 1 TFLOP/s}", "gemm: {bandwidth: 1 TB/s}",
     ["c.yaml:8:10 operations.gemm.bandwidth is no term of gemm; its law is made of launch, rate"]),
    ("stream: {bandwidth: 1 TB/s}", "stream: {rate: 1 TFLOP/s}",
     ["c.yaml:11:12 operations.stream.rate is no term of stream; its law is made of bandwidth, launch"]),
    ("gemm: {rate: 1 TFLOP/s}", "gemm: {rate: ~}", ["c.yaml:8:3 operations.gemm needs at least one of launch, rate"]),
    ("gemm: {rate: 1 TFLOP/s}", "gem: {rate: 1 TFLOP/s}",
     ["c.yaml:8:3 operations.gem unknown operation 'gem'; did you mean 'gemm'?"]),
    ("gemm: {", "gemm.flot16: {",
     ["c.yaml:8:3 operations.gemm.flot16 unknown element type 'flot16'; did you mean 'float16'?"]),
    ("  eigh: {element_time: 1 ns}\n", "",
     ["c.yaml:6:1 operations.eigh is missing; eigendecomposition with vectors"]),
    ("operations:", "primitives:", ["c.yaml:1:1 'primitives' is called 'operations'; rename the key"]),
    ("gemm: {rate: 1 TFLOP/s}", "gemm: 5", ["c.yaml:8:3 operations.gemm expected keys and values, found 5"]),
])  # fmt: skip
def test_faults(old: str, new: str, expected: list[str]) -> None:
    assert faults(old, new) == expected


def test_all_faults_at_once() -> None:
    both = CARD.replace("gemm: {rate: 1 TFLOP/s}", "gemm: {rate: 1}").replace("schema: 1\n", "shema: 1\n")
    with pytest.raises(InputError) as error:
        card_from(parse_yaml(both, "c.yaml"))
    assert str(error.value).splitlines() == [
        "c.yaml:1:1 schema is missing",
        "c.yaml:1:1 shema unknown key 'shema'; did you mean 'schema'?",
        "c.yaml:8:10 operations.gemm.rate missing unit: 1 needs one, like '20 TFLOP/s'",
    ]


@pytest.mark.parametrize("kind", ["", "kind: digtal\n"])
def test_a_card_that_does_not_say_its_kind_shows_its_other_faults(kind: str) -> None:
    text = CARD.replace("kind: digital\n", kind).replace("gemm: {rate: 1 TFLOP/s}", "gemm: {rate: 1}")
    with pytest.raises(InputError) as error:
        card_from(parse_yaml(text, "c.yaml"))
    lines = str(error.value).splitlines()
    assert len(lines) == 2
    assert any("operations.gemm.rate missing unit" in line for line in lines)
    assert any("a card is 'digital' or 'analog'" in line or "did you mean 'digital'?" in line for line in lines)


FITTED = ("gemm: {launch_s: 0, item_s: 0, element_s: 0, work_s: {sizes: [1], values: [1e-12], limit: 1e-12}, "
          "domain: [8, 64], spread: 0.1, growth: 0.1, source: x}")  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), [
    ("domain: [8, 64]", "domain: [64, 8]", "domain 64 to 8 is empty"),
    ("domain: [8, 64]", "domain: [-8, 64]", "-8 is not above 0"),
    ("domain: [8, 64]", "domain: []", "needs at least"),
    ("spread: 0.1", "spread: 1000", "1000 is not at most 5"),
    ("values: [1e-12]", "values: [1e-12, 2e-12]", "1 sizes but 2 values"),
    ("sizes: [1]", "sizes: [2, 1]", "sizes"),
])  # fmt: skip
def test_faults_of_fitted_laws(old: str, new: str, expected: str) -> None:
    text = CARD.replace("gemm: {rate: 1 TFLOP/s}", FITTED.replace(old, new))
    with pytest.raises(InputError) as error:
        card_from(parse_yaml(text, "c.yaml"))
    assert all("operations.gemm" in line for line in str(error.value).splitlines())
    assert expected in str(error.value)


def test_the_page_on_cards_lists_every_operation() -> None:
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "cards.md").read_text()
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    listed = {name for row in rows for name in row.replace("`", "").replace(",", " ").split()}
    assert set(OPERATIONS) <= listed
    assert set(NEEDED) <= set(OPERATIONS)
