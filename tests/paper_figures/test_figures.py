"""Each figure says what its data bear out, is drawn whole and alike twice, and is taken up where it was killed."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from paper_figures import __main__ as command
from paper_figures import answer, beyond, overview, quantization, redraw, scaling, time_profile, time_to_target
from paper_figures.catalog import FIGURES, fast_frame
from paper_figures.figure import FAST, FULL, Effort, Figure, Statement


@pytest.mark.parametrize("name", FIGURES)
def test_the_data_bear_out_what_a_figure_says(name: str) -> None:
    said = FIGURES[name].message(fast_frame(name))
    assert said
    assert [each.text for each in said if not each.holds] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_all_points_and_draws_bear_it_out_too(name: str) -> None:
    figure = FIGURES[name]
    assert [each.text for each in figure.message(figure.data(FULL)) if not each.holds] == []


@pytest.mark.parametrize("name", FIGURES)
def test_a_caption_says_where_its_numbers_come_from(name: str) -> None:
    caption = FIGURES[name].caption(fast_frame(name)).lower()
    assert any(word in caption for word in ("measured", "fitted", "sourced", "assumed"))
    assert "nan" not in caption.split()
    assert "{" not in caption


def other(frame: pd.DataFrame, column: str, value: object, **where: object) -> pd.DataFrame:
    """A frame with one column changed where others have given values."""
    changed = frame.copy()
    rows = np.logical_and.reduce([changed[key] == each for key, each in where.items()])
    changed.loc[rows, column] = value
    return changed


@pytest.mark.parametrize(
    ("figure", "column", "value", "where"),
    [
        (scaling.FIGURE, "over_best_median", 3.0, {"arm": "thermo.solve", "machine": "one array", "kappa": "law"}),
        (scaling.FIGURE, "solver_s", 1.0, {"arm": "kfac.cholesky", "machine": "one array", "kappa": "fixed"}),
        (time_to_target.FIGURE, "over_digital_median", 2.0, {"arm": "thermo.solve", "workload": "ogbg"}),
        (time_to_target.FIGURE, "free_solver_median", 3.0, {"arm": "digital", "workload": "imagenet_vit"}),
        (quantization.FIGURE, "steps_ratio", 1.5, {"task": "vit", "flaw": "in", "bits": 8.0}),
        (time_profile.FIGURE, "share_amortised", 0.9, {"device": "H100", "phase": "inversion", "size": 4096}),
        (overview.FIGURE, "seconds", 100.0, {"where": "machine", "method": "thermo.inverse"}),
        (beyond.FIGURE, "label", "settle", {"panel": "regime, 256 cells, RC 2 ns"}),
        (beyond.FIGURE, "value", 2.0, {"panel": "requirement"}),
        (answer.FIGURE, "step_s", 0.1, {"method": "thermo.solve"}),
    ],
)
def test_a_message_fails_where_its_data_are_others(
    figure: Figure, column: str, value: object, where: dict[str, object]
) -> None:
    frame = other(fast_frame(figure.name), column, value, **where)
    assert any(not each.holds for each in figure.message(frame))


def test_bits_of_both_registrations_are_there_or_told_to_be_missing() -> None:
    frame = fast_frame("fig4")
    for task in quantization.SMALL:
        rows = frame[frame["task"] == task]
        levels = {flaw: sorted(rows[rows["flaw"] == flaw]["bits"].astype(int)) for flaw in quantization.FLAWS}
        assert levels == {"in": [4, 5, 6, 8, 10], "ind": [4, 5, 6, 8, 10], "out": [3, 4, 6, 8]}
    assert frame["steps_ratio"].isna().equals(frame["seeds"] == 0)
    lacking = quantization.caption(frame).split("Lacking of the registered: ")[1].split(". No paper")[0]
    assert "digits, ViT: in 4" in lacking  # it never arrived on two wide tasks, and was left out by an amendment


def test_a_level_that_was_run_is_a_point_and_one_that_lacks_is_a_cross(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three bits out are given the runs of four on the mlp, and taken from the others."""
    analysis = json.loads(quantization.ANALYSIS.read_text(encoding="utf-8"))
    entries = {task: analysis["tasks"][task] for task in quantization.SMALL}
    for task in entries:
        entries[task].pop("out 3", None)
    entries["mlp"]["out 3"] = entries["mlp"]["out 4"]
    (tmp_path / "analysis.json").write_text(json.dumps(analysis), encoding="utf-8")
    monkeypatch.setattr(quantization, "ANALYSIS", tmp_path / "analysis.json")
    frame = quantization.data(FAST)
    rows = frame[(frame["flaw"] == "out") & (frame["bits"] == 3)].set_index("task")
    assert rows.loc["mlp", "steps_ratio"] == entries["mlp"]["out 4"]["versus_kfac"]["ratio"]
    assert rows.loc[["vit", "gnn"], "seeds"].tolist() == [0, 0]
    assert quantization.coarsest(frame, "out") == 4  # three bits are not on every task
    figure = quantization.draw(frame)
    color = quantization.FLAWS["out"][1]
    crosses = [
        [line.get_xdata()[0] for line in axis.lines if (line.get_marker(), line.get_color()) == ("x", color)]
        for axis in figure.axes[:3]
    ]
    assert [0.2 in each for each in crosses] == [False, True, True]  # three bits are the first of the ticks


