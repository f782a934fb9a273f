"""Networks of four families, small enough to measure in a test."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class BasicBlock(nn.Module):
    def __init__(self, d_in: int, d_out: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(d_in, d_out, 3, stride, 1, bias=False), nn.BatchNorm2d(d_out)
        self.conv2, self.bn2 = nn.Conv2d(d_out, d_out, 3, 1, 1, bias=False), nn.BatchNorm2d(d_out)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1 or d_in != d_out:
            self.downsample = nn.Sequential(nn.Conv2d(d_in, d_out, 1, stride, bias=False), nn.BatchNorm2d(d_out))

    def forward(self, x: Tensor) -> Tensor:
        inner = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(inner + self.downsample(x))


class ResNet18(nn.Module):
    """The layers of torchvision's resnet18, at any width."""

    def __init__(self, classes: int = 10, width: int = 64) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width)
        self.relu, self.maxpool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        sizes = [width, width, 2 * width, 4 * width, 8 * width]
        for stage in range(1, 5):
            first = BasicBlock(sizes[stage - 1], sizes[stage], 1 if stage == 1 else 2)
            setattr(self, f"layer{stage}", nn.Sequential(first, BasicBlock(sizes[stage], sizes[stage], 1)))
        self.fc = nn.Linear(8 * width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
        return self.fc(x.mean((2, 3)))


class Attention(nn.Module):
    """What ``nn.MultiheadAttention`` computes, with a module for each projection."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        def split(y: Tensor) -> Tensor:
            return y.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        q, k, v = split(self.query(x)), split(self.key(memory)), split(self.value(memory))
        return self.out_proj(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Transformer(nn.Module):
    """One block over tokens, norm first; attention by modules or by torch's own."""

    def __init__(self, width: int = 12, heads: int = 3, words: int = 9, own: bool = True) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.attention = Attention(width, heads) if own else nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.fc, self.out = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.head = nn.Linear(width, words)
        self.own = own

    def forward(self, words: Tensor) -> Tensor:
        x = self.embed(words)
        y = self.norm1(x)
        x = x + (self.attention(y, y) if self.own else self.attention(y, y, y, need_weights=False)[0])
        return self.head(x + self.out(functional.gelu(self.fc(self.norm2(x)))))


class GraphNetwork(nn.Module):
    """Two rounds of messages between nodes, the graph read out from the sum of its nodes."""

    def __init__(self, width: int = 6, labels: int = 4) -> None:
        super().__init__()
        self.embed = nn.Linear(3, width)
        self.edge = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(2))
        self.node = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(2))
        self.readout = nn.Linear(width, labels)

    def forward(self, nodes: Tensor, source: Tensor, target: Tensor, graph: Tensor) -> Tensor:
        x = self.embed(nodes)
        for edge, node in zip(self.edge, self.node, strict=True):
            message = edge(torch.cat([x[source], x[target]], 1)).relu()
            received = torch.zeros_like(x).index_add(0, target, message)
            x = node(torch.cat([x, received], 1)).tanh()
        return self.readout(x.new_zeros(int(graph.max()) + 1, x.shape[1]).index_add(0, graph, x))


def graphs() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Nodes, source and target of each edge, graph of each node: three graphs of 4, 5 and 6 nodes, each a ring."""
    sizes = (4, 5, 6)
    graph = torch.repeat_interleave(torch.arange(3), torch.tensor(sizes))
    first = torch.tensor([0, 4, 9])[graph]
    source = torch.arange(15)
    target = first + (source - first + 1) % torch.tensor(sizes)[graph]
    return torch.randn(15, 3, dtype=torch.get_default_dtype()), source, target, graph


class Lstm(nn.Module):
    """An LSTM cell out of two linear layers that run once a step, the classes read out at the end."""

    def __init__(self, width: int = 5, classes: int = 3) -> None:
        super().__init__()
        self.width = width
        self.input, self.state = nn.Linear(2, 4 * width), nn.Linear(width, 4 * width)
        self.readout = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(len(x), self.width)
        for step in x.unbind(1):
            gates = self.input(step) + self.state(h)
            i, f, o, g = gates.chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        return self.readout(h)
