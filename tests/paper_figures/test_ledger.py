"""The ledger is current, every claim has its test, and what it tells to type works."""

import pytest

from costmodel import formulas
from costmodel.methods import METHODS
from paper_figures import ledger
from paper_figures.__main__ import main


@pytest.fixture(scope="module")
def claims() -> list[ledger.Claim]:
    return list(ledger.claims())


def test_the_page_is_current() -> None:
    # Where this fails because the model changed: python -m paper_figures claims
    assert ledger.PAGE.read_text(encoding="utf-8") == ledger.page()


def test_every_claim_is_judged(claims: list[ledger.Claim]) -> None:
    assert len(claims) == 15
    for each in claims:
        assert each.commands
        assert bool(each.condition) == (each.verdict is ledger.Verdict.IF), each.said
        assert "nan" not in f"{each.theirs} {each.honest}".split()


def test_formulas_and_methods_named_can_be_explained(claims: list[ledger.Claim]) -> None:
    named = {name for each in claims for name in each.explain} - METHODS.keys()
    assert named
    for name in named:
        assert formulas.get(name).name == name


def test_commands_name_what_exists(claims: list[ledger.Claim]) -> None:
    words = {" ".join(command.split()[:4]) for each in claims for command in each.commands}
    assert words <= {
        "python -m paper_figures --fast", "python -m paper_figures.profile", "python -m validation.study.report",
        "python -m costmodel project", "python -m costmodel explain", "python -m costmodel catalog",
    }  # fmt: skip


def test_a_wrong_figure_is_refused() -> None:
    with pytest.raises(SystemExit) as told:
        main(["--only", "fig99"])
    assert told.value.code == 2
