"""Answers of the questions against a projection, against numbers on paper, and their faults."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import costmodel
from costmodel import formulas
from costmodel.cli import app
from costmodel.cli_inputs import load
from costmodel.defaults import SCHEMA
from costmodel.inputs.faults import InputError
from costmodel.projection.points import evaluate_points
from costmodel.quantities.algebra import sp
from costmodel.questions.case import Case
from costmodel.questions.crossover import crossover
from costmodel.questions.regimes import regimes
from costmodel.questions.require import require
from costmodel.questions.sensitivity import sensitivity
from costmodel.views.crossover import CrossoverReport, value_of
from costmodel.views.require import RequireReport

DRAWS = 100
JSON_PAGE = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8").replace("[]`", "`")
PAIR = ("thermo.columns", "kfac.eigh")


def case(model: str = "mlp", *settings: str, analog: str = "tngd-2024", draws: int = DRAWS) -> Case:
    return Case(lambda more: load(model, "h100-sxm", analog, [*settings, *more]), draws)


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    if isinstance(result.exception, InputError):
        return 2, str(result.exception)
    return result.exit_code, result.output


def test_a_projection_at_a_crossing_has_a_ratio_of_one() -> None:
    (tie,) = crossover(case(), "relaxation_time", *PAIR).ties
    found = case("mlp", f"relaxation_time={tie.value!r} s").project()
    ours, theirs = (found.methods[name].step_time.median for name in PAIR)
    assert ours == pytest.approx(theirs, rel=0.02)  # medians of times are not the median of a ratio
    assert tie.above == "kfac.eigh"


def test_every_crossing_is_found() -> None:
    """Between ends that are both on one side, a grid that starts beyond the crossing finds none."""
    (tie,) = crossover(case(), "relaxation_time", *PAIR).ties
    above = crossover(case(), "relaxation_time", *PAIR, low=tie.value * 2, high=tie.value * 100)
    assert above.ties == ()
    assert above.never is not None
    assert (above.never.loser, above.never.winner) == PAIR
    assert above.never.at == pytest.approx(tie.value * 2)
    assert above.never.loser_time > above.never.winner_time


def test_never_names_the_phase_that_decides() -> None:
    found = crossover(case(), "bits")
    assert found.never is not None
    assert found.never.alone
    (table,) = CrossoverReport(found).tables()
    assert "alone" in table.rows[0][0]
    assert "already costs more than all that kfac.newton_schulz does in its place" in table.rows[0][0]


def test_a_phase_in_whose_place_nothing_is_done() -> None:
    """At a damping of 100 every damped factor is near a multiple of I, whose inverse takes Newton-Schulz no step."""
    found = crossover(case("imagenet_vit"), "damping", "thermo.columns.refined", "kfac.newton_schulz", low=50)
    assert found.never is not None
    assert (found.never.winner, found.never.replaced) == ("kfac.newton_schulz", 0)
    (table,) = CrossoverReport(found).tables()
    assert " a step) comes on top of all that kfac.newton_schulz does, even at 100, where they" in table.rows[0][0]


def test_structural_inputs_are_read_again() -> None:
    wanted = case().input("width")
    found = case().times({wanted: np.array([64.0, 128.0, 64.0])}, ["kfac.eigh"], draws=0).step["kfac.eigh"]
    for value, time in zip((64, 128, 64), found, strict=True):
        loaded = load("mlp", "h100-sxm", "tngd-2024", [f"parameters.width={value}"])
        assert time == evaluate_points(*loaded, {}, methods=["kfac.eigh"]).step["kfac.eigh"][0]


def test_widths_of_a_transformer_are_multiples_of_its_heads() -> None:
    wanted = case("gpt").input("width")
    assert wanted.multiple == 12
    assert not np.any(wanted.grid() % 12)


def test_a_map_agrees_with_single_points() -> None:
    found = regimes(case(), "relaxation_time", "arrays", *PAIR)
    assert {name for row in found.winner for name in row} == set(PAIR)
    loaded = case().loaded
    for row, column in ((0, 0), (12, 3), (24, 24)):
        columns = {"relaxation_time": found.columns[[column]], "arrays": found.rows[[row]]}
        times = evaluate_points(*loaded, columns, methods=PAIR).step
        assert found.winner[row][column] == min(PAIR, key=lambda name: times[name][0])
        assert found.speedup[row, column] == pytest.approx(times["kfac.eigh"][0] / times["thermo.columns"][0])


def test_a_requirement_gives_the_speedup() -> None:
    found = require(case(), 0.9, levers=["relaxation_time", "refresh_interval", "bits"])
    assert found.singles
    assert [each.effort for each in found.singles] == sorted(each.effort for each in found.singles)
    for change in found.singles:
        (setting,) = change.settings
        assert change.effort == pytest.approx(abs(math.log(setting.factor)))
        projection = case("mlp", setting.input.setting(setting.value)).project()
        assert projection.speedup[change.method]["kfac.best"].median == pytest.approx(0.9, rel=0.03)
    assert found.current < 0.9
    enough = {change.settings[0].input.path for change in found.singles}
    assert all(setting.input.path not in enough for pair in found.pairs for setting in pair.settings)


def test_a_speedup_that_is_there_already_has_no_empty_table() -> None:
    found = require(case(), 0.01)
    (table,) = RequireReport(found).tables()
    assert table.rows == ((f"mlp: 0.01x over kfac.best is there already: {found.current:.4g}x",),)


def test_whole_numbers_keep_their_digits() -> None:
    width, damping = case().input("width"), case().input("damping")
    assert [value_of(width, value) for value in (32.0, 16384.0, 1234.5)] == ["32", "16384", "1230"]
    assert value_of(damping, 16384.0) == "16400"


def test_pairs_hold_with_all_draws() -> None:
    found = require(case("mlp", "kfac.refresh_interval=1000"), 1.005, levers=["relaxation_time", "arrays", "link"])
    for pair in found.pairs:
        settings = [each.input.setting(each.value) for each in pair.settings]
        projection = case("mlp", "kfac.refresh_interval=1000", *settings).project()
        assert projection.speedup[pair.method]["kfac.best"].median >= 1.005 * (1 - 1e-6)


def test_out_of_reach_states_the_bound() -> None:
    found = require(case("ogbg", draws=40), 2.0, levers=["arrays", "refresh_interval"])
    assert (found.singles, found.pairs) == ((), ())
    assert 1 < found.free_solver < found.bound < 2
    code, output = run("require", "ogbg", "--speedup", "2", "--change", "arrays", "--draws", "40")
    assert code == 0
    assert "Amdahl's bound. Even a solver that takes no time at all gives 1.0" in output


def test_elasticities_are_those_of_the_formula() -> None:
    """Settling alone on one layer: d ln / d ln of kappa tau log(1 / epsilon), by sympy."""
    formula = formulas.get("thermo.solve.settle.time")
    tau = sp.Symbol("tau", positive=True)
    symbolic = sp.simplify(sp.diff(sp.log(formula.expression), tau) * tau)
    assert symbolic == 1
    found = sensitivity(case(), "thermo.solve", samples=8)
    phases = evaluate_points(*case().loaded, {}, methods=["thermo.solve"], phases=True).phases["thermo.solve"]
    analog = sum(float(phases[name][0]) for name in ("settle", "average", "eliminate") if name in phases)
    share = analog / found.nominal
    assert found.elasticities["analog.relaxation_time"].value == pytest.approx(share, rel=1e-3)


def test_indices_of_a_sum_of_logarithms() -> None:
    """The host's floor alone drives ogbg's step: its share of the variance is all of it."""
    found = sensitivity(case("ogbg"), "kfac.best", samples=256)
    first = found.influences[0]
    assert first.path == "model.host_time"
    assert first.first == pytest.approx(1, abs=0.15)
    assert first.total == pytest.approx(1, abs=0.1)
    assert found.spread == pytest.approx(1, abs=0.2)
    assert first.at_low < found.nominal < first.at_high


def test_python_calls_say_what_the_command_line_says() -> None:
    code, output = run("crossover", "mlp", "--over", "link", "--format", "json", "--draws", "40")
    found = costmodel.crossover("mlp", over="link", draws=40)
    assert code == 0
    assert json.loads(output) == json.loads(json.dumps(CrossoverReport(found).as_dict()))


def keys_of(value: object) -> set[str]:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return (set(value) if isinstance(value, dict) else set()).union(*map(keys_of, inner))


@pytest.mark.parametrize("verb", [
    ("sensitivity", "mlp", "--samples", "8"),
    ("crossover", "mlp", "--over", "bits", "--draws", "20"),
    ("crossover", "mlp", "--map", "bits", "damping"),
    ("require", "mlp", "--speedup", "0.9", "--draws", "20", "--change", "arrays"),
])  # fmt: skip
def test_every_format(verb: tuple[str, ...]) -> None:
    for form in ("table", "markdown", "json", "csv"):
        code, output = run(*verb, "--format", form)
        assert code == 0, output
        assert len(output.splitlines()) > 1
        if form == "json":
            answer = json.loads(output)
            assert answer["schema"] == SCHEMA
            assert not [key for key in keys_of(answer) if f"`{key}`" not in JSON_PAGE and "." not in key]
        if form == "csv":
            lines = output.strip().splitlines()
            assert all(a.count(",") == b.count(",") for a, b in pairwise(lines) if '"' not in a + b)


@pytest.mark.parametrize(("command", "message"), [
    ("crossover mlp --over widht", "widht: unknown input 'widht'; did you mean 'width'?"),
    ("crossover imagenet_vit --over width", "width: model imagenet_vit has no width: its layers state their own sizes"),
    ("crossover mlp --over link --method kfac.eigh --against kfac.cholesky",
     "link: changes neither kfac.eigh nor kfac.cholesky; their ratio is the same at every value"),
    ("crossover mlp --over bits --method kfac.eigh --against kfac.eigh",
     "--against: kfac.eigh is what it would be compared with; give another method"),
    ("crossover mlp --over bits --from 9 --to 8", "bits: is looked at from 9 to 8; that is no range above 0"),
    ("crossover mlp", "crossover: give either --over NAME or --map NAME NAME"),
    ("crossover mlp --map damping damping", "--map: model.kfac.damping is on both sides; give two inputs"),
    ("crossover mlp --map damping width --method adam --against adam",
     "--against: adam is what it would be compared with; give another method"),
    ("crossover mlp --over bits --from 0.5", "bits: input_bits = 1 is outside its domain 2 <= b_in"),
    ("crossover mlp --over width --to 1e12",
     "width: cannot be looked at as far as 1e+12: 1000000000000 is not at most 1000000000"),
    ("crossover mlp --over dampin --method thermo.slove --against kfac.eihg",
     "dampin: unknown input 'dampin'; did you mean 'damping'?\n"
     "kfac.eihg: unknown method 'kfac.eihg'; did you mean 'kfac.eigh'?\n"
     "thermo.slove: unknown method 'thermo.slove'; did you mean 'thermo.solve'?"),
    ("crossover mlp --map damping width --to 2", "--to: belongs to --over; a map is over the usual ranges"),
    ("require mlp --speedup 2 --over thermo.best",
     "--over: thermo.best is what it would be compared with; give another method"),
    ("require mlp --speedup 2 --method thermo.slove --change dampin --change array",
     "array: unknown input 'array'; did you mean 'arrays'?\ndampin: unknown input 'dampin'; did you mean 'damping'?\n"
     "thermo.slove: unknown method 'thermo.slove'; did you mean 'thermo.solve'?"),
    ("sensitivity mlp --of speedup --over thermo.best",
     "--over: thermo.best is what it would be compared with; give another method"),
    ("require mlp --speedup 2 --change width --change arrays",
     "width: has no value that it could be changed from; give one that the model or a card states"),
    ("sweep examples/sweep.yaml --out never.csv --scheduler garbage",
     "--scheduler: 'garbage' is no address, like tcp://host:8786"),
    ("report mlpp mlp ogbgg --format markdown",
     "mlpp: unknown model 'mlpp'; did you mean 'mlp'?\nogbgg: unknown model 'ogbgg'; did you mean 'ogbg'?"),
    ("require mlp --speedup -1", "--speedup: -1 is not a factor above 0"),
    ("require mlp --speedup 2 --method thermo.slove",
     "thermo.slove: unknown method 'thermo.slove'; did you mean 'thermo.solve'?"),
    ("sensitivity mlp --of time", "--of: 'time' is neither step nor speedup"),
    ("sensitivity mlp --samples 100", "--samples: 100 is not a power of two"),
    ("sensitivity mlp --plot a.txt", "--plot: 'a.txt' ends with none of .png, .svg, .pdf"),
])  # fmt: skip
def test_bad_input(command: str, message: str) -> None:
    assert run(*command.split()) == (2, message)


@pytest.mark.parametrize(("command", "words"), [
    ("require mlp --speedup 0.9 --change arrays --draws 20", "mlp: what alone gives 0.9x over kfac.best"),
    ("require mlp --speedup 50 --change arrays --draws 20", "mlp: no input alone gives 50x"),
    ("compare mlp ogbg --draws 20", "thermo.columns"),
])  # fmt: skip
def test_answers_can_be_looked_at(command: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drawing that is only looked at goes to a temporary file; one that is kept is the one that opens."""
    opened: list[str] = []
    monkeypatch.setattr("typer.launch", opened.append)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kept = tmp_path / "kept.svg"
    for more in (["--open"], ["--open", "--plot", str(kept)], ["--plot", str(kept)]):
        result = CliRunner().invoke(app, [*command.split(), *more])
        assert result.exit_code == 0, result.output
    first, second = opened
    assert Path(first).parent == tmp_path
    assert Path(first).read_bytes().startswith(b"\x89PNG")
    assert second == str(kept)
    assert f"<!-- {words} -->" in kept.read_text(encoding="utf-8")  # texts are drawn, and told in comments
