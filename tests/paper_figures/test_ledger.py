"""The ledger is current, its verdicts follow its data, and what it tells to type prints its numbers."""

import json
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from costmodel.cli import app
from paper_figures import ledger, scaling
from paper_figures.__main__ import main
from paper_figures.catalog import fast_frame
from paper_figures.judgement import Claim, Verdict


@pytest.fixture(scope="module")
def frames() -> ledger.FastFrames:
    return ledger.FastFrames()


@pytest.fixture(scope="module")
def claims(frames: ledger.FastFrames) -> dict[int, Claim]:
    return ledger.claims(frames)


def test_the_page_is_current() -> None:
    # Where this fails because the model changed: python -m paper_figures claims
    assert ledger.PAGE.read_text(encoding="utf-8") == ledger.page()


def test_every_claim_is_judged(claims: dict[int, Claim]) -> None:
    assert [*claims] == [*range(1, 16)]
    for each in claims.values():
        assert each.honest.commands
        assert bool(each.condition) == (each.verdict is Verdict.IF), each.said
        assert "nan" not in f"{each.theirs.text} {each.honest.text} {each.condition}".split()
        assert each.explain or not each.checks, each.said


def changed(frame: pd.DataFrame, column: str, value: object, **where: object) -> pd.DataFrame:
    """A frame in which one column has another value where others have given ones."""
    rows = np.ones(len(frame), dtype=bool)
    for key, each in where.items():
        rows &= (frame[key] == each).to_numpy()
    assert rows.any(), where
    other = frame.copy()
    other[column] = other[column].astype(object).where(~rows, value).infer_objects()
    return other


def power(frame: pd.DataFrame, exponent: float) -> Any:
    """Seconds that grow as a power of n."""
    return 1e-15 * frame["n"] ** exponent


#: Claim, its frame, what is other in it (column, value, where), and what then becomes of the claim.
OTHER_WORLDS: dict[str, tuple[int, str, list[tuple[str, Any, dict[str, Any]]], Verdict]] = {
    "machines of 256 cells grow as n^2, and every digital method as n^3": (
        1, "fig3",
        [("solver_s", 2.0, {"machine": "256 cells"}), ("solver_s", 3.0, {"arm": "digital"})],
        Verdict.HOLDS,
    ),
    "settling grows as n^3": (1, "fig3", [("analog_s", 3.0, {"arm": "thermo.solve"})], Verdict.FAILS),
    "the lead is the same at every n": (2, "fig3", [("over_cholesky_median", 0.0, {})], Verdict.FAILS),
    "the lead over the best grows on any machine": (2, "fig3", [("over_best_median", 1.0, {})], Verdict.HOLDS),
    "inversion is no network's largest phase": (
        3, "fig2", [("share", 0.0, {"phase": "inversion"})], Verdict.FAILS,
    ),
    "inversion dominates even when it is rare": (
        3, "fig2", [("share_amortised", 1.0, {"phase": "inversion"})], Verdict.HOLDS,
    ),
    "a step of Method 2 is short": (4, "fig5", [("step_s_median", 1e-9, {"arm": "thermo.solve"})], Verdict.HOLDS),
    "a step of Method 2 is long": (4, "fig5", [("step_s_median", 1e9, {"arm": "thermo.solve"})], Verdict.FAILS),
    "8 bits cost nothing on any task": (
        5, "fig4", [("steps_ratio", 1.0, {"flaw": "in", "bits": 8.0})], Verdict.HOLDS,
    ),
    "8 bits cost steps on every task": (
        5, "fig4", [("steps_ratio", 2.0, {"flaw": "in", "bits": 8.0})], Verdict.FAILS,
    ),
    "4 bits out cost steps on every task": (
        6, "fig4", [("steps_ratio", 2.0, {"flaw": "out", "bits": 4.0})], Verdict.FAILS,
    ),
    "no machine beats Cholesky on ViT": (
        7, "fig5", [("over_cholesky", 1.0, {"workload": "imagenet_vit"})], Verdict.FAILS,
    ),
    "machines beat every digital method on ViT": (
        7, "fig5",
        [("over_cholesky", 2.0, {"arm": "thermo.solve"}), ("over_digital_median", 2.0, {"arm": "thermo.solve"})],
        Verdict.HOLDS,
    ),
    "machines beat Cholesky on the GNN": (8, "fig5", [("over_cholesky", 2.0, {"arm": "thermo.inverse"})], Verdict.IF),
    "no machine beats Cholesky on the GNN": (
        8, "fig5", [("over_cholesky", 1.0, {"workload": "ogbg"})], Verdict.FAILS,
    ),
    # With as many steps as Adam it would not, which both sides rest on.
    "the published constants win, too": (9, "fig5", [("over_adam_to_target_median", 2.0, {})], Verdict.IF),
    "and steps are as short as Adam's": (
        9,
        "fig5",
        [("over_adam_to_target_median", 2.0, {}), ("step_s_median", 1e-9, {"arm": "thermo.solve"})],
        Verdict.HOLDS,
    ),
    "K-FAC saves no steps": (9, "fig5", [("over_adam_to_target_median", 0.9, {})], Verdict.FAILS),
    "the link keeps up with the arrays": (10, "arrays", [("solver_s", 1e-9, {"arrays": 64.0})], Verdict.HOLDS),
    "arrays wait for each other": (10, "arrays", [("analog_s", 1.0, {})], Verdict.FAILS),
    "Method 2 takes no time": (11, "fig5", [("step_s_median", 1e-9, {"arm": "thermo.solve"})], Verdict.FAILS),
    "inversion is most of every step": (
        12, "fig5", [("free_over_cholesky", 5.0, {}), ("free_solver_median", 5.0, {})], Verdict.FAILS,
    ),
    "inversion is most of a step where it is in each": (12, "fig5", [("free_over_cholesky", 5.0, {})], Verdict.IF),
    "all workloads have one bound": (13, "fig5", [("free_solver_median", 1.1, {})], Verdict.IF),
}  # fmt: skip


