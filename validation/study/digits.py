"""scikit-learn's handwritten digits (1797 images of 8 x 8), an MLP and a small vision transformer on them."""

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from solver.kfac import sampled_cross_entropy
from validation.study.task import Batch, Split, Task


class Attention(nn.Module):
    """Self-attention with separate linear layers, each of which has factors of its own."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (N, T, width) to tokens."""
        n, t, width = x.shape
        q, k, v = (f(x).view(n, t, self.heads, -1).transpose(1, 2) for f in (self.q, self.k, self.v))
        mixed: Tensor = functional.scaled_dot_product_attention(q, k, v)
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(n, t, width))
        return out


class Block(nn.Module):
    """Pre-norm transformer block."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens to tokens."""
        x = x + self.attention(self.norm1(x))
        out: Tensor = x + self.down(functional.gelu(self.up(self.norm2(x))))
        return out


class ViT(nn.Module):
    """16 patches of 2 x 2, width 32, two blocks of two heads, mean pooling."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.patch = nn.Conv2d(1, width, 2, stride=2)
        self.position = nn.Parameter(0.02 * torch.randn(16, width))
        self.blocks = nn.Sequential(Block(width, 2), Block(width, 2))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 64) to logits (N, 10)."""
        tokens = self.patch(x.view(-1, 1, 8, 8)).flatten(2).mT + self.position
        logits: Tensor = self.head(self.norm(self.blocks(tokens)).mean(1))
        return logits


def mlp() -> nn.Module:
    """64-64-64-10 with ReLU."""
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


class Digits(Task):
    """Classification; the metric is the mean cross entropy on 300 validation images."""

    def __init__(self, name: str) -> None:
        super().__init__(name, batch_size=64 if name == "vit" else 128)
        data = load_digits()
        x = torch.tensor(data.data, dtype=torch.float64) / 16
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
        x, y = x[order], torch.tensor(data.target)[order]
        # 297 further images stay untouched.
        self.parts = {Split.TRAIN: (x[:1200] - 0.3, y[:1200]), Split.VALIDATION: (x[1200:1500] - 0.3, y[1200:1500])}

    def model(self) -> nn.Module:
        """A fresh model; seed torch first."""
        return (ViT() if self.name == "vit" else mlp()).double()

    def size(self, split: Split) -> int:
        """Images in a split."""
        return len(self.parts[split][0])

    def batch(self, split: Split, index: Tensor) -> Batch:
        """Images by index."""
        x, y = self.parts[split]
        return Batch((x[index],), y[index], len(index), {})

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """Mean cross entropy."""
        return functional.cross_entropy(output, batch.target)

    def curvature(self, output: Tensor, generator: torch.Generator) -> Tensor:
        """Labels drawn from the model."""
        return sampled_cross_entropy(output, generator)
