"""Data of the study's tasks. Needs the extra `study`."""

import pytest
import torch

pytest.importorskip("sklearn")
pytest.importorskip("datamol")

from validation.study.task import Split
from validation.study.train import TASKS


@pytest.fixture(scope="module")
def mlp():
    return TASKS["mlp"]()


@pytest.fixture(scope="module")
def gnn():
    return TASKS["gnn"]()


def test_a_batch_of_molecules_is_its_molecules(gnn):
    """One disconnected graph gives each molecule the output it has alone, and the segments name its rows."""
    torch.manual_seed(0)
    model = gnn.model()
    index = torch.tensor([5, 900, 17])
    batch = gnn.batch(Split.TRAIN, index)
    together = model(*batch.inputs)
    alone = [model(*gnn.batch(Split.TRAIN, index[i : i + 1]).inputs) for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone))
    assert torch.equal(batch.segments["embed"].bincount(), gnn.atoms[gnn.index[Split.TRAIN][index]])
    assert torch.equal(batch.segments["message.0"].bincount(), gnn.bonds[gnn.index[Split.TRAIN][index]])


def test_splits_do_not_overlap(gnn, mlp):
    assert set(gnn.index[Split.TRAIN].tolist()).isdisjoint(gnn.index[Split.VALIDATION].tolist())
    assert (gnn.size(Split.TRAIN), gnn.size(Split.VALIDATION)) == (1025, 257)
    assert (mlp.size(Split.TRAIN), mlp.size(Split.VALIDATION)) == (1200, 300)
    seen = {tuple(row.tolist()) for row in mlp.parts[Split.TRAIN][0]}
    assert sum(tuple(row.tolist()) in seen for row in mlp.parts[Split.VALIDATION][0]) == 0


@pytest.mark.parametrize("name", list(TASKS))
def test_everything_is_in_double_precision(name):
    task = TASKS[name]()
    batch = task.batch(Split.TRAIN, torch.arange(3))
    reals = [x for x in (*batch.inputs, batch.target, *task.model().parameters()) if x.is_floating_point()]
    assert {x.dtype for x in reals} == {torch.float64}