def test_a_crossing_lies_between_the_sizes_about_it() -> None:
    # The ratio is n / 1000, a line in logarithms: the crossing is at 1000.
    n = np.array([100.0, 500.0, 4000.0])
    assert scaling._crossing(n, n / 1000) == pytest.approx(1000)
    assert scaling._crossing(n, 1 + n) == 100
    assert scaling._crossing(n, 0 * n + 0.5) == float("inf")
    assert scaling._crossing(n, np.array([2.0, 0.5, 0.9])) == float("inf")


def test_an_exponent_is_the_power_of_a_power_law() -> None:
    n = np.array([512, 8192, 32768, 100_000])
    frame = pd.DataFrame({"n": n, "kappa": "law", "machine": "m", "arm": "a", "solver_s": 1e-9 * n**2.5})
    assert scaling.exponent(frame, "law", "m", "a") == pytest.approx(2.5)


class Killed(BaseException):
    pass


@pytest.fixture
def drawn_times() -> dict[str, int]:
    return {"first": 0, "second": 0}


def simple(name: str, times: dict[str, int], *, dies: bool = False, true: bool = True) -> Figure:
    def data(effort: Effort) -> pd.DataFrame:
        times[name] += 1
        return pd.DataFrame({"x": [1.0, 2.0], "y": [effort.draws, 1 / 3]})

    def draw(frame: pd.DataFrame) -> object:
        from matplotlib import pyplot as plt

        if dies:
            raise Killed
        figure, axis = plt.subplots()
        axis.plot(frame["x"], frame["y"])
        return figure

    return Figure(name, name, data, draw, lambda frame: "measured", lambda frame: [Statement("so", true)])  # type: ignore[arg-type]


def test_a_killed_run_resumes_at_the_figure_it_was_at(tmp_path: Path, drawn_times: dict[str, int]) -> None:
    with pytest.raises(Killed):
        redraw.redraw([simple("first", drawn_times), simple("second", drawn_times, dies=True)], tmp_path, FAST)
    assert drawn_times == {"first": 1, "second": 1}
    said: list[str] = []
    redraw.redraw([simple("first", drawn_times), simple("second", drawn_times)], tmp_path, FAST, said.append)
    assert drawn_times == {"first": 1, "second": 2}
    assert said[0] == "[1/2] first: is there already"
    assert {file.name for file in tmp_path.iterdir()} == {
        f"{name}.{kind}" for name in drawn_times for kind in ("csv", "png", "svg", "pdf", "md", "json")
    } | {"manifest.json"}


def test_two_runs_give_the_same_bytes(tmp_path: Path, drawn_times: dict[str, int]) -> None:
    for run in ("one", "two"):
        redraw.redraw([simple("first", drawn_times)], tmp_path / run, FAST, lambda text: None)
    for kind in ("csv", "png", "svg", "pdf", "md", "json"):
        one, two = ((tmp_path / run / f"first.{kind}").read_bytes() for run in ("one", "two"))
        assert one == two, kind


def test_a_changed_table_is_drawn_again(tmp_path: Path, drawn_times: dict[str, int]) -> None:
    figure = simple("first", drawn_times)
    redraw.redraw([figure], tmp_path, FAST, lambda text: None)
    (tmp_path / "first.csv").write_text("x,y\n1,2\n")
    redraw.redraw([figure], tmp_path, FAST, lambda text: None)
    assert drawn_times["first"] == 2


def test_what_data_do_not_bear_out_is_told(tmp_path: Path, drawn_times: dict[str, int]) -> None:
    assert redraw.redraw([simple("first", drawn_times, true=False)], tmp_path, FAST, lambda text: None) == ["first: so"]


def test_the_command_draws_a_figure_with_its_manifest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--fast", "--only", "fig4", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"figures are in {tmp_path}"
    manifest = json.loads((tmp_path / "manifest.json").read_text())["figures"]["fig4"]
    assert manifest["inputs_sha256"].keys() == {"validation/data/study/analysis.json"}
    assert manifest["versions"].keys() >= {"python", "numpy", "matplotlib"}
    frame = redraw.read_frame(tmp_path, FIGURES["fig4"])
    pd.testing.assert_frame_equal(frame, fast_frame("fig4"), check_dtype=False, rtol=1e-8)


def test_frames_are_equal_twice() -> None:
    again = answer.data(FAST)
    pd.testing.assert_frame_equal(again, fast_frame("answer"), check_exact=True)


def test_the_picture_of_the_readme_is_current() -> None:
    shipped = pd.read_csv(answer.FOLDER / "answer.csv")
    # Where this fails because the model changed: python -m paper_figures readme
    pd.testing.assert_frame_equal(shipped, fast_frame("answer"), check_dtype=False, rtol=2e-3)
    assert (answer.FOLDER / "answer.png").is_file()


@pytest.mark.parametrize("what", ["figures", "claims", "readme"])
def test_where_nothing_can_be_written(what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("kept", encoding="utf-8")
    only = ["--only", "fig1", "--fast"] if what == "figures" else []
    assert command.main([what, *only, "--out", str(file / "deep" / "out")]) == 2
    faults = capsys.readouterr().err
    assert faults.startswith("--out: ")
    assert faults.count("\n") == 1
    assert file.read_text(encoding="utf-8") == "kept"


def test_a_run_that_is_stopped_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: object, **__: object) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "redraw", stopped)
    assert command.main(["--out", str(tmp_path)]) == 130
    assert capsys.readouterr().err == "stopped; what is drawn is kept, the same command goes on from there\n"
