"""The networks that the law of curvature is scored on, and the varied ones, are the ones in their files."""

import importlib

import pytest
import torch

from costmodel.curvature.roles import LayerRole
from costmodel.inputs.curvature_file import Side, read_curvature
from validation.curvature.hooks import watching
from validation.curvature.law.command import SHIPPED
from validation.curvature.layers import layers_of
from validation.curvature.networks.varied import LAST_STEP
from validation.curvature.roles import infer_roles
from validation.curvature.task import Task, task_of
from validation.score.curvature import FRESH

pytest.importorskip("sklearn")
FACTORIES = {
    "digits_mlp_96": "perceptrons",
    "digits_mlp_256": "perceptrons",
    "digits_vit_64": "transformers",
    "molecules_gnn_48": "graphs",
    "digits_resnet_24": "convolutions",
    "source_gpt_96": "transformers",
    "source_lstm_96": "recurrent",
}
VARIED = FRESH.with_name("varied.jsonl")
FILES = dict.fromkeys(FACTORIES, FRESH) | dict.fromkeys(LAST_STEP, VARIED)


def made(name: str) -> Task:
    if name.startswith(("molecules", "hydration")):
        pytest.importorskip("datamol")
    torch.manual_seed(0)
    module = importlib.import_module(f"validation.curvature.networks.{FACTORIES.get(name, 'varied')}")
    task, _ = task_of(getattr(module, name)(), name)
    return task


def test_the_file_holds_these() -> None:
    last = {record.network: record.last_step for record in read_curvature(FRESH)}
    assert last == {
        name: importlib.import_module(f"validation.curvature.networks.{module}").LAST_STEP
        for name, module in FACTORIES.items()
    }


def test_the_varied_file_holds_the_varied_networks() -> None:
    found = {(record.network, record.step) for record in read_curvature(VARIED)}
    middle = {name: 500 if last > 500 else 250 for name, last in LAST_STEP.items()}
    assert found == {(name, step) for name, last in LAST_STEP.items() for step in (0, 30, 150, middle[name], last)}


def test_varied_networks_share_no_data_with_those_of_the_fit_or_the_score() -> None:
    own, others = (
        {record.data for file in files for record in read_curvature(file)} for files in ((VARIED,), (FRESH, SHIPPED))
    )
    assert not own & others


@pytest.mark.parametrize(
    "name",
    # Reading all docstrings of scikit-learn takes seconds.
    [pytest.param(name, marks=[pytest.mark.slow] if name.startswith("docstrings") else []) for name in FILES],
)
def test_the_first_batch_is_the_one_of_the_file(name: str) -> None:
    """Layers, orders and roles; and the loss, which only another text or another random generator of torch moves."""
    task = made(name)
    *inputs, targets = next(iter(task.batches))
    layers = layers_of(task.model)
    task.model.train()
    with watching(layers) as capture:
        loss = float(task.loss(task.model(*inputs), targets).detach())
        calls = {layer: len(each) for layer, each in capture.calls.items()}
    by_name = {layer.name: layer for layer in layers}
    given = {pattern: LayerRole(role) for pattern, role in task.roles.items()}
    roles = infer_roles([by_name[each] for each in calls], calls, given)
    start = [each for each in read_curvature(FILES[name]) if (each.network, each.step) == (name, 0)]
    assert {(each.layer, each.side, each.n, each.role) for each in start} == {
        (layer, side, n, role)
        for layer, role in zip(calls, roles, strict=True)
        for side, n in ((Side.A, by_name[layer].inputs), (Side.G, by_name[layer].outputs))
    }
    assert {(each.kind, each.width, each.data) for each in start} == {(task.kind, task.width, task.data)}
    assert start[0].loss == pytest.approx(loss, rel=0.02)


def test_passes_over_the_images_differ_and_stay_in_place() -> None:
    """Two passes give all classes in another order; a shifted image keeps its size and its range."""
    task = made("digits_vit_64")
    (first, labels), (second, others) = next(iter(task.batches)), next(iter(task.batches))
    assert first.shape == second.shape == (128, 1, 8, 8)
    assert not torch.equal(labels, others)
    still = made("digits_mlp_96").batches
    images = still.images  # type: ignore[attr-defined]
    assert first.min() >= images.min()
    assert first.max() <= images.max()
