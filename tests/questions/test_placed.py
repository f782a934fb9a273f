"""Questions of methods whose layers are placed: at every value as a projection with that setting places them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from costmodel.inputs.faults import InputError
from costmodel.inputs.loading import load_analog, load_digital, load_workload
from costmodel.inputs.settings import split_settings
from costmodel.inputs.sweep_file import read_sweep
from costmodel.projection.feasibility import Reach
from costmodel.projection.placing import PLACED, placements
from costmodel.projection.project import project
from costmodel.questions.case import Case, Loaded
from costmodel.questions.crossover import crossover, interval
from costmodel.questions.regimes import regimes
from costmodel.questions.require import require
from costmodel.questions.sensitivity import sensitivity
from costmodel.questions.sweep_run import run
from costmodel.views.crossover import CrossoverReport

SIZES = {"tiny": (16, 8), "middle": (900, 700), "large": (3000, 2500)}


def model(choice: object) -> dict[str, object]:
    return {
        "schema": 1,
        "name": "three",
        "source": "made up",
        "batch_size": 16,
        "kfac": {"factor_interval": 1, "refresh_interval": 1, "analog_layers": choice},
        "layers": [
            {"name": name, "kind": "linear", "d_in": d_in, "d_out": d_out} for name, (d_in, d_out) in SIZES.items()
        ],
    }


DIGITAL = load_digital("h100-sxm")


def case(choice: object = "all", draws: int = 20) -> Case:
    def load(settings: Sequence[str]) -> Loaded:
        own = split_settings(settings)
        return load_workload(model(choice), own["model"]), DIGITAL, load_analog("scaled", own["analog"])

    return Case(load, draws)


TAUS = np.array([1e-10, 3e-8, 1e-2])


@pytest.mark.parametrize(("choice", "names"), [("cheaper", ["thermo.columns"]), ("all", [PLACED])])
def test_each_point_is_the_projection_with_that_setting(choice: str, names: Sequence[str]) -> None:
    asked = case(choice)
    tau = asked.input("relaxation_time")
    found = asked.times({tau: TAUS}, names, phases=True)
    sizes = set()
    for point, value in enumerate(TAUS):
        there = asked.project([tau.setting(float(value))])
        for name in names:
            method = there.methods.get(name, there.methods[there.best_digital])  # not worth a method of its own
            exact = name in there.methods
            step = float(np.median(found.step[name][point]))
            assert step == pytest.approx(method.step_time.median, rel=1e-12 if exact else 0.01)
            # Phases add up to a step, those that are nowhere done here at nothing.
            assert sum(each[point] for each in found.phases[name].values()) == pytest.approx(found.step[name][point])
            sizes.add(len(method.placement.layers) if method.placement else 0)
    assert len(sizes) > 1  # or nothing was placed anew


def test_a_list_of_layers_keeps_them_and_chooses_the_best_digital_method_anew() -> None:
    asked = case(["large"])
    damping = asked.input("damping")
    values = np.array([1e-6, 1.0])
    steps = asked.times({damping: values}, ["thermo.solve"]).step["thermo.solve"]
    for point, value in enumerate(values):
        there = asked.project([damping.setting(float(value))]).methods["thermo.solve"]
        assert np.median(steps[point]) == pytest.approx(there.step_time.median, rel=1e-12)


def test_a_crossover_of_placed_layers_is_where_the_first_is_worth_sending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("costmodel.questions.crossover.FEW_POINTS", 5)
    monkeypatch.setattr("costmodel.questions.crossover._HALVINGS", 7)
    found = crossover(case(draws=30), "relaxation_time", PLACED)
    (tie,) = found.ties
    assert tie.above == "kfac.best"
    assert found.ratio[1].min() == 1.0  # never worse than the digital device: it may do all
    below, above = (
        case().project([f"analog.relaxation_time={tie.value * factor!r} s"]).methods for factor in (0.5, 2.0)
    )
    assert PLACED in below
    assert PLACED not in above
    assert tie.low is None or tie.low <= tie.value * 1.3
    assert tie.reach is Reach.YES


def test_where_no_layer_is_worth_sending_the_answer_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("costmodel.questions.crossover.FEW_POINTS", 3)
    found = crossover(case("cheaper", 20), "relaxation_time", "thermo.solve", low=1e-2, high=1.0)
    assert found.never is not None
    assert found.never.same
    (told,) = CrossoverReport(found).tables()[0].rows[0]
    assert told.startswith("never: both do the same at every value, ")


@pytest.mark.parametrize(
    ("rises", "low", "high"),
    [
        ([[0, 0, 1], [0, 0, 2], [0, 0, 3]], 2.0, 2.0),  # from where the two are one
        ([[0, 0, -1], [0, 0, -1], [0, 0, -1]], None, None),  # never above
        ([[1, 1, 1], [2, 2, 2], [1, 1, 1]], None, None),  # above throughout
    ],
)
def test_draws_cross_where_a_stretch_of_sameness_ends(
    rises: list[list[float]], low: float | None, high: float | None
) -> None:
    found = interval(np.log([1.0, 2.0, 3.0]), np.array(rises, dtype=float).T, 0.0, rising=True)
    assert found == pytest.approx((low, high)) if low else found == (low, high)


def test_require_and_regimes_and_sensitivity_know_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("costmodel.questions.require.FEW_POINTS", 7)
    monkeypatch.setattr("costmodel.questions.regimes._FEW_SIDE", 2)
    asked = case(draws=20)
    needed = require(asked, 1.131, PLACED, levers=["relaxation_time"])
    change = needed.singles[0]
    setting = f"{change.settings[0].input.path}={change.settings[0].value!r} s"
    # Between the seven values of its grid a speedup is interpolated; it is 1.1274 as the machine is.
    assert asked.project([setting]).speedup[PLACED]["kfac.best"].median == pytest.approx(1.131, rel=2e-3)
    assert (change.method, change.reach) == (PLACED, Reach.YES)
    mapped = regimes(case(), "relaxation_time", "refresh_interval", PLACED)
    assert mapped.speedup.min() >= 1.0
    assert {name for row in mapped.winner for name in row} >= {PLACED}
    assert {reach for row in mapped.reach for reach in row} <= {Reach.YES, None}
    # One run in many worlds keeps its placement, that of the values.
    found = sensitivity(asked, PLACED, samples=2)
    assert found.nominal == pytest.approx(float(asked.times({}, [PLACED], draws=0).step[PLACED][0]))


def test_a_model_that_places_layers_itself_has_no_placed_method() -> None:
    told = "of a model with kfac.analog_layers 'all'; with cheaper every thermo.* method is placed itself"
    with pytest.raises(InputError, match=re.escape(f"'thermo.placed' is {told}")):
        crossover(case("cheaper"), "relaxation_time", PLACED)


def test_a_sweep_places_layers_at_each_point(tmp_path: Path) -> None:
    file = tmp_path / "three.yaml"
    taus = [1e-10, 3e-8]
    for choice, name in (("cheaper", "thermo.columns"), ("all", PLACED)):
        file.write_text(json.dumps(model(choice)), encoding="utf-8")
        plan = read_sweep(
            {
                "schema": 1,
                "name": "places",
                "model": str(file),
                "digital": "h100-sxm",
                "analog": "scaled",
                "over": {"analog.relaxation_time": [f"{each!r} s" for each in taus]},
                "methods": [name, "kfac.newton_schulz"],
                "columns": ["step", "phases"],
            }
        )
        table = run(plan, tmp_path / f"{choice}.csv").table()
        asked = case(choice, 0)
        steps = asked.times({asked.input("relaxation_time"): np.array(taus)}, [name]).step[name]
        assert table[f"{name}.step_s"].to_numpy() == pytest.approx(steps)
        own = [each for each in table.columns if each.startswith(f"{name}.") and not each.startswith(f"{name}.step")]
        assert table[own].sum(axis=1).to_numpy() == pytest.approx(steps)


def test_only_what_is_asked_for_is_placed() -> None:
    loaded = case("cheaper").loaded
    assert set(placements(*loaded, names=["thermo.columns"])) == {"thermo.columns"}
    whole = project(*loaded, draws=5).methods["thermo.columns"].placement
    assert placements(*loaded, names=["thermo.columns"])["thermo.columns"] == whole
