"""Attention over edges and windows: softmax, messages and products by hand, and products as torch counts them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from costmodel import from_torch
from costmodel.tracing.factory import import_torchvision
from costmodel.tracing.traced import Traced
from costmodel.workloads.workload import Unfactored

geometric = pytest.importorskip("torch_geometric.nn")

NODES, EDGES, WIDTH = 6, 10, 8
INDEX = torch.tensor([[0, 1, 2, 3, 4, 5, 0, 2, 4, 1], [1, 2, 3, 4, 5, 0, 2, 4, 0, 3]])


def read(module: nn.Module, *inputs: Any) -> Traced:
    return from_torch(module, (torch.zeros(NODES, WIDTH), INDEX, *inputs), examples=1)


def parts(traced: Traced, kind: str) -> list[Unfactored]:
    return [each for each in traced.others if each.kind == kind]


def torchs_count(module: nn.Module, *inputs: Tensor) -> int:
    with FlopCounterMode(display=False) as counter:
        module(*inputs)
    return int(counter.get_total_flops())


# Edges, heads and channels of a message: GAT adds a loop at every node, where its transformer has none.
@pytest.mark.parametrize(
    ("module", "edges", "heads", "message"),
    [
        (geometric.GATConv(WIDTH, 5, heads=3), EDGES + NODES, 3, 15),
        (geometric.GATConv(WIDTH, 5, heads=3, add_self_loops=False), EDGES, 3, 15),
        (geometric.GATConv(WIDTH, 5, heads=1), EDGES + NODES, 1, 5),
        (geometric.GATv2Conv(WIDTH, 5, heads=2, add_self_loops=False), EDGES, 2, 10),
        (geometric.TransformerConv(WIDTH, 5, heads=3), EDGES, 3, 15),
        (geometric.TransformerConv(WIDTH, 5, heads=4, concat=False, root_weight=False), EDGES, 4, 20),
    ],
)
def test_attention_over_edges_is_softmax_and_messages(module: nn.Module, edges: int, heads: int, message: int) -> None:
    traced = read(module)
    (softmax,) = parts(traced, "edge_softmax")
    (messages,) = parts(traced, "aggregation")
    # A maximum, a difference, an exponential, a sum and a quotient an edge and head; an addition an element.
    assert softmax.forward_flops_per_example == 5 * edges * heads
    assert messages.forward_flops_per_example == edges * message
    products = traced.forward_flops_per_example - 5 * edges * heads - edges * message
    assert products == torchs_count(module, torch.zeros(NODES, WIDTH), INDEX)
    assert traced.parameters == sum(each.numel() for each in module.parameters())


@pytest.mark.parametrize("aggr", ["sum", "mean", "max"])
def test_messages_without_attention_have_no_softmax(aggr: str) -> None:
    traced = read(geometric.SAGEConv(WIDTH, 5, aggr=aggr))
    assert parts(traced, "edge_softmax") == []
    assert [each.forward_flops_per_example for each in parts(traced, "aggregation")] == [EDGES * WIDTH]


class MaximumAndSum(nn.Module):
    """Both of the same messages, in one module: no softmax, since a gradient goes through the maximum."""

    def __init__(self) -> None:
        super().__init__()
        self.lin = nn.Linear(WIDTH, 5)

    def forward(self, x: Tensor, index: Tensor) -> Tensor:
        messages = self.lin(x)[index[0]]
        at = index[1][:, None].expand_as(messages)
        most = torch.zeros(NODES, 5).scatter_reduce(0, at, messages, "amax", include_self=False)
        return most + torch.zeros(NODES, 5).scatter_add(0, at, messages)


def test_a_maximum_that_is_trained_through_is_a_message() -> None:
    traced = read(MaximumAndSum())
    assert parts(traced, "edge_softmax") == []
    assert len(parts(traced, "aggregation")) == 2


def test_windows_of_swin_by_hand() -> None:
    """Windows of 7 x 7 with heads of 32 channels: 64 windows in the first stage, shifted ones as many."""
    import_torchvision()
    from torchvision.models import swin_t

    with torch.device("meta"):
        module, image = swin_t(), torch.zeros(2, 3, 224, 224)
    traced = from_torch(module, image)
    attention = parts(traced, "attention")
    stages = [(96, 64, 2), (192, 16, 2), (384, 4, 6), (768, 1, 2)]  # channels, windows, blocks
    # Queries with keys and weights with values: 2 x 2 x 49 x 49 x channels a window, whatever the heads.
    expected = [4.0 * 49 * 49 * channels * windows for channels, windows, blocks in stages for _ in range(blocks)]
    assert [each.forward_flops_per_example for each in attention] == expected
    assert traced.forward_flops_per_example * 2 == torchs_count(module, image)
    assert not [each for each in traced.unread if each.flops]


@pytest.mark.parametrize("shift", [0, 3])
def test_a_shifted_window_does_what_one_does_that_is_not(shift: int) -> None:
    """An image of 14 x 12 is padded to 14 x 14: four windows, the same products for one that is shifted."""
    import_torchvision()
    from torchvision.models.swin_transformer import ShiftedWindowAttention

    module = ShiftedWindowAttention(96, [7, 7], [shift, shift], 3)
    x = torch.zeros(2, 14, 12, 96)
    traced = from_torch(module, x)
    (attention,) = parts(traced, "attention")
    assert attention.forward_flops_per_example == 4 * 49 * 49 * 96 * 4
    assert traced.forward_flops_per_example * 2 == torchs_count(module, x)
