"""The page's own projection is that of ``project``, number by number, at several settings."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import costmodel
from costmodel.defaults import Scenario
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.projection.draws import Sample, quantities
from costmodel.projection.evaluation import Evaluation
from costmodel.projection.methods import methods_of
from costmodel.projection.placing import PLACED
from reports.plan import Choice, Plan, cards_that_run, draws_for
from reports.scripts import ENGINE, script
from tests.reports.node import needs_node, run

#: Relative difference that sums in another order make.
CLOSE = 1e-9
DIGITAL = ("h100-sxm", "epyc-milan-1-thread", "rtx-a6000", "v100")
ANALOG = ("tngd-2024", "sram-2026", "spu-2023", "scaled", "photonic-2025")
#: Per model what the page is set to: the cards, and paths as ``--set`` takes them.
VISION: list[dict[str, Any]] = [
    {},
    {"digital": "epyc-milan-1-thread", "analog": "sram-2026"},
    {"digital": "rtx-a6000", "analog": "scaled", "set": {"analog.input_bits": 9.0, "analog.output_bits": 7.0}},
    {"analog": "spu-2023", "set": {"analog.relaxation_time": 3e-7, "analog.arrays": 40.0}},
    {"set": {"model.kfac.damping": 0.02, "model.kfac.sampling_tolerance": 0.07, "model.kfac.reading_tolerance": 0.2}},
    {"set": {"model.kfac.condition_number": 400.0, "analog.link_bandwidth": 4e12}},
    {"set": {"model.training.kfac_step_ratio": 0.9, "analog.cells": 100.0}, "batch": 96, "refresh": 7, "factors": 3},
]
MODELS: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "imagenet_vit": ({}, VISION),
    "imagenet_resnet": ({"model.devices": 8}, [{}, {"batch": 512, "analog": "scaled"}]),
    "mlp": ({"precision": "bfloat16"}, [{}, {"set": {"analog.relaxation_time": 1e-9}}, {"analog": "photonic-2025"}]),
    "librispeech_deepspeech": ({"kfac.mean_curvature": 0.02}, [{"analog": "sram-2026"}]),
    "wmt": ({"kfac.stale_steps": 20, "kfac.second_stream": True}, [{"analog": "scaled"}]),
    "gpt": ({"kfac.condition_number": 1000}, [{"analog": "sram-2026"}, {"set": {"model.kfac.condition_number": 30.0}}]),
}


def flat(projection: Any) -> dict[str, Any]:
    """Every number the page shows, by name."""
    found: dict[str, Any] = {"best": projection.best_digital, "free": projection.free_solver.median}
    # Layers are placed where a projection is made, not on the page, which says so.
    for name, method in ((name, each) for name, each in projection.methods.items() if name != PLACED):
        found |= {f"{name} step {each}": getattr(method.step_time, each) for each in ("median", "p05", "p95")}
        found |= {f"{name} {phase}": each.median for phase, each in method.phases.items()}
        found |= {f"{name} over {key}": each.p05 for key, each in projection.speedup[name].items()}
        if method.time_to_target is not None:
            found[f"{name} to target"] = method.time_to_target.p95
    for name, each in ((name, each) for name, each in projection.feasibility.items() if name != PLACED):
        found |= {
            f"{name} reach": each.reach.value,
            f"{name} error": each.error.median,
            f"{name} budget": each.budget.median,
            f"{name} limit": each.limit,
        }
        found |= {f"{name} bits": each.input_bits.median, f"{name} share": each.layers_reached}
    return found


SHOW = """
const projector = new Projector(input.plan);
output(input.settings.map((settings) => {
  const found = projector.project(settings), flat = { best: found.best, free: found.free.median };
  for (const [name, own] of Object.entries(found.methods)) {
    for (const each of ["median", "p05", "p95"]) flat[`${name} step ${each}`] = own.step[each];
    for (const [phase, each] of Object.entries(own.phases)) flat[`${name} ${phase}`] = each.median;
    flat[`${name} over kfac.best`] = own.over_best.p05;
    flat[`${name} over adam`] = own.over_adam.p05;
    if (own.to_target) flat[`${name} to target`] = own.to_target.p95;
    if (own.over_adam_to_target) flat[`${name} over adam_to_target`] = own.over_adam_to_target.p05;
    const judged = own.feasibility;
    if (judged) for (const [key, each] of Object.entries(judged)) flat[`${name} ${key}`] = each;
  }
  return flat;
}));
"""


@needs_node
@pytest.mark.parametrize(("name", "scenario"), [*((name, "nominal") for name in MODELS), ("mlp", "conservative")])
def test_every_number_is_that_of_project(name: str, scenario: str, tmp_path: Path) -> None:
    base, views = MODELS[name]
    workload = costmodel.load_workload(name, set=base)
    digital = cards_that_run(workload, [costmodel.load_card(each) for each in DIGITAL])  # type: ignore[misc]
    analog = [costmodel.load_card(each) for each in ANALOG]
    draws = draws_for(workload, 64)
    plan = Plan(Choice(workload, digital, analog), draws, 0, Scenario(scenario)).as_json()  # type: ignore[arg-type]
    shown = [{"digital": digital[0].name, "analog": ANALOG[0], "set": {}} | view for view in views]
    found = run(tmp_path, script(*ENGINE), SHOW, {"plan": plan, "settings": shown})
    for view, ours in zip(shown, found, strict=True):
        expected = flat(projected(name, base, view, draws, scenario))
        missing = {key for key in expected if key not in ours}
        assert not missing
        for key, value in expected.items():
            if isinstance(value, str):
                assert ours[key] == value, (view, key)
            else:
                assert ours[key] == pytest.approx(value, rel=CLOSE, abs=1e-300), (view, key)


NOMINAL = """
const projector = new Projector(input.plan);
output(input.factors.map((factor) => {
  const settings = projector.atWidth({ digital: input.digital, analog: input.analog, set: {} }, factor);
  const evaluation = projector.atValues(settings);
  return Object.fromEntries(projector.able(settings).map((method) => [method.name, evaluation.step(method).data[0]]));
}));
"""


@needs_node
def test_wider_networks_and_nominal_values_are_those_of_the_projection(tmp_path: Path) -> None:
    """Curvature of a wider layer goes by the law's power of width; Python asks the law for the wider place."""
    workload, digital, analog = (
        costmodel.load_workload("mlp"),
        costmodel.load_card("h100-sxm"),
        costmodel.load_card("scaled"),
    )
    assert isinstance(digital, DigitalCard)
    assert isinstance(analog, AnalogCard)
    plan = Plan(Choice(workload, [digital], [analog]), 16, 0, Scenario.NOMINAL).as_json()
    factors = [0.5, 1.0, 4.0]
    given = {"plan": plan, "factors": factors, "digital": digital.name, "analog": analog.name}
    for factor, ours in zip(factors, run(tmp_path, script(*ENGINE), NOMINAL, given), strict=True):
        layers = tuple(
            replace(
                each,
                input_dimension=round(each.input_dimension * factor),
                output_dimension=round(each.output_dimension * factor),
            )
            for each in workload.layers
        )
        wider = replace(workload, layers=layers)
        methods = methods_of(wider)
        evaluation = Evaluation(wider, digital, analog, methods, Sample.nominal(quantities(wider, digital, analog)))
        for method in methods:
            if method.name in ours:
                expected = sum(float(cost.total[0]) for cost in evaluation.method(method).values())
                # Places are shared by layers whose widths round to one; the law's powers are the same.
                assert ours[method.name] == pytest.approx(expected, rel=CLOSE), (factor, method.name)
        assert len(ours) > 10


def projected(name: str, base: dict[str, Any], view: dict[str, Any], draws: int, scenario: str) -> Any:
    names = {"batch": "batch_size", "refresh": "kfac.refresh_interval", "factors": "kfac.factor_interval"}
    values = {**base, **{path: text(path, value) for path, value in view["set"].items()}}
    values |= {path: view[key] for key, path in names.items() if key in view}
    return costmodel.project(name, view["digital"], view["analog"], set=values, draws=draws, scenario=scenario)


def text(path: str, value: float) -> object:
    units = {"relaxation_time": "s", "bits": "bit", "bandwidth": "bit/s"}
    unit = next((unit for ending, unit in units.items() if path.endswith(ending)), "")
    return f"{value!r} {unit}" if unit else value
