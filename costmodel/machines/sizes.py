"""Sizes of operations: what a law is looked up at, and which penalties of memory layout apply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: Sizes of products and factorisations whose penalty a law knows, from the dimension that strides through memory.
ALIGNMENTS: Final = (
    "not_32",
    "not_8",
    "not_4",
    "odd",
    "stride_512",
    "stride_1024",
    "stride_2048",
    "stride_4096",
    "stride_8192",
    "near_stride",
    "near_4096",
)


@dataclass(frozen=True, slots=True)
class Size:
    """What an operation is run on.

    Attributes:
        n: Order of the matrix, columns of a rectangular one.
        m: Rows of a rectangular one; equal to ``n`` for square operations.
        batch: Equal matrices in one call.
    """

    n: int
    m: int
    batch: int = 1


def working_size(size: Size) -> float:
    """Harmonic mean of the three dimensions of a product, n for a square operation.

    The share of an m by k by n product's traffic in its work goes as 1/m + 1/k + 1/n, so products of one such mean
    run at like rates.

    >>> working_size(Size(n=100, m=100))
    100.0
    >>> round(working_size(Size(n=100, m=1000)), 1)
    142.9
    """
    return 3.0 / (2.0 / size.n + 1.0 / size.m)


def alignments(n: int) -> tuple[str, ...]:
    """Which penalties of :data:`ALIGNMENTS` apply to a matrix with rows of n float32 elements.

    Vector units take eight elements: other sizes leave a rest (``not_8``, ``not_4``, ``odd``, nested), and a GPU's
    factorisations go by blocks of 32 (``not_32``). Rows whose
    length in bytes is a multiple of 512 and more share few sets of the first-level cache (``stride_...``, nested), and
    a size one beside a multiple of 1024 bytes, n = d + 1 of a biased layer for one, still meets half of that, more
    beside a multiple of 4096.

    >>> alignments(1000), alignments(1001), alignments(1024), alignments(513)
    (('not_32',), ('not_32', 'not_8', 'not_4', 'odd'), ('stride_512', 'stride_1024', 'stride_2048', 'stride_4096'), \
('not_32', 'not_8', 'not_4', 'odd', 'near_stride'))
    """
    found = [name for name, divisor in (("not_32", 32), ("not_8", 8), ("not_4", 4), ("odd", 2)) if n % divisor]
    found += [name for name, step in _STRIDES.items() if n % step == 0]
    beside = min(n % 256, -n % 256)
    if beside == 1 and n > 250:
        found.append("near_stride")
        if min(n % 1024, -n % 1024) == 1:
            found.append("near_4096")
    return tuple(found)


_STRIDES: Final = {"stride_512": 128, "stride_1024": 256, "stride_2048": 512, "stride_4096": 1024, "stride_8192": 2048}
