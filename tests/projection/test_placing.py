"""Layers that a thermodynamic method leaves to the digital device: the best placement, its limits, what it costs."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, combinations
from typing import Any

import numpy as np
import pytest

from costmodel.inputs.faults import InputError
from costmodel.inputs.loading import load_analog, load_digital, load_workload
from costmodel.inputs.settings import split_settings
from costmodel.inputs.workload_file import workload_from
from costmodel.inputs.yaml_reader import parse_yaml
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.methods.split import split
from costmodel.projection.draws import quantities
from costmodel.projection.feasibility import Reach
from costmodel.projection.methods import methods_of
from costmodel.projection.placing import PLACED, Placing
from costmodel.projection.points import Points
from costmodel.projection.project import Projection, project
from costmodel.questions.case import Case, Loaded
from costmodel.questions.lookup import look_up
from costmodel.views.project_records import method_records
from costmodel.workloads.workload import Workload
from reports.page import not_alive
from tests.round_cards import exact

#: Inputs and outputs of layers from one that launches decide to one that products decide.
SIZES = {"tiny": (16, 8), "small": (200, 150), "tall": (1000, 64), "middle": (900, 700), "large": (3000, 2500)}


def network(names: str = "tiny small tall middle large", kfac: str = "", **more: object) -> Workload:
    layers = "\n".join(
        f"  - {{name: {n}, kind: linear, d_in: {SIZES[n][0]}, d_out: {SIZES[n][1]}}}" for n in names.split()
    )
    top = "\n".join(f"{key}: {value}" for key, value in more.items())
    text = f"""
