"""Time of one operation of one size on one card, with its interval and how far to trust it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from costmodel.inputs.faults import Fault, InputError
from costmodel.inputs.schema import unknown
from costmodel.machines.cards import DigitalCard, Law, Primitive
from costmodel.machines.laws import FittedLaw
from costmodel.machines.operations import OPERATIONS, Operation, Size, working_size
from costmodel.projection.evaluation import EXTRAPOLATION_SPREAD
from costmodel.quantities.estimate import DEVIATE_95, Estimate, Status

#: Operations that are other ones in a row, and the primitive they are on a card without timings.
_SUMS: Final = {"spd_inverse": ("cholesky", "cholesky_inverse")}
_PRIMITIVES: Final = {"gemm": Primitive.GEMM, "eigh": Primitive.EIGH, "spd_inverse": Primitive.SPD_INVERSE}


@dataclass(frozen=True, slots=True)
class Prediction:
    """Time of one call.

    Attributes:
        operation: Its name.
        size: What it runs on.
        dtype: Element type.
        card: Name of the card.
        time: Seconds.
        excess: How many times the size lies outside the sizes behind the law; 1 inside.
    """

    operation: str
    size: Size
    dtype: str
    card: str
    time: Estimate
    excess: float

    @property
    def status(self) -> str:
        """``interpolated``, ``extrapolated 2.3x``, or the status of a card without timings."""
        return f"{self.time.status.value} {self.excess:.1f}x" if self.excess > 1 else self.time.status.value

    def as_dict(self) -> dict[str, Any]:
        """The JSON contract, schema 1."""
        return {
            "schema": 1,
            "operation": self.operation,
            "n": self.size.n,
            "m": self.size.m,
            "batch": self.size.batch,
            "dtype": self.dtype,
            "card": self.card,
            "time_s": {"median": self.time.median, "p05": self.time.p05, "p95": self.time.p95},
            "status": self.status,
        }

    def __repr__(self) -> str:
        from costmodel.views.predict import sentence

        return f"Prediction of {sentence(self)}"


def predict(
    card: DigitalCard, operation: str, n: int, m: int | None = None, batch: int = 1, dtype: str = "float32"
) -> Prediction:
    """Predict the time of an operation.

    Args:
        card: A digital card.
        operation: Name in machines.operations.OPERATIONS, or ``spd_inverse``, Cholesky factor and inverse.
        n: Order, or columns.
        m: Rows of a rectangular operation; ``gemm`` with m is ``gemm_tall``.
        batch: Matrices in one call.
        dtype: ``float32`` or ``float64``.

    Raises:
        InputError: No such operation, the card has no law for it, or a size it does not take.
    """
    if operation == "gemm" and m is not None and m != n:
        operation = "gemm_tall"
    if operation not in {*OPERATIONS, *_SUMS}:
        raise InputError.about(operation, unknown("operation", operation, [*OPERATIONS, *_SUMS]))
    first = OPERATIONS[_SUMS.get(operation, (operation,))[0]]
    size = Size(n, n if m is None else m, batch)
    _check(first, operation, size)
    laws = [(OPERATIONS[name], _law(card, name, dtype)) for name in _SUMS.get(operation, (operation,))]
    found = [(each, law) for each, law in laws if law is not None]
    if len(found) == len(laws):
        return _fitted(found, operation, size, dtype, card)
    if operation in _PRIMITIVES and dtype == "float32" and not card.operations:
        return _from_primitive(card, operation, size)
    known = sorted(card.operations) or sorted(_PRIMITIVES)
    wanted = operation if dtype == "float32" else f"{operation}.{dtype}"
    raise InputError.about(card.name, f"has no law for {wanted}; it has {', '.join(known)}")


def _check(operation: Operation, name: str, size: Size) -> None:
    faults = []
    if not operation.rectangular and size.m != size.n:
        faults.append(Fault("--m", 0, 0, "", f"{name} is of square matrices; leave it out"))
    if not operation.batched and size.batch != 1:
        batched = f"{name}_batched"
        hint = f"use {batched}" if batched in OPERATIONS else "leave it out"
        faults.append(Fault("--batch", 0, 0, "", f"{name} is of one matrix; {hint}"))
    if faults:
        raise InputError(faults)


def _law(card: DigitalCard, operation: str, dtype: str) -> FittedLaw | None:
    return card.operations.get(operation if dtype == "float32" else f"{operation}.{dtype}")


def _fitted(
    laws: list[tuple[Operation, FittedLaw]], name: str, size: Size, dtype: str, card: DigitalCard
) -> Prediction:
    working = working_size(size)
    seconds = [law.seconds(operation, size) for operation, law in laws]
    total = sum(seconds)
    # Laws of one machine err together, so their deviations add up, weighted by time.
    deviation = sum(law.deviation(working) * part for (_, law), part in zip(laws, seconds, strict=True)) / total
    excess = max(law.excess(working) for _, law in laws)
    status = Status.EXTRAPOLATED if excess > 1 else Status.INTERPOLATED
    return Prediction(name, size, dtype, card.name, _estimate(total, deviation, status), excess)


def _from_primitive(card: DigitalCard, name: str, size: Size) -> Prediction:
    """From the constants of a card without timings: their ranges are taken to be independent."""
    law: Law = card.laws[_PRIMITIVES[name]]
    n = float(size.n)
    flops = {"gemm": 2 * n**3, "eigh": 9 * n**3, "spd_inverse": n**3}[name]
    counts = {"launch": 1.0, "element_time": n**2, "bandwidth": 0.0, "rate": flops}
    terms = []
    excess = 1.0
    for key, quantity in law.quantities().items():
        inverse = key in {"bandwidth", "rate"}
        seconds = counts[key] / quantity.value if inverse else counts[key] * quantity.value
        terms.append((seconds, math.log(quantity.high / quantity.low) / (2 * DEVIATE_95), quantity.status))
        if quantity.domain is not None:
            excess = max(excess, n / quantity.domain[1], quantity.domain[0] / n)
    total = sum(seconds for seconds, _, _ in terms)
    inside = math.sqrt(sum((seconds / total * spread) ** 2 for seconds, spread, _ in terms))
    deviation = math.hypot(inside, EXTRAPOLATION_SPREAD * math.log(excess))
    worst = max((status for seconds, _, status in terms if seconds > 0.05 * total), key=lambda each: each.rank)
    status = Status.EXTRAPOLATED if excess > 1 and worst.rank < Status.EXTRAPOLATED.rank else worst
    return Prediction(name, size, "float32", card.name, _estimate(total, deviation, status), excess)


def _estimate(median: float, deviation: float, status: Status) -> Estimate:
    factor = math.exp(DEVIATE_95 * deviation)
    return Estimate(median, median / factor, median * factor, status)
