"""Time of one operation of one size on one card, with its interval and how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from costmodel.defaults import SCHEMA
from costmodel.formulas.code import add
from costmodel.machines.cards import DigitalCard
from costmodel.machines.laws import Context, FittedLaw, Term, Work, beside
from costmodel.machines.operations import DTYPES, OPERATIONS, Operation, Part
from costmodel.machines.sizes import Size, working_size
from costmodel.projection.cost import weakest_that_matters
from costmodel.quantities.estimate import Draws, Estimate, Status, standard_normal, weakest
from costmodel.quantities.names import unknown

#: Draws an interval rests on: the 5th percentile is then known to about a third of a percentile.
_DRAWS: Final = 4000


class UnpredictableError(ValueError):
    """What keeps an operation from being predicted.

    Attributes:
        faults: The argument and what is wrong with it.
    """

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        self.faults = faults
        super().__init__("; ".join(f"{name}: {message}" for name, message in faults))


@dataclass(frozen=True, slots=True)
class Prediction:
    """Time of one call, alone or as one of many in a training step.

    Attributes:
        operation: Its name.
        size: What it runs on.
        dtype: Element type.
        card: Name of the card.
        time: Seconds.
        excess: How many times the size lies outside the sizes behind the law; 1 inside.
        laws: Whose laws gave the time: the operation's own, or those that stand in for it.
    """

    operation: str
    size: Size
    dtype: str
    card: str
    time: Estimate
    excess: float
    laws: tuple[str, ...]

    @property
    def status(self) -> str:
        """``interpolated``, ``extrapolated 2.3x``, or the status of a card without timings."""
        return f"{self.time.status.value} {self.excess:.1f}x" if self.excess > 1 else self.time.status.value

    def as_dict(self) -> dict[str, Any]:
        """The JSON contract, schema 2."""
        return {
            "schema": SCHEMA,
            "operation": self.operation,
            "n": self.size.n,
            "m": self.size.m,
            "batch": self.size.batch,
            "dtype": self.dtype,
            "card": self.card,
            "laws": list(self.laws),
            "time_s": {"median": self.time.median, "p05": self.time.p05, "p95": self.time.p95},
            "status": self.status,
        }

    def __repr__(self) -> str:
        from costmodel.views.predict import sentence

        return f"Prediction of {sentence(self)}"


def predict(
    card: DigitalCard,
    operation: str,
    n: int,
    m: int | None = None,
    batch: int = 1,
    dtype: str = "float32",
    *,
    in_step: bool = False,
) -> Prediction:
    """Predict the time of an operation with the law that a projection uses.

    Args:
        card: A digital card.
        operation: Name in :data:`costmodel.machines.operations.OPERATIONS`.
        n: Order, or columns.
        m: Rows of a rectangular operation; ``gemm`` with m is ``gemm_tall``.
        batch: Matrices in one call.
        dtype: ``float32`` or ``float64``.
        in_step: One of many calls in a training step, as a projection counts it, and not a call in a loop of its own.

    Raises:
        UnpredictableError: No such operation, the card has no law for it, or a size it does not take.
    """
    if operation == "gemm" and m is not None and m != n:
        operation = "gemm_tall"
    size = Size(n, n if m is None else m, batch)
    _check(operation, size)
    parts = _resolved(card, operation, dtype)
    nominal = [term for each in parts for term in _terms(card, each, operation, size, 0, in_step)]
    drawn = [term for each in parts for term in _terms(card, each, operation, size, _DRAWS, in_step)]
    queued = _queued(card, parts) if in_step else 0.0
    median = float(beside(add(term.seconds for term in nominal), queued).squeeze())
    low, high = np.quantile(beside(add(term.seconds for term in drawn), queued), (0.05, 0.95))
    status = weakest_that_matters((term.seconds.ravel(), term.status) for term in nominal)
    working = np.array([[working_size(size)]])
    excess = max(float(np.max(card.laws[each.operation].excess(working))) for each in parts)
    estimate = Estimate(median, min(float(low), median), max(float(high), median), status)
    return Prediction(operation, size, dtype, card.name, estimate, excess, tuple(each.operation for each in parts))


def _queued(card: DigitalCard, parts: tuple[Part, ...]) -> float:
    """Seconds in which the host queues one of many calls."""
    laws = [(part, card.laws[part.operation]) for part in parts]
    return sum(part.launch * law.host.call for part, law in laws if isinstance(law, FittedLaw) and law.host)


def _check(operation: str, size: Size) -> None:
    known = OPERATIONS.get(operation)
    if known is None:
        raise UnpredictableError([("operation", unknown("operation", operation, OPERATIONS))])
    faults = []
    if not known.rectangular and size.m != size.n:
        faults.append(("m", f"{operation} is of square matrices; leave it out"))
    if not known.batched and size.batch != 1:
        batched = f"{operation}_batched"
        hint = f"use {batched}" if batched in OPERATIONS else "leave it out"
        faults.append(("batch", f"{operation} is of one matrix; {hint}"))
    if faults:
        raise UnpredictableError(faults)


def _resolved(card: DigitalCard, operation: str, dtype: str) -> tuple[Part, ...]:
    """Whose laws to take. In another element type only its own law says anything."""
    wanted = operation if dtype == DTYPES[0] else f"{operation}.{dtype}"
    parts = card.resolve(operation) if dtype == DTYPES[0] else (Part(wanted),) * (wanted in card.laws)
    if not parts:
        raise UnpredictableError([("card", f"has no law for {wanted}; it has {', '.join(card.laws)}")])
    return parts


def _terms(card: DigitalCard, part: Part, operation: str, size: Size, count: int, in_step: bool) -> list[Term]:
    """Terms of one law, shape (1, count); without draws at its nominal values."""
    law = card.laws[part.operation]

    def deviates(name: str) -> Draws:
        return standard_normal(f"{part.operation}.{name}", count, 0) if count else np.zeros(1)

    drawn = {name: quantity.at(deviates(name)) for name, quantity in law.quantities().items()}
    context = Context(drawn, deviates("extrapolation"), in_step)
    work = _work(OPERATIONS[operation], OPERATIONS[part.operation.partition(".")[0]], size)
    below = [Status.ASSUMED] if part.assumed else []
    return [replace(term, status=weakest([term.status, *below])) for term in law.terms(work, part, context)]


def _work(asked: Operation, law_of: Operation, size: Size) -> Work:
    """The counts of one call."""

    def column(value: float) -> Draws:
        return np.array([[float(value)]])

    n, m, batch = float(size.n), float(size.m), float(size.batch)
    return Work(
        operation=law_of,
        calls=column(1),
        matrices=column(batch),
        items=column(batch),
        units=column(batch * (asked.flops(n, m) or asked.elements(n, m))),
        elements=column(batch * n * n),
        size=column(working_size(size)),
        sides=(column(n), column(m)),
    )