schema: 1
name: several
source: made up
batch_size: 16
{top}
kfac: {{factor_interval: 1, refresh_interval: 1, {kfac}}}
layers:
{layers}
"""
    return workload_from(parse_yaml(text, "test.yaml"))


CARDS = load_digital("h100-sxm"), load_analog("scaled")


def even(times: float) -> AnalogCard:
    """The machine with a relaxation time that is so many times its own."""
    card = CARDS[1]
    assert card.relaxation_time is not None
    value = card.relaxation_time.value * times
    return replace(card, relaxation_time=exact(value, card.relaxation_time.unit))


@pytest.mark.parametrize(
    ("name", "times"), [("thermo.solve", 3.0), ("thermo.columns", 0.3), ("thermo.columns.refined.deflated", 3.0)]
)
def test_no_placement_of_all_is_better(name: str, times: float) -> None:
    """All subsets of five layers, with every digital member for the others."""
    placing = Placing(network(), CARDS[0], even(times))
    methods = {method.name: method for method in methods_of(network())}
    every = frozenset(range(5))
    subsets = [frozenset(each) for each in chain.from_iterable(combinations(every, size) for size in range(6))]
    members = [method for each, method in methods.items() if each.startswith("kfac.")]
    steps = {
        (subset, member.name): placing.step(split(methods[name], member, subset, every - subset))
        for subset in subsets
        for member in members
    }
    found = placing.best(methods[name], every)
    assert found.step == pytest.approx(min(steps.values()), rel=1e-12)
    assert found.step == steps[found.machine, found.digital or members[0].name]


def test_some_layers_are_better_off_on_the_machine_and_some_are_not() -> None:
    """Otherwise the test above would say nothing."""
    sizes = {
        len(Placing(network(), CARDS[0], even(times)).best(method, frozenset(range(5))).machine)
        for times in (0.3, 3.0)
        for method in methods_of(network())
        if method.name in {"thermo.solve", "thermo.columns"}
    }
    assert sizes - {0, 5}


def free(card: AnalogCard) -> AnalogCard:
    """A machine that takes next to no time, its link included, and holds every layer on one array."""
    fast = {"relaxation_time": 1e-16, "link_latency": 1e-15, "row_write_time": 1e-18}
    wide = {"link_bandwidth": 1e22, "conversion_rate": 1e20}
    changed: dict[str, Any] = {}
    for path, value in (fast | wide).items():
        own = getattr(card, path)
        changed[path] = exact(value, own.unit) if own is not None else None
    changed["cells"] = exact(10_000)  # smaller arrays leave products between blocks to the device
    return replace(card, **changed)


def test_a_machine_that_takes_no_time_solves_all_layers() -> None:
    placing = Placing(network(), CARDS[0], free(CARDS[1]))
    for method in placing.able:
        if method.name in {"thermo.solve", "thermo.columns"}:
            assert placing.best(method, frozenset(range(5))).machine == set(range(5))


@pytest.mark.parametrize("kfac", ["", "stale_steps: 1, second_stream: true", "gradient_workers: 0.5"])
def test_a_machine_that_takes_forever_is_the_digital_arm(kfac: str) -> None:
    devices = 2 if "workers" in kfac else 1
    net = network(kfac=f"analog_layers: cheaper, {kfac}", devices=devices)
    found = project(net, CARDS[0], even(1e6), draws=30)
    best = found.methods[found.best_digital]
    for name in ("thermo.solve", "thermo.columns"):
        assert found.methods[name].step_time == best.step_time
        assert found.methods[name].phases == best.phases
        assert found.methods[name].beside_training == best.beside_training
        assert found.methods[name].memory == best.memory
        assert found.methods[name].energy == best.energy
        assert found.feasibility[name].reach is Reach.YES
        placement = found.methods[name].placement
        assert placement is not None
        assert (placement.layers, placement.work_share, placement.digital) == ((), 0.0, found.best_digital)
    assert found.verdict().startswith("No: no layer of several is worth sending to scaled.")


def test_cheaper_never_costs_more_than_all() -> None:
    placing = Placing(load_workload("ogbg"), load_digital("h100-sxm"), load_analog("sram-2026"))
    every = frozenset(range(len(placing.kinds)))
    for method in placing.able[:6]:
        best = placing.best(method, every).step
        assert best <= placing.step(method)
        assert best <= placing.step(placing.quickest)
        assert best <= placing.best(method, every - {0, 3}).step


# --- what a placement costs, against networks of the layers alone ---------------------------------------------------

#: Given outright, so that a layer's curvature does not depend on its place in a network.
GIVEN = (
    "condition_number: 50, input_stable_rank: 3, output_stable_rank: 3, input_top_mode_gap: 2, output_top_mode_gap: 2"
)


def medians(projection: Projection, name: str) -> dict[str, float]:
    return {phase: each.median for phase, each in projection.methods[name].phases.items()}


@pytest.mark.parametrize("name", ["thermo.solve", "thermo.columns", "thermo.inverse"])
def test_a_split_arm_is_its_two_halves(name: str, digital: DigitalCard, analog: AnalogCard) -> None:
    """Phases of the machine are those of a network of its layers, phases of the device those of the others."""
    analog = replace(analog, relaxation_time=exact(1e-8))
    both = network("middle small", f"{GIVEN}, analog_layers: [middle]")
    whole = project(both, digital, analog, draws=1)
    on, off = (project(network(each, GIVEN), digital, analog, draws=1) for each in ("middle", "small"))
    placement = whole.methods[name].placement
    assert placement is not None
    assert placement.layers == ("middle",)
    member = placement.digital or ""
    ours, theirs, found = medians(on, name), medians(off, member), medians(whole, name)
    shared = {"forward_backward", "sampled_backward", "rows", "factors", "running_average", "update"}
    for phase in found:
        if phase not in shared:
            expected = ours.get(phase, 0.0) + theirs.get(phase, 0.0)
            assert found[phase] == pytest.approx(expected, rel=1e-9), phase
    assert {phase: found[phase] for phase in shared} == pytest.approx(
        {phase: medians(whole, member)[phase] for phase in shared}
    )
    state = on.methods[name].memory.state + off.methods[member].memory.state
    assert whole.methods[name].memory.state == pytest.approx(state)
    error = on.feasibility[name].error.median
    assert whole.feasibility[name].error.median == pytest.approx(error)
    joules = {phase: on.methods[name].phase_energy[phase].median for phase in ("settle", "upload")}
    assert {phase: whole.methods[name].phase_energy[phase].median for phase in joules} == pytest.approx(joules)


@pytest.mark.parametrize(("choice", "devices"), [("cheaper", 1), ("[middle, large]", 4)])
def test_points_are_the_projection_with_layers_placed(choice: str, devices: int) -> None:
    net = network(kfac=f"analog_layers: {choice}", devices=devices)
    cards = CARDS[0], even(3.0)
    points = Points(net, *cards, draws=21, seed=4).evaluate({})
    for name, method in project(net, *cards, draws=21, seed=4).methods.items():
        assert np.median(points.step[name]) == method.step_time.median


# --- accuracy -------------------------------------------------------------------------------------------------------


def test_layers_that_the_machine_cannot_solve_are_left_to_the_device() -> None:
    """ViT on few bits: with every layer on the machine some are off; without those the arm is accurate."""
    model, card = "imagenet_vit", load_analog("scaled", ["input_bits=11 bit", "output_bits=11 bit"])
    settings = ["batch_size=16", "kfac.refresh_interval=1", "kfac.factor_interval=1"]
    all_, accurate = (
        project(load_workload(model, [*settings, f"kfac.analog_layers={choice}"]), CARDS[0], card, draws=40)
        for choice in ("all", "accurate")
    )
    name = "thermo.columns"
    assert all_.feasibility[name].reach is Reach.SOME
    found = accurate.methods[name].placement
    assert found is not None
    assert accurate.feasibility[name].reach is Reach.YES
    assert 0 < found.missed == round((1 - all_.feasibility[name].layers_reached) * found.of)
    assert len(found.layers) <= found.of - found.missed


def test_ill_conditioned_layers_no_longer_set_the_step() -> None:
    cards = load_digital("h100-sxm"), load_analog("tngd-2024")
    before, after = (
        project(load_workload("librispeech_deepspeech", [f"kfac.analog_layers={each}"]), *cards, draws=100)
        .methods["thermo.solve"]
        .step_time
        for each in ("all", "cheaper")
    )
    assert before.p95 / before.p05 > 1e3
    assert after.p95 / after.p05 < 2
    assert after.median < before.median


def test_a_better_arm_with_a_placement_is_one_of_its_own() -> None:
    """Where leaving layers to the device gains a hundredth, it is among the methods and what the verdict is of."""
    found = project(network(), CARDS[0], even(3.0), draws=60)
    placed, best = found.methods[PLACED], found.methods[found.best_digital]
    assert found.best_thermodynamic == PLACED
    assert found.feasibility[PLACED].reach is Reach.YES
    assert placed.step_time.median < best.step_time.median / 1.005
    assert "The machine solves" in found.verdict()
    assert PLACED not in project(network(), CARDS[0], even(1e6), draws=20).methods


# --- input ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("some", "unknown choice 'some'; known: all, cheaper, accurate"),
        ("[tiny, huge]", "unknown factored layer 'huge'"),
        ("[3]", "a list of layers holds their names"),
    ],
)
def test_bad_choices_are_refused_in_place(value: str, told: str) -> None:
    with pytest.raises(InputError, match="analog_layers") as fault:
        network(kfac=f"analog_layers: {value}")
    assert told.split(";")[0] in str(fault.value)


# --- what is shown, and what questions make of it -------------------------------------------------------------------


def test_records_and_contract_say_who_does_which_layers() -> None:
    found = project(network(kfac="analog_layers: [middle, large]"), *CARDS, draws=20)
    shown = found.as_dict()["methods"]["thermo.solve"]["placement"]
    assert (shown["analog"], shown["layers"], shown["of"]) == ("thermo.solve", ["middle", "large"], 5)
    assert shown["digital"].startswith("kfac.")
    assert 0 < shown["work_share"] < 1
    records = {each["method"]: each for each in method_records(found)}
    assert records["thermo.solve"]["analog_layers"] == 2
    assert records["thermo.solve"]["others_by"] == shown["digital"]
    assert records["adam"]["analog_layers"] is None
    whole = {each["method"]: each for each in method_records(project(network(), *CARDS, draws=20))}
    assert (whole["thermo.solve"]["analog_layers"], whole["thermo.solve"]["analog_work_share"]) == (5, 1.0)
    told = str(found.table().loc["thermo.solve", "on machine"])
    assert told.startswith("2 of 5 layers, ")


def test_the_page_says_that_placements_are_not_alive() -> None:
    assert "every layer on the machine" in not_alive(project(network(kfac="analog_layers: [middle]"), *CARDS, draws=9))
    assert not_alive(project(network(), CARDS[0], even(1e6), draws=9)) == ""


def test_questions_place_layers_anew_at_each_point() -> None:
    """A machine that is a million times slower has no layer left; with one placement it would keep them."""

    def load(settings: Sequence[str]) -> Loaded:
        of_card = split_settings(settings)["analog"]
        return network(kfac="analog_layers: cheaper"), CARDS[0], load_analog("scaled", of_card)

    case = Case(load, draws=0)
    tau = case.input("relaxation_time")
    costs = case.times({tau: np.array([1e-9, 1e-2])}, ["thermo.solve", "kfac.newton_schulz", "kfac.cholesky_solve"])
    digital = min(costs.step[name][1] for name in ("kfac.newton_schulz", "kfac.cholesky_solve"))
    assert costs.step["thermo.solve"][1] == pytest.approx(digital, rel=0.05)
    assert costs.step["thermo.solve"][0] < digital


def test_a_placed_method_is_explained_by_that_of_its_machine() -> None:
    case = network(), *CARDS
    with pytest.raises(InputError, match="explain that one"):
        look_up("thermo.placed settle", case[0], quantities(*case))
