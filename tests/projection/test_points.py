"""Many points at once say what a projection says of each."""

import numpy as np
import pytest

from costmodel.defaults import Scenario
from costmodel.inputs.loading import load_analog, load_digital, load_workload
from costmodel.methods import METHODS
from costmodel.projection import points as module
from costmodel.projection.cost import total
from costmodel.projection.draws import Sample, quantities
from costmodel.projection.evaluation import Evaluation
from costmodel.projection.methods import methods_of
from costmodel.projection.placement import busiest
from costmodel.projection.points import Points, evaluate_points
from costmodel.projection.project import project

#: By column of a point, in SI units, and as --set takes it.
COLUMNS = {
    "analog.relaxation_time": [1e-6, 3e-9],
    "analog.input_bits": [16.0, 8.0],
    "analog.link_bandwidth": [50e9, 4e12],
    "analog.arrays": [1.0, 64.0],
    "analog.cells": [4096.0, 256.0],
    "kfac.damping": [1e-3, 1e-2],
    "kfac.refresh_interval": [100.0, 7.0],
    "kfac.factor_interval": [10.0, 3.0],
}
UNITS = {"relaxation_time": " s", "input_bits": " bit", "link_bandwidth": " bit/s"}


def settings(root: str, point: int) -> list[str]:
    found = []
    for path, values in COLUMNS.items():
        if path.startswith(root):
            name = path.removeprefix("analog.")
            number = repr(values[point]) if name == "kfac.damping" or name in UNITS else str(int(values[point]))
            found.append(f"{name}={number}{UNITS.get(name, '')}")
    return found


@pytest.mark.parametrize(
    ("model", "card", "analog"), [("ogbg", "rtx-a6000", "sram-2026"), ("mlp", "h100-sxm", "tngd-2024")]
)
@pytest.mark.parametrize("draws", [0, 41])
def test_points_are_what_a_projection_says_of_each(model: str, card: str, analog: str, draws: int) -> None:
    columns = {path: np.array(values) for path, values in COLUMNS.items()}
    digital = load_digital(card)
    case = load_workload(model), digital, load_analog(analog, ["cells=100"])
    found = evaluate_points(*case, columns, draws=draws, seed=3, phases=True)
    for point in range(2):
        alone = load_workload(model, settings("kfac", point)), digital, load_analog(analog, settings("analog", point))
        sample = (
            Sample.of(quantities(*alone), draws, 3, Scenario.NOMINAL) if draws else Sample.nominal(quantities(*alone))
        )
        evaluation = Evaluation(*alone, methods_of(alone[0]), sample)
        for method in methods_of(alone[0]):
            costs = evaluation.method(method)
            # Sums over layers of many points are in another order: not the last digit.
            assert np.allclose(found.step[method.name][point], total(costs.values()).total, rtol=1e-13, atol=0)
            for phase, cost in costs.items():
                assert np.allclose(found.phases[method.name][phase][point], cost.total, rtol=1e-13, atol=0)


def test_a_single_point_is_the_nominal_answer() -> None:
    case = load_workload("ogbg"), load_digital("rtx-a6000"), load_analog("sram-2026")
    evaluation = Evaluation(*case, methods_of(case[0]), Sample.nominal(quantities(*case)))
    found = evaluate_points(*case, {})
    for method in methods_of(case[0]):
        assert found.step[method.name].tolist() == total(evaluation.method(method).values()).total.tolist()


def test_medians_over_draws_are_those_that_are_printed() -> None:
    case = load_workload("ogbg"), load_digital("h100-sxm"), load_analog("tngd-2024")
    found = evaluate_points(*case, {}, draws=31, seed=2)
    for name, method in project(*case, draws=31, seed=2).methods.items():
        assert np.median(found.step[name]) == method.step_time.median


