"""A vision transformer on digits, and a byte-level language model; they share their block."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from validation.curvature import Task
from validation.curvature.networks.batches import BYTES, Images, Text, digits

LAST_STEP = 800
_BLOCKS = 4
#: What the layers of a block do, by name.
ROLES = {
    "blocks.*.query": "query",
    "blocks.*.key": "key",
    "blocks.*.value": "value",
    "blocks.*.mixed": "attention_output",
    "blocks.*.up": "mlp_in",
    "blocks.*.down": "mlp_out",
}


class Block(nn.Module):
    """Norm, attention, norm, MLP four times as wide; a linear layer for every projection.

    Args:
        width: Of a token.
        heads: Of attention.
        causal: Whether a token sees those before it alone.
    """

    def __init__(self, width: int, heads: int, causal: bool) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value, self.mixed = (nn.Linear(width, width) for _ in range(4))
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens, shape (N, T, width), to tokens."""
        y = self.norm1(x)
        q, k, v = (
            layer(y).unflatten(-1, (self.heads, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )
        seen = functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        x = x + self.mixed(seen.transpose(1, 2).flatten(2))
        out: Tensor = x + self.down(functional.gelu(self.up(self.norm2(x))))
        return out


class Vision(nn.Module):
    """16 patches of 2 x 2 pixels, the mean over tokens read out."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.patch = nn.Conv2d(1, width, 2, stride=2)
        self.position = nn.Parameter(0.02 * torch.randn(16, width))
        self.blocks = nn.Sequential(*(Block(width, heads, causal=False) for _ in range(_BLOCKS)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Images, shape (N, 1, 8, 8), to logits."""
        tokens = self.patch(images).flatten(2).mT + self.position
        logits: Tensor = self.head(self.norm(self.blocks(tokens)).mean(1))
        return logits


class Language(nn.Module):
    """Bytes in, logits of the next byte out."""

    def __init__(self, width: int, heads: int, length: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(BYTES, width)
        self.position = nn.Parameter(0.02 * torch.randn(length, width))
        self.blocks = nn.Sequential(*(Block(width, heads, causal=True) for _ in range(_BLOCKS)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, BYTES)
        nn.init.normal_(self.embed.weight, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens, shape (N, T), to logits of the next."""
        logits: Tensor = self.head(self.norm(self.blocks(self.embed(tokens) + self.position)))
        return logits


def digits_vit_64() -> Task:
    """Width 64, four blocks of four heads; images move by a pixel and labels are smoothed, as is usual for the kind."""
    return Task(
        Vision(64, 4),
        Images(*digits(), 128, shift=1),
        nn.CrossEntropyLoss(label_smoothing=0.1),
        kind="vit",
        width=64,
        data="scikit-learn digits",
        roles=ROLES,
    )


def source_gpt_96() -> Task:
    """Width 96, four blocks of four heads, 64 bytes of context."""
    return Task(
        Language(96, 4, 64),
        Text(32, 64),
        next_byte,
        likelihood="categorical",
        kind="gpt",
        width=96,
        data="source of Python's standard library, bytes",
        roles=ROLES,
    )


def next_byte(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross entropy over all bytes of all windows."""
    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