@pytest.mark.parametrize("world", OTHER_WORLDS)
def test_other_numbers_give_another_verdict(world: str, frames: ledger.FastFrames) -> None:
    index, name, changes, verdict = OTHER_WORLDS[world]
    frame = frames[name]
    for column, value, where in changes:
        frame = changed(frame, column, power(frame, value) if name == "fig3" else value, **where)
    there = ledger.claims(ledger.FastFrames({**frames, name: frame}))[index]
    assert there.verdict is verdict
    assert bool(there.condition) == (verdict is Verdict.IF)


def test_every_verdict_can_flip(claims: dict[int, Claim]) -> None:
    for index, claim in claims.items():
        other = {verdict for of, _, _, verdict in OTHER_WORLDS.values() if of == index}
        assert bool(claim.checks) == (len(other | {claim.verdict}) > 1), claim.said


def words(claim: Claim) -> Iterator[list[str]]:
    """Commands of the model that a claim tells to type, without ``python -m costmodel``."""
    for each in (*claim.theirs.commands, *claim.honest.commands, *claim.explain):
        if each.startswith("python -m costmodel "):
            yield shlex.split(each)[3:]


@cache
def printed(*arguments: str) -> Any:
    """What a command prints, as JSON."""
    found = CliRunner().invoke(app, [*arguments, "--format", "json"])
    assert found.exit_code == 0, (arguments, found.output)
    return json.loads(found.stdout)


def runs(arguments: list[str]) -> None:
    """Run a command; an explanation names the source of every formula, or of the value."""
    found = printed(*arguments)
    if arguments[0] == "explain":
        named = found["formulas"] or [found["quantity"]]
        assert named, arguments
        assert all(each["source"] for each in named), arguments


def test_each_kind_of_command_works_and_names_sources(claims: dict[int, Claim]) -> None:
    # One for each verb and what it is asked; that settings of the others are right, the numbers below show.
    kinds = {tuple(each[:2]): each for claim in claims.values() for each in words(claim)}
    assert {verb for verb, _ in kinds} == {"project", "explain", "catalog"}
    for each in kinds.values():
        runs(each)


@pytest.mark.slow
@pytest.mark.parametrize("index", range(1, 16))
def test_every_command_works_and_names_sources(index: int, claims: dict[int, Claim]) -> None:
    assert [*words(claims[index])]
    for each in words(claims[index]):
        runs(each)


def test_figures_that_are_named_can_be_drawn(claims: dict[int, Claim]) -> None:
    others = {
        " ".join(command.split()[:5])
        for each in claims.values()
        for command in (*each.theirs.commands, *each.honest.commands)
        if not command.startswith("python -m costmodel ")
    }
    assert others == {
        "python -m paper_figures --fast --only",
        "python -m paper_figures.profile",
        "python -m validation.study.report",
    }


def quotients(found: dict[str, Any]) -> set[float]:
    """Every ratio that a projection prints, or that two of its steps have; shares that they stand for."""
    steps = {name: each["step_time_s"]["median"] for name, each in found["methods"].items()}
    ratios = {slow / fast for slow in steps.values() for fast in steps.values()}
    ratios |= {each["median"] for gains in found["speedup"].values() for each in gains.values()}
    ratios.add(found["free_solver_speedup"]["median"])
    phases = found["methods"]["kfac.cholesky"]["phases"]
    solver = sum(phases[name]["median"] for name in ("inversion", "precondition"))
    ratios.add(steps["kfac.cholesky"] / (steps["kfac.cholesky"] - solver))
    return ratios | {1 - 1 / ratio for ratio in ratios}


@pytest.mark.parametrize(
    "index", [4, pytest.param(7, marks=pytest.mark.slow), pytest.param(8, marks=pytest.mark.slow), 9, 11, 12]
)
def test_numbers_of_a_check_are_printed_by_the_commands_beside_it(index: int, claims: dict[int, Claim]) -> None:
    claim = claims[index]
    for check in claim.checks:
        for number, side in ((check.theirs, claim.theirs), (check.honest, claim.honest)):
            told = [shlex.split(each)[3:] for each in side.commands]
            found = set().union(*(quotients(printed(*each)) for each in told))
            assert any(number == pytest.approx(each, rel=1e-5) for each in found), (check.asks, number)


def test_a_point_of_the_scaling_is_printed_by_its_command() -> None:
    command = scaling.command(100_000, "law", "1024 arrays")
    methods = printed(*shlex.split(command)[3:])["methods"]
    frame = fast_frame("fig3")
    for arm in ("thermo.solve", "kfac.cholesky", "adam"):
        step = scaling.at(frame, "law", "1024 arrays", arm, "step_median")[100_000]
        assert step == pytest.approx(methods[arm]["step_time_s"]["median"], rel=1e-5)


def test_claims_of_a_figure_are_printed_alone(capsys: pytest.CaptureFixture[str]) -> None:
    before = ledger.PAGE.read_bytes()
    assert main(["claims", "--only", "fig4"]) == 0
    told = capsys.readouterr().out
    assert [line.split()[1] for line in told.splitlines() if line.startswith("## ")] == ["5.", "6."]
    assert ledger.PAGE.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--only", "fig99"], "invalid choice: 'fig99'"),
        (["readme", "--only", "fig1"], "--only: readme is one picture"),
        (["claims", "--full"], "--full: claims rests on"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as told:
        main(arguments)
    assert told.value.code == 2
    assert fault in capsys.readouterr().err
