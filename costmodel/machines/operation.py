"""What an operation is: what one call counts, and whose law may take its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Part:
    """Another operation's law, for an operation that a card has none for.

    Attributes:
        operation: Whose law.
        launch: Launches of it for each call.
        element_time: Share of its element term.
        work: Share of the FLOPs or bytes that run at its rate.
        assumed: Nothing says that this law applies, so what rests on it is ``assumed``.
    """

    operation: str
    launch: float = 1.0
    element_time: float = 1.0
    work: float = 1.0
    assumed: bool = False

    def of(self, outer: Part) -> Part:
        """This part, standing in for an operation that itself stands in."""
        return Part(
            self.operation,
            self.launch * outer.launch,
            self.element_time * outer.element_time,
            self.work * outer.work,
            self.assumed or outer.assumed,
        )


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, as a linear algebra library or a framework offers it.

    Attributes:
        name: As cards, ``measure`` and ``predict`` write it.
        title: What runs.
        flops: FLOPs of one matrix of the batch; a multiply-add is two. Zero for what moves memory only, whose work is
            counted in elements of 4 bytes.
        elements: Matrix elements of one matrix of the batch that are read or written.
        terms: Constants a law of it may be made of: a term that is not counted would make it cost nothing.
        rectangular: It has rows m of its own.
        batched: It takes a batch.
        device_only: It exists only where the device has a memory of its own.
        timed: ``measure`` times it alone; the others only show in whole networks.
        largest: Largest size a default grid times on a processor; the largest times of all operations are alike.
        instead: Where a card has no law for it, in order of preference: operations whose laws take its place, all of
            one alternative together. An empty alternative costs nothing, being part of another operation's law.
    """

    name: str
    title: str
    flops: Callable[[float, float], float]
    elements: Callable[[float, float], float]
    terms: frozenset[str]
    rectangular: bool = False
    batched: bool = False
    device_only: bool = False
    timed: bool = True
    largest: int = 1664
    instead: tuple[tuple[Part, ...], ...] = ()

    @property
    def is_product(self) -> bool:
        """Whether its law is a launch and a rate, as that of matrix products."""
        return self.terms == {"launch", "rate"}


#: Every operation by name; :func:`register` adds to it.
OPERATIONS: Final[dict[str, Operation]] = {}


def register(operation: Operation) -> Operation:
    """Add an operation, so that cards may have a law for it and methods may be made of it.

    Raises:
        ValueError: The name is taken, or it stands on an operation that is not registered.
    """
    if operation.name in OPERATIONS:
        raise ValueError(f"operation {operation.name} is registered twice")
    for alternative in operation.instead:
        for part in alternative:
            if part.operation not in OPERATIONS and part.operation not in _ANNOUNCED:
                raise ValueError(f"operation {operation.name} stands on {part.operation}, which is not registered")
    OPERATIONS[operation.name] = operation
    return operation


#: Operations that stand on each other, whichever a card has.
_ANNOUNCED: Final = frozenset({"cholesky", "cholesky_inverse", "ema"})
