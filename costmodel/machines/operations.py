"""Operations a device is timed on: their sizes and what is counted of each. Nothing here runs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

#: Sizes of products and factorisations whose penalty a law knows, from the dimension that strides through memory.
ALIGNMENTS: Final = (
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


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, as a linear algebra library offers it.

    Attributes:
        name: As ``measure`` writes and ``predict`` takes it.
        title: What runs.
        flops: FLOPs of one matrix of the batch; a multiply-add is two.
        elements: Matrix elements of one matrix of the batch that are read or written.
        rectangular: It has rows m of its own.
        batched: It takes a batch.
        device_only: It exists only where the device has a memory of its own.
        largest: Largest size a default grid times on a processor; the largest times of all operations are alike.
    """

    name: str
    title: str
    flops: Callable[[float, float], float]
    elements: Callable[[float, float], float]
    rectangular: bool = False
    batched: bool = False
    device_only: bool = False
    largest: int = 1664


def _operations() -> tuple[Operation, ...]:
    square = _square
    return (
        Operation("gemm", "square product, n by n times n by n", lambda n, m: 2 * n**3, square(3)),
        Operation("gemm_tall", "m by n times n by n", lambda n, m: 2 * m * n**2, lambda n, m: 2 * m * n + n**2, True),
        Operation(
            "gemm_symmetric", "X^T X of m rows, n columns", lambda n, m: 2 * m * n**2, lambda n, m: m * n + n**2, True
        ),
        Operation("cholesky", "Cholesky factor", lambda n, m: n**3 / 3, square(2)),
        Operation("cholesky_inverse", "inverse from the Cholesky factor", lambda n, m: 2 * n**3 / 3, square(2)),
        Operation("cholesky_solve", "solve for n right-hand sides", lambda n, m: 2 * n**3, square(3)),
        Operation("triangular_solve", "solve for n right-hand sides", lambda n, m: n**3, square(3)),
        Operation("inv", "inverse by LU", lambda n, m: 2 * n**3, square(2)),
        Operation("eigh", "eigendecomposition with vectors", lambda n, m: 9 * n**3, square(2), largest=1152),
        Operation("newton_schulz", "one iteration X (2 I - A X)", lambda n, m: 4 * n**3, square(5)),
        Operation("gemm_batched", "products of a batch", lambda n, m: 2 * n**3, square(3), batched=True, largest=320),
        Operation(
            "cholesky_batched", "Cholesky of a batch", lambda n, m: n**3 / 3, square(2), batched=True, largest=320
        ),
        Operation("inv_batched", "LU inverses of a batch", lambda n, m: 2 * n**3, square(2), batched=True, largest=320),
        Operation("eigh_batched", "eigh of a batch", lambda n, m: 9 * n**3, square(2), batched=True, largest=320),
        Operation(
            "precondition",
            "G^-1 (m by m) times gradient (m by n) times A^-1 (n by n)",
            lambda n, m: 2 * m * n * (m + n),
            lambda n, m: 3 * m * n + m**2 + n**2,
            True,
        ),
        Operation("elementwise", "update of n by n parameters: p - r g", lambda n, m: 0.0, square(3), largest=4608),
        Operation("ema", "running average of an n by n factor", lambda n, m: 0.0, square(3), largest=4608),
        Operation("copy_to_device", "n by n elements, host to device", lambda n, m: 0.0, square(1), device_only=True),
        Operation("copy_to_host", "n by n elements, device to host", lambda n, m: 0.0, square(1), device_only=True),
    )


def _square(matrices: int) -> Callable[[float, float], float]:
    return lambda n, m: matrices * n**2


OPERATIONS: Final[dict[str, Operation]] = {each.name: each for each in _operations()}


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

    Vector units take eight elements: other sizes leave a rest (``not_8``, ``not_4``, ``odd``, nested). Rows whose
    length in bytes is a multiple of 512 and more share few sets of the first-level cache (``stride_...``, nested), and
    a size one beside a multiple of 1024 bytes, n = d + 1 of a biased layer for one, still meets half of that, more
    beside a multiple of 4096.

    >>> alignments(1000), alignments(1001), alignments(1024), alignments(513)
    ((), ('not_8', 'not_4', 'odd'), ('stride_512', 'stride_1024', 'stride_2048', 'stride_4096'), \
('not_8', 'not_4', 'odd', 'near_stride'))
    """
    found = [name for name, divisor in (("not_8", 8), ("not_4", 4), ("odd", 2)) if n % divisor]
    found += [name for name, step in _STRIDES.items() if n % step == 0]
    beside = min(n % 256, -n % 256)
    if beside == 1 and n > 250:
        found.append("near_stride")
        if min(n % 1024, -n % 1024) == 1:
            found.append("near_4096")
    return tuple(found)


_STRIDES: Final = {"stride_512": 128, "stride_1024": 256, "stride_2048": 512, "stride_4096": 1024, "stride_8192": 2048}
