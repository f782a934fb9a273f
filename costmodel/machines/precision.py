"""Precisions that a network and K-FAC's products run in: a choice of the model, and laws of their own on a card."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Precision(StrEnum):
    """What products are computed in."""

    FLOAT32 = "float32"  # 24 significant bits
    TF32 = "tf32"  # 11 significant bits inside products, float32 in memory
    BFLOAT16 = "bfloat16"  # 8 significant bits, half the memory traffic of activations
    FLOAT16 = "float16"  # 11 significant bits, 6e-8 to 65504, half the memory traffic of activations

    @property
    def activation_bytes(self) -> float:
        """Bytes of an activation in memory."""
        return 2.0 if self in {Precision.BFLOAT16, Precision.FLOAT16} else 4.0


#: Operations that run in the network's precision: its products, and the element-wise work on what they put out.
PASSES: Final = frozenset({"network", "linear_pass", "convolution_pass", "other_pass"})
OUTPUTS: Final = frozenset({"linear_outputs", "convolution_outputs"})
#: Operations that run in the precision of K-FAC's products. Factorisations and averages stay in float32.
PRODUCTS: Final = frozenset({"gemm", "gemm_tall", "gemm_symmetric", "gemm_batched", "newton_schulz", "precondition"})


def precision_of(operation: str, network: Precision, products: Precision) -> Precision:
    """The precision of an operation's law, where a network and K-FAC's products run in two.

    >>> precision_of("gemm", Precision.BFLOAT16, Precision.TF32).value
    'tf32'
    >>> precision_of("eigh", Precision.BFLOAT16, Precision.TF32).value
    'float32'
    """
    if operation in PASSES:
        return network
    return products if operation in PRODUCTS else Precision.FLOAT32


def law_name(operation: str, precision: Precision) -> str:
    """How a card calls the law of an operation in a precision."""
    return operation if precision is Precision.FLOAT32 else f"{operation}.{precision.value}"
