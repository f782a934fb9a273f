"""docs/arms.md is what its command writes."""

from pathlib import Path

import pytest

from validation import arms

PAGE = Path(__file__).parents[2] / "docs" / "arms.md"


def test_a_section_of_the_page_is_what_the_command_makes() -> None:
    assert arms.ladder("mlp") in PAGE.read_text(encoding="utf-8")


def test_the_table_of_other_substrates_is_what_the_command_makes() -> None:
    page = PAGE.read_text(encoding="utf-8").split("## Other substrates")[1].splitlines()
    assert arms.substrates(["ogbg", "mlp"]).splitlines()[2:] == [
        line for line in page if line.startswith(("| ogbg", "| mlp"))
    ]


@pytest.mark.slow
def test_the_page_is_what_the_command_makes() -> None:
    assert arms.page() == PAGE.read_text(encoding="utf-8")


def test_where_an_arm_wins_is_the_first_regime_that_was_tried() -> None:
    usual, fast = arms.Regime(100, 64, 1, None), arms.Regime(10, 64, 100, 768)
    lost, won = arms.Found(usual, "thermo.columns", True, 1.01, 1.1), arms.Found(fast, "thermo.solve", True, 1.5, 1.8)
    assert arms.told([lost, won]) == [
        "wins: refresh every 10, batch 64, width 768, tau / 100", "`thermo.solve`", "1.5x", "1.8x"
    ]  # fmt: skip
    assert arms.told([lost]) == ["never; best with refresh every 100, batch 64", "`thermo.columns`", "1.01x", "1.1x"]
    wrong = arms.Found(fast, "thermo.columns", False, 3.0, 4.0)
    assert not wrong.wins
    assert arms.told([wrong])[0].startswith("never, not accurate; quickest with refresh every 10")


def test_cells_are_sped_up_by_their_time_alone() -> None:
    plain = arms.run("mlp", "scaled", arms.Regime(10, 64, 1, None).settings("scaled"))
    fast = arms.run("mlp", "scaled", arms.Regime(10, 64, 100, None).settings("scaled"))
    for end in ("low", "value", "high"):
        ratio = getattr(plain.analog.relaxation_time, end) / getattr(fast.analog.relaxation_time, end)
        assert ratio == pytest.approx(100)
    assert fast.analog.readout_overlaps_settling
    assert fast.workload.kfac.stale_steps == 10
