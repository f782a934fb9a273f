"""The one vocabulary of digital work: every operation that cards, methods, ``measure`` and ``predict`` name.

Nothing here runs an operation. ``measure`` times the ones of :func:`timed` alone, whole networks give the others, a
card has a law for some of them, and methods are made of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from costmodel.machines.operation import OPERATIONS, Operation, Part, register

__all__ = ["DTYPES", "NEEDED", "OPERATIONS", "Operation", "Part", "register", "timed"]

Count = Callable[[float, float], float]

_PRODUCT: Final = frozenset({"launch", "rate"})
_FACTORISATION: Final = frozenset({"launch", "element_time", "rate"})
_MEMORY: Final = frozenset({"launch", "bandwidth"})


def _square(matrices: int) -> Callable[[float, float], float]:
    return lambda n, m: matrices * n**2


def _nothing(n: float, m: float) -> float:
    return 0.0


def _add(name: str, title: str, flops: Count, elements: Count, terms: frozenset[str], **more: Any) -> None:
    register(Operation(name, title, flops, elements, terms, **more))


def _general() -> None:
    """What cards without timings of single operations know: passes, products, memory, one way of inverting."""
    _add(
        "network",
        "forward and backward passes",
        lambda n, m: 6 * m * n**2,
        _nothing,
        _PRODUCT,
        rectangular=True,
        timed=False,
    )
    _add(
        "stream",
        "element-wise work, bound by memory",
        _nothing,
        _square(1),
        _MEMORY,
        timed=False,
        instead=((Part("ema"),),),
    )
    _add("gemm", "square product, n by n times n by n", lambda n, m: 2 * n**3, _square(3), _PRODUCT)
    # By FLOPs a Cholesky factor is a third of an inverse (n^3/3 of n^3), a solve for n right-hand sides twice it. Torch
    # on one CPU thread, n = 128 to 2048: a factor takes 0.28 to 0.53 of an inverse, a solve 1.3 to 1.9; no GPU was
    # timed. In launches what is not the factor is two thirds.
    _add(
        "spd_inverse",
        "Cholesky factor and inverse from it",
        lambda n, m: n**3,
        _square(1),
        _FACTORISATION,
        timed=False,
        instead=((Part("cholesky", work=1 / 3), Part("cholesky_inverse", work=2 / 3)),),
    )
    _add("eigh", "eigendecomposition with vectors", lambda n, m: 9 * n**3, _square(2), _FACTORISATION, largest=1152)


def _products() -> None:
    """Products of other shapes; where no law tells them apart, they run as square ones do."""
    as_products = ((Part("gemm"),),)
    _add(
        "gemm_tall",
        "m by n times n by n",
        lambda n, m: 2 * m * n**2,
        lambda n, m: 2 * m * n + n**2,
        _PRODUCT,
        rectangular=True,
        instead=as_products,
    )
    _add(
        "gemm_symmetric",
        "X^T X of m rows, n columns",
        lambda n, m: 2 * m * n**2,
        lambda n, m: m * n + n**2,
        _PRODUCT,
        rectangular=True,
        instead=as_products,
    )
    _add(
        "gemm_batched",
        "products of a batch",
        lambda n, m: 2 * n**3,
        _square(3),
        _PRODUCT,
        batched=True,
        largest=320,
        instead=as_products,
    )
    _add(
        "newton_schulz",
        "one iteration X (2 I - A X)",
        lambda n, m: 4 * n**3,
        _square(5),
        _PRODUCT,
        instead=((Part("gemm", launch=2, element_time=2),),),
    )
    _add(
        "precondition",
        "G^-1 (m by m) times gradient (m by n) times A^-1 (n by n)",
        lambda n, m: 2 * m * n * (m + n),
        lambda n, m: 3 * m * n + m**2 + n**2,
        _PRODUCT,
        rectangular=True,
        instead=((Part("gemm", launch=2, element_time=2),),),
    )


def _factorisations() -> None:
    """Cholesky, LU and QR."""
    inverse, eigh = "spd_inverse", "eigh"
    _add(
        "cholesky",
        "Cholesky factor",
        lambda n, m: n**3 / 3,
        _square(2),
        _FACTORISATION,
        instead=((Part(inverse, launch=1 / 3, element_time=1 / 3, assumed=True),),),
    )
    _add(
        "cholesky_inverse",
        "inverse from the Cholesky factor",
        lambda n, m: 2 * n**3 / 3,
        _square(2),
        _FACTORISATION,
        instead=((Part(inverse, launch=2 / 3, element_time=2 / 3, assumed=True),),),
    )
    _add(
        "cholesky_solve",
        "solve for n right-hand sides",
        lambda n, m: 2 * n**3,
        _square(3),
        _FACTORISATION,
        instead=((Part(inverse, launch=2 / 3, element_time=3 / 2, assumed=True),),),
    )
    _add(
        "triangular_solve",
        "solve for n right-hand sides",
        lambda n, m: n**3,
        _square(3),
        _FACTORISATION,
        instead=((Part("cholesky_solve", launch=1 / 2, element_time=1 / 2),),),
    )
    _add("inv", "inverse by LU", lambda n, m: 2 * n**3, _square(2), _FACTORISATION)
    # QR is 8 n^3 / 3 of an eigendecomposition's 9 n^3. Torch on one CPU thread: a square one takes 0.42 to 0.54 of it,
    # of a block of n / 16 columns an element takes 0.07 to 0.22.
    _add(
        "qr",
        "orthonormal basis of n columns",
        lambda n, m: 8 * n**3 / 3,
        _square(1),
        _FACTORISATION,
        timed=False,
        instead=((Part(eigh, launch=8 / 27, element_time=8 / 27, assumed=True),),),
    )


def _batches() -> None:
    """Factorisations of many matrices of one size in one call."""
    for name in ("cholesky", "inv", "eigh"):
        one = OPERATIONS[name]
        batch = f"{name}_batched", f"{one.title}, a batch"
        _add(*batch, one.flops, one.elements, one.terms, batched=True, largest=320, instead=((Part(name),),))


def _memory() -> None:
    """What moves memory. A loop over one matrix finds it in the cache, a step does not: hence both kinds."""

    def add(name: str, title: str, elements: Count, **more: Any) -> None:
        _add(name, title, _nothing, elements, _MEMORY, **more)

    three, stream = _square(3), (Part("stream"),)
    add("elementwise", "update of n by n parameters: p - r g", three, largest=4608, instead=(stream,))
    add("ema", "running average of an n by n factor", three, largest=4608, instead=(stream,))
    average, update, alone = (Part("ema"),), (Part("update"),), (Part("elementwise"),)
    for name, title, instead in (
        ("running_average", "running averages of factors, in a step", (average, stream)),
        ("update", "parameter update, in a step", (alone, stream)),
        ("fused_update", "parameter update of a framework's optimizer, tensors together", (update, alone, stream)),
    ):
        add(name, title, three, timed=False, instead=instead)
    # Without a law of their own, rows are part of the law that products of factors got.
    for name, title in (
        ("rows", "inputs and output gradients of linear layers as rows"),
        ("patches", "the same of convolutions, patches cut out"),
    ):
        add(name, title, lambda n, m: 2 * m * n, rectangular=True, timed=False, instead=((),))
    for name, title in (("copy_to_device", "host to device"), ("copy_to_host", "device to host")):
        add(name, f"n by n elements, {title}", _square(1), device_only=True)


def _passes() -> None:
    """What forward and backward passes are made of; a card without timed networks knows them as one."""

    def flops(n: float, m: float) -> float:
        return 6 * m * n**2

    def products(n: float, m: float) -> float:
        return 3 * (2 * m * n + n**2)

    _add(
        "linear_pass",
        "forward and backward of a linear layer",
        flops,
        products,
        _PRODUCT,
        rectangular=True,
        timed=False,
        instead=((Part("network"),),),
    )
    _add(
        "convolution_pass",
        "forward and backward of a convolution",
        flops,
        products,
        _PRODUCT,
        rectangular=True,
        timed=False,
        instead=((Part("network"),), (Part("linear_pass", assumed=True),)),
    )
    _add(
        "other_pass",
        "forward and backward of what has no factors",
        flops,
        products,
        _PRODUCT,
        rectangular=True,
        timed=False,
        instead=((Part("network", launch=0),), (Part("linear_pass", launch=0, assumed=True),)),
    )
    # Element-wise work on what linear layers and convolutions put out: activations, norms, residual sums.
    for name, of in (("linear_outputs", "linear layers"), ("convolution_outputs", "convolutions")):
        _add(
            name,
            f"element-wise work on outputs of {of}",
            _nothing,
            lambda n, m: m * n,
            _MEMORY,
            rectangular=True,
            timed=False,
            instead=((),),
        )


for _family in (_general, _products, _factorisations, _batches, _memory, _passes):
    _family()


#: Element types of laws; the first has no suffix, ``gemm.float64`` is in the other.
DTYPES: Final = ("float32", "float64", "tf32", "bfloat16", "float16")
#: What every card must know, by a law of its own or one that may stand in: a projection is made of these.
NEEDED: Final = ("linear_pass", "gemm", "spd_inverse", "eigh", "stream")


def timed() -> dict[str, Operation]:
    """The operations that ``measure`` times alone, in the order it does."""
    return {name: each for name, each in OPERATIONS.items() if each.timed}
