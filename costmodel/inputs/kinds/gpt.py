"""The family of decoder-only transformers."""

from __future__ import annotations

from collections.abc import Iterator

from costmodel.curvature.roles import LayerRole
from costmodel.inputs.kinds.attention import attention_flops
from costmodel.inputs.kinds.fields import Size
from costmodel.inputs.kinds.registry import Part, family
from costmodel.inputs.schema import Strict
from costmodel.workloads.workload import Layer, Unfactored


class GptParameters(Strict):
    """A decoder-only transformer; ``factored_output`` unties and factors the output layer, at vocabulary size."""

    depth: Size = 12
    width: Size = 768
    heads: Size = 12
    context: Size = 1024
    vocabulary: Size = 50257
    factored_output: bool = False

    def conflicts(self) -> Iterator[str]:
        """Heads that do not divide the width."""
        if self.width % self.heads:
            yield f"width {self.width} does not divide into {self.heads} heads"


@family("gpt", GptParameters)
def gpt(entry: GptParameters) -> Iterator[Part]:
    """A decoder-only transformer as GPT-2 has it: fused query-key-value, MLP of four times the width, tied output.

    Heads split the width without changing any count here. With ``factored_output`` the output layer has its own weight
    and a Kronecker factor of vocabulary size, which is what makes inversion grow with the vocabulary.
    """
    width, context = entry.width, entry.context
    yield Unfactored("token_embedding", "embedding", entry.vocabulary * width)
    yield Unfactored("position_embedding", "embedding", context * width)
    for index in range(entry.depth):
        yield from _block(f"blocks.{index}", width, context)
    yield Unfactored("final_norm", "norm", 2 * width, tensors=2)
    if entry.factored_output:
        yield Layer(
            "output", "linear", width, entry.vocabulary, bias=False, positions=float(context), role=LayerRole.HEAD
        )
    else:
        yield Unfactored("output", "tied_projection", 0, 2.0 * context * width * entry.vocabulary, weighted=True)


def _block(name: str, width: int, context: int) -> Iterator[Part]:
    # Query, key and value in one: the gradient of the value is the largest of the three.
    for layer, inputs, outputs, role in (
        ("attention.qkv", width, 3 * width, LayerRole.VALUE),
        ("attention.out", width, width, LayerRole.ATTENTION_OUTPUT),
        ("mlp.up", width, 4 * width, LayerRole.MLP_IN),
        ("mlp.down", 4 * width, width, LayerRole.MLP_OUT),
    ):
        yield Layer(f"{name}.{layer}", "linear", inputs, outputs, bias=True, positions=float(context), role=role)
    yield Unfactored(f"{name}.attention.products", "attention", 0, attention_flops(width, context, context))
    for norm in ("norm1", "norm2"):
        yield Unfactored(f"{name}.{norm}", "norm", 2 * width, tensors=2)
