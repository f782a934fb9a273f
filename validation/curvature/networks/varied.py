"""Networks of each kind on other data than the twelve that the law is fitted to: what a fit to more data sets would be.

None of them has the data or the width of a network that the law is scored on; blocks are built by the same code.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from validation.curvature import Task
from validation.curvature.networks import varied_batches as data
from validation.curvature.networks.convolutions import Block as Residual
from validation.curvature.networks.graphs import GraphNetwork, half_square
from validation.curvature.networks.transformers import ROLES, Block, next_byte

#: Steps at which each is measured; the last ends its training.
LAST_STEP = {
    "tumours_mlp_64": 500,
    "progress_mlp_160": 900,
    "tiles_vit_80": 700,
    "turns_resnet_16": 700,
    "docstrings_gpt_64": 900,
    "sums_gpt_144": 500,
    "hydration_gnn_32": 800,
    "families_gnn_80": 400,
}


def tumours_mlp_64() -> Task:
    """30-64-64-64-2 with tanh: 569 tumours by 30 measures, benign or malign."""
    from sklearn.datasets import load_breast_cancer

    table = load_breast_cancer()
    rows = data.Rows(torch.tensor(table.data, dtype=torch.float32), torch.tensor(table.target), 284)
    return Task(_mlp(nn.Tanh, 30, 64, 64, 64, 2), rows, nn.CrossEntropyLoss(), kind="mlp", width=64, data="tumours")


def progress_mlp_160() -> Task:
    """10-160-160-1 with GELU: progress of a disease, standardised, of 442 patients by 10 measures."""
    from sklearn.datasets import load_diabetes

    table = load_diabetes()
    target = torch.tensor(table.target, dtype=torch.float32)[:, None]
    rows = data.Rows(torch.tensor(table.data, dtype=torch.float32), (target - target.mean()) / target.std(), 442)
    model = _mlp(nn.GELU, 10, 160, 160, 1)
    return Task(model, rows, half_square, likelihood="gaussian", kind="mlp", width=160, data="diabetes")


def _mlp(activation: type[nn.Module], *widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths[:-1]):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))


class Vision(nn.Module):
    """Patches of a crop through blocks, the mean over tokens read out."""

    def __init__(self, side: int, patch: int, width: int, blocks: int, classes: int) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, width, patch, stride=patch)
        self.position = nn.Parameter(0.02 * torch.randn((side // patch) ** 2, width))
        self.blocks = nn.Sequential(*(Block(width, 4, causal=False) for _ in range(blocks)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Images, shape (N, 3, side, side), to logits."""
        tokens = self.patch(images).flatten(2).mT + self.position
        logits: Tensor = self.head(self.norm(self.blocks(tokens)).mean(1))
        return logits


def tiles_vit_80() -> Task:
    """Width 80, three blocks, 64 patches: which of 32 tiles of two photographs a crop is from; smoothed labels."""
    model, crops = Vision(32, 4, 80, 3, 32), data.Crops(48, 32, turns=False)
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    return Task(model, crops, loss, kind="vit", width=80, data="tiles of photographs", roles=ROLES)


class ResNet(nn.Module):
    """A stem and stages of one residual block, each twice as wide as the one before."""

    def __init__(self, width: int, stages: int, classes: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        widths = [width * 2**stage for stage in range(stages)]
        self.layers = nn.Sequential(
            *(Residual(max(each // 2, width), each, 1 if each == width else 2) for each in widths)
        )
        self.fc = nn.Linear(widths[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images, shape (N, 3, side, side), to logits."""
        logits: Tensor = self.fc(self.layers(self.norm1(self.conv1(x)).relu()).mean((2, 3)))
        return logits


def turns_resnet_16() -> Task:
    """Width 16 to 128 over four stages: by how many right angles a crop is turned."""
    model, crops = ResNet(16, 4, 4), data.Crops(48, 24, turns=True)
    return Task(model, crops, nn.CrossEntropyLoss(), kind="resnet", width=16, data="turned photographs")


class Language(nn.Module):
    """Tokens in, logits of the next token out."""

    def __init__(self, tokens: int, width: int, blocks: int, length: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(tokens, width)
        self.position = nn.Parameter(0.02 * torch.randn(length, width))
        self.blocks = nn.Sequential(*(Block(width, 4, causal=True) for _ in range(blocks)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, tokens)
        nn.init.normal_(self.embed.weight, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens, shape (N, T), to logits of the next."""
        logits: Tensor = self.head(self.norm(self.blocks(self.embed(tokens) + self.position)))
        return logits


def _language(text: Tensor, tokens: int, width: int, blocks: int, name: str) -> Task:
    return Task(
        Language(tokens, width, blocks, 48),
        data.Tokens(text, 24, 48),
        next_byte,
        likelihood="categorical",
        kind="gpt",
        width=width,
        data=name,
        roles=ROLES,
    )


def docstrings_gpt_64() -> Task:
    """Width 64, three blocks, 48 words of context, 1024 words."""
    return _language(data.docstrings(), data.WORDS, 64, 3, "docstrings of scikit-learn, words")


def sums_gpt_144() -> Task:
    """Width 144, two blocks, 48 signs of context, 14 signs."""
    return _language(data.sums(), len(data.SIGNS), 144, 2, "sums")


_UPDATES = {
    "nodes": "first",
    "edges": "first",
    "*.edge.linear": "edge",
    "*.node.linear": "node",
    "*.glob.linear": "global",
}


def hydration_gnn_32() -> Task:
    """Width 32, three rounds: free energy of a molecule in water, a regression."""
    model, batches = GraphNetwork(32, rounds=3), data.Hydration(200)
    return Task(
        model, batches, half_square, likelihood="gaussian", kind="gnn", width=32, data="FreeSolv", roles=_UPDATES
    )


def families_gnn_80() -> Task:
    """Width 80, four rounds: which of four families a random graph is of."""
    model, batches = GraphNetwork(80, (data.NODE_FEATURES, 1), 4, data.FAMILIES), data.Families(200)
    return Task(model, batches, nn.CrossEntropyLoss(), kind="gnn", width=80, data="families of graphs", roles=_UPDATES)
