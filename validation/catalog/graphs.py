"""Graph networks that torch_geometric has the layers of, put together as its examples do."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.nn import GINEConv, GPSConv, NNConv, global_add_pool
from torch_geometric.nn.aggr import Set2Set

#: ogbg-molpcba: nodes and directed edges of an average graph.
NODES, EDGES = 26, 56
#: Graphs that are run.
GRAPHS = 4


def molecules(features: int = 9, edge_features: int = 0) -> tuple[Tensor, ...]:
    """Node features, edges, and edge features where there are some; as many as four average graphs have."""
    nodes, edges = GRAPHS * NODES, GRAPHS * EDGES
    source = torch.arange(edges) % nodes
    given = (torch.zeros(nodes, features), torch.stack([source, (source + 1) % nodes]))
    return (*given, torch.zeros(edges, edge_features)) if edge_features else given


class MessagePassing(nn.Module):
    """The network of Gilmer et al. 2017 (arXiv 1704.01212), as torch_geometric's example ``qm9_nn_conv`` has it."""

    def __init__(self, features: int = 11, edge_features: int = 5, width: int = 64, steps: int = 3) -> None:
        super().__init__()
        self.steps = steps
        self.embed = nn.Linear(features, width)
        edge = nn.Sequential(nn.Linear(edge_features, 128), nn.ReLU(), nn.Linear(128, width * width))
        self.conv = NNConv(width, width, edge, aggr="mean")
        self.gru = nn.GRU(width, width)
        self.pool = Set2Set(width, processing_steps=3)
        self.lin1 = nn.Linear(2 * width, width)
        self.lin2 = nn.Linear(width, 1)

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor, batch: Tensor) -> Tensor:
        """One number a graph."""
        out = torch.relu(self.embed(x))
        state = out.unsqueeze(0)
        for _ in range(self.steps):
            messages = torch.relu(self.conv(out, edge_index, edge_attr))
            out, state = self.gru(messages.unsqueeze(0), state)
            out = out.squeeze(0)
        pooled = self.pool(out, batch, dim_size=GRAPHS)
        found: Tensor = self.lin2(torch.relu(self.lin1(pooled)))
        return found


class GraphTransformer(nn.Module):
    """GPS (arXiv 2205.12454): message passing beside attention over all nodes of a graph."""

    def __init__(self, width: int = 64, depth: int = 10, heads: int = 4, features: int = 28, kinds: int = 4) -> None:
        super().__init__()
        self.node = nn.Embedding(features, width)
        self.edge = nn.Embedding(kinds, width)
        self.convs = nn.ModuleList(
            GPSConv(width, GINEConv(nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))), heads)
            for _ in range(depth)
        )
        self.head = nn.Sequential(nn.Linear(width, width // 2), nn.ReLU(), nn.Linear(width // 2, 1))

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor, batch: Tensor) -> Tensor:
        """One number a graph."""
        out, edges = self.node(x), self.edge(edge_attr)
        for conv in self.convs:
            out = conv(out, edge_index, batch, edge_attr=edges)
        found: Tensor = self.head(global_add_pool(out, batch, GRAPHS))
        return found


def batch_of_molecules() -> Tensor:
    """Which graph each node is of."""
    return torch.arange(GRAPHS * NODES) // NODES
