"""Draws that are too many at once are evaluated a stretch at a time, and say the same."""

import importlib

import numpy as np
import pytest

from costmodel.defaults import Scenario
from costmodel.inputs.loading import load_analog, load_digital, load_workload
from costmodel.methods import METHODS
from costmodel.projection.cost import Cost, Gathered
from costmodel.projection.draws import Sample, quantities
from costmodel.quantities.estimate import Status

module = importlib.import_module("costmodel.projection.project")


def test_a_stretch_is_what_it_is_in_the_whole() -> None:
    found = quantities(load_workload("mlp"), load_digital("rtx-a6000"), load_analog("tngd-2024"))
    whole = Sample.of(found, 10, 3, Scenario.NOMINAL)
    parts = list(whole.stretches(4))
    assert [(part.start, part.count) for part in parts] == [(0, 4), (4, 4), (8, 2)]
    for path, draws in whole.drawn.items():
        assert [each for part in parts for each in part.drawn[path]] == list(draws)
    further = whole.standard_normal("more")
    assert [each for part in parts for each in part.standard_normal("more")] == list(further)


def test_stretches_give_the_answer_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = load_workload("ogbg"), load_digital("rtx-a6000"), load_analog("sram-2026")
    whole = module.project(*arguments, draws=300)
    monkeypatch.setattr(module, "_CELLS", 2 * len(arguments[0].shapes()) * 70)  # 70 draws at a time: five stretches
    parts = module.project(*arguments, draws=300)
    for name, method in whole.methods.items():
        other = parts.methods[name]
        if name == "kfac.low_rank":  # its law is looked up at the median rank of a stretch
            assert other.step_time.median == pytest.approx(method.step_time.median, rel=1e-4)
            continue
        assert other.step_time.median == pytest.approx(method.step_time.median, rel=1e-12)
        assert other.step_time.p95 == pytest.approx(method.step_time.p95, rel=1e-12)
        assert {phase: each.median for phase, each in other.phases.items()} == pytest.approx(
            {phase: each.median for phase, each in method.phases.items()}, rel=1e-12
        )
        assert (other.energy is None) == (method.energy is None)
    assert parts.speedup["thermo.solve"]["kfac.best"].median == pytest.approx(
        whole.speedup["thermo.solve"]["kfac.best"].median, rel=1e-12
    )


def test_layers_of_a_large_network_are_still_there(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = load_workload("ogbg"), load_digital("rtx-a6000"), load_analog("sram-2026")
    monkeypatch.setattr(module, "_CELLS", 1)  # one draw at a time
    result = module.project(*arguments, draws=3)
    assert len(result.layers) == len(arguments[0].layers)
    assert all(time > 0 for layer in result.layers for name, time in layer.step_time.items() if name != "sgd")


def test_stretches_are_gathered_in_order_with_the_weakest_status() -> None:
    gathered = Gathered(5)
    layers = np.ones((1, 2))
    gathered.take(Cost(np.array([1.0, 2.0]), layers, Status.MEASURED))
    gathered.take(Cost(np.array([3.0]), np.zeros((1, 1)), Status.SOURCED))
    with pytest.raises(ValueError, match=r"^3 of 5 draws were evaluated$"):
        _ = gathered.cost
    gathered.take(Cost(np.array([4.0, 5.0]), np.zeros((1, 2)), Status.INTERPOLATED))
    assert gathered.cost.total.tolist() == [1, 2, 3, 4, 5]
    assert (gathered.cost.by_shape is layers, gathered.cost.status) == (True, Status.SOURCED)


def test_a_phase_of_several_methods_is_kept_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million draws of every phase of every method are gigabytes."""
    arguments = load_workload("mlp"), load_digital("h100-sxm", ["power=700 W"]), load_analog("sram-2026")
    methods = [build(arguments[0].kfac.factor_construction) for build in METHODS.values()]
    sample = Sample.of(quantities(*arguments), 6, 0, Scenario.NOMINAL)
    monkeypatch.setattr(module, "_CELLS", 2 * len(arguments[0].shapes()) * 4)  # two stretches
    _, seconds, joules, _ = module._evaluated(*arguments, methods, sample)
    for kept in (seconds, joules):
        assert kept["kfac.cholesky"]["factors"].total is kept["kfac.eigh"]["factors"].total
        assert len(kept["kfac.eigh"]["factors"].total) == 6
