"""docs/evidence.md is current, and nothing in it is missing: arms against the simulator, formulas against processes."""

from pathlib import Path

import pytest

from validation import evidence

pytest.importorskip("torch")  # of the simulator
from tests.solver import arms as simulated

FOUND = list(evidence.marked())


def test_the_page_is_current() -> None:
    """Where this fails, run: python -m validation.evidence docs/evidence.md."""
    page = Path(__file__).parents[1] / "docs" / "evidence.md"
    assert page.read_text(encoding="utf-8") == evidence.page(FOUND)


@pytest.mark.parametrize("name", evidence.arms())
def test_every_arm_is_held_against_the_simulator(name: str) -> None:
    simulated.arm(name)  # says what is missing
    for kind in evidence.KINDS:
        assert evidence.shown(FOUND, kind, name), f"no test is marked shows({kind!r}, {name!r})"


@pytest.mark.parametrize(("name", "tests"), evidence.counted(FOUND).items())
def test_every_formula_of_several_devices_is_held_against_two_processes(
    name: str, tests: list[evidence.Marked]
) -> None:
    assert tests, f"{name} is verified by no test of {evidence.PROCESSES}"


def test_marks_name_arms_and_kinds_that_exist() -> None:
    for each in (each for each in FOUND if each.mark == "shows"):
        assert each.arguments[0] in evidence.KINDS, each
        assert set(each.arguments[1:]) <= set(evidence.arms()), each


def test_what_no_test_shows_is_told() -> None:
    without = [each for each in FOUND if each.mark == "shows" and "thermo.products" in each.arguments]
    assert len(without) == 3
    assert evidence.shown(without, "training", "thermo.columns") == []
    assert "| `thermo.columns` | **none** | **none** | **none** |" in evidence.page(without)
