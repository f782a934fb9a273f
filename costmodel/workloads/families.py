"""Parametric families: layers of an MLP or a GPT from a few numbers."""

from __future__ import annotations

from itertools import pairwise

from costmodel.workloads.workload import Layer, Unfactored

Parts = tuple[tuple[Layer, ...], tuple[Unfactored, ...]]


def mlp(depth: int, width: int, d_in: int, d_out: int) -> Parts:
    """A multilayer perceptron with ``depth`` hidden layers of ``width``.

    >>> [layer.input_factor_dimension for layer in mlp(depth=2, width=64, d_in=784, d_out=10)[0]]
    [785, 65, 65]
    """
    sizes = [d_in, *[width] * depth, d_out]
    layers = (
        Layer(f"layers.{index}", "linear", inputs, outputs, bias=True)
        for index, (inputs, outputs) in enumerate(pairwise(sizes))
    )
    return tuple(layers), ()


def gpt(depth: int, width: int, heads: int, context: int, vocabulary: int, factored_output: bool) -> Parts:
    """A decoder-only transformer as GPT-2 has it: fused query-key-value, MLP of four times the width, tied output.

    Heads split the width without changing any count here. With ``factored_output`` the output layer has its own weight
    and a Kronecker factor of vocabulary size, which is what makes inversion grow with the vocabulary.
    """
    layers: list[Layer] = []
    others = [
        Unfactored("token_embedding", "embedding", vocabulary * width),
        Unfactored("position_embedding", "embedding", context * width),
    ]
    for index in range(depth):
        block = f"blocks.{index}"
        for name, inputs, outputs in (
            ("attention.qkv", width, 3 * width),
            ("attention.out", width, width),
            ("mlp.up", width, 4 * width),
            ("mlp.down", 4 * width, width),
        ):
            layers.append(Layer(f"{block}.{name}", "linear", inputs, outputs, bias=True, positions=float(context)))
        others.append(
            Unfactored(f"{block}.attention.products", "attention", 0, attention_flops(width, context, context))
        )
        others.extend(Unfactored(f"{block}.{norm}", "norm", 2 * width) for norm in ("norm1", "norm2"))
    others.append(Unfactored("final_norm", "norm", 2 * width))
    if factored_output:
        layers.append(Layer("output", "linear", width, vocabulary, bias=False, positions=float(context)))
    else:
        others.append(Unfactored("output", "tied_projection", 0, 2.0 * context * width * vocabulary))
    return tuple(layers), tuple(others)


def attention_flops(width: int, queries: int, keys: int) -> float:
    """FLOPs of queries times keys and weights times values, all heads together, one example, no causal saving.

    >>> attention_flops(384, 196, 196)
    59006976.0
    """
    return 4.0 * queries * keys * width