def test_a_stale_refresh_runs_beside_training_at_each_point() -> None:
    cards = load_digital("h100-sxm"), load_analog("tngd-2024")
    stale = "kfac.stale_steps=5"
    intervals = np.array([20.0, 100.0])
    columns = {"kfac.refresh_interval": intervals}
    found = evaluate_points(load_workload("mlp", [stale]), *cards, columns, draws=31, seed=2)
    for point, interval in enumerate(intervals):
        model = load_workload("mlp", [stale, f"kfac.refresh_interval={int(interval)}"])
        for name, method in project(model, *cards, draws=31, seed=2).methods.items():
            assert np.median(found.step[name][point]) == pytest.approx(method.step_time.median, rel=1e-12)


def test_pieces_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    points = Points(load_workload("mlp"), load_digital("h100-sxm"), load_analog("tngd-2024"), methods=["thermo.solve"])
    columns = {"relaxation_time": np.geomspace(1e-9, 1e-6, 50)}
    whole = points.evaluate(columns).step["thermo.solve"]
    monkeypatch.setattr(module, "_CELLS", 300)
    pieces = list(points.chunks(columns))
    assert len(pieces) > 2
    joined = np.concatenate([each.step["thermo.solve"] for _, each in pieces])
    assert np.allclose(joined, whole, rtol=1e-13, atol=0)
    assert [at.start for at, _ in pieces[1:]] == [at.stop for at, _ in pieces[:-1]]


def test_paired_points_have_a_draw_each() -> None:
    points = Points(load_workload("mlp"), load_digital("h100-sxm"), load_analog("tngd-2024"), draws=9)
    columns = {"relaxation_time": np.geomspace(1e-9, 1e-6, 9)}
    every, paired = points.evaluate(columns), points.evaluate(columns, paired=True)
    for name in set(METHODS) - {"kfac.low_rank"}:  # whose law is looked up at the median rank of a point
        assert np.allclose(np.diagonal(every.step[name]), paired.step[name], rtol=1e-13, atol=0)


def test_what_a_card_leaves_out_follows_its_columns() -> None:
    """Thermal noise follows from a capacitance, which follows from a relaxation time."""
    case = load_workload("mlp"), load_digital("h100-sxm")
    base = load_analog("sram-2026")
    columns = {"relaxation_time": np.array([1e-9, 1e-7])}
    found = evaluate_points(*case, base, columns, draws=5, methods=["thermo.solve"]).step["thermo.solve"]
    for point, text in enumerate(("1e-09 s", "1e-07 s")):
        alone = evaluate_points(
            *case, load_analog("sram-2026", [f"relaxation_time={text}"]), {}, draws=5, methods=["thermo.solve"]
        )
        assert np.allclose(found[point], alone.step["thermo.solve"][0], rtol=1e-13, atol=0)


def test_devices_are_dealt_to_by_each_point() -> None:
    """Costs 5, 2 and 4, 9 of one job and three: by point {5, 2, 2, 2} gives 6 and {4, 9, 9, 9} gives 18."""
    seconds, counts = np.array([[5.0, 4.0], [2.0, 9.0]]), np.array([1.0, 3.0])
    assert busiest(seconds, counts, 2, per_point=1).tolist() == [6.0, 18.0]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"analog.celsl": [1.0]}, "unknown input 'analog.celsl'"),
        ({"relaxation_time": [1e-9, 1e-8], "arrays": [1, 2, 3]}, "columns have 2 and 3 points"),
        ({"relaxation_time": [np.nan]}, "analog.relaxation_time has a value that is not finite"),
        ({"relaxation_time": []}, "analog.relaxation_time has no points"),
        ({"kfac.refresh_interval": [0]}, "refresh_interval = 0 is outside its domain 1 <= i_r"),
    ],
)  # fmt: skip
def test_bad_columns(columns: dict[str, list[float]], message: str) -> None:
    case = load_workload("mlp"), load_digital("h100-sxm"), load_analog("tngd-2024")
    with pytest.raises(ValueError) as error:
        evaluate_points(*case, {name: np.array(each, dtype=float) for name, each in columns.items()})
    assert str(error.value).startswith(message)


def test_bad_methods() -> None:
    case = load_workload("mlp"), load_digital("h100-sxm"), load_analog("tngd-2024")
    with pytest.raises(ValueError, match=r"^unknown method 'thermo.slove'; did you mean 'thermo.solve'\?$"):
        evaluate_points(*case, {}, methods=["thermo.slove"])
