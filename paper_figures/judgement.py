"""What becomes of a claim: numbers held against bounds, and the rule that turns them into a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class Verdict(StrEnum):
    """What becomes of a claim."""

    HOLDS = "holds"
    IF = "holds if"
    FAILS = "fails"
    UNKNOWN = "cannot be tested here"


@dataclass(frozen=True, slots=True)
class Need:
    """An assumption, and the tested number where it alone is dropped.

    Attributes:
        text: The assumption as the end of "holds if".
        without: The number; None where that was not tested, so that nothing is known without the assumption.
    """

    text: str
    without: float | None


@dataclass(frozen=True, slots=True)
class Check:
    """A number that a claim needs to lie on one side of a bound.

    Attributes:
        asks: What the number is.
        bound: What it is held against.
        theirs: The number under the paper's own assumptions, as far as they are known.
        honest: The number under honest ones; None where nothing was tested under them.
        needs: What the paper's assumptions add to the honest ones.
        honest_needs: What the honest ones add to the paper's.
        shared: What both assume.
        at_most: Whether the number may not exceed the bound, rather than not fall below it.
        unit: What follows the number in print.
    """

    asks: str
    bound: float
    theirs: float
    honest: float | None
    needs: tuple[Need, ...] = ()
    honest_needs: tuple[Need, ...] = ()
    shared: tuple[Need, ...] = ()
    at_most: bool = False
    unit: str = ""

    def passes(self, number: float | None) -> bool:
        """Whether a number lies on the right side; one that was not tested does not."""
        if number is None or np.isnan(number):
            return False
        return number <= self.bound if self.at_most else number >= self.bound


@dataclass(frozen=True, slots=True)
class Side:
    """What is found under some assumptions.

    Attributes:
        text: One sentence, or two, filled from the data.
        commands: What prints the numbers of it.
    """

    text: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim or stated limit.

    Attributes:
        said: The claim in our words.
        seen: Where it was seen, and how directly.
        theirs: What is found under the paper's own assumptions.
        honest: What is found under honest ones.
        checks: What it needs, all of them; a claim without one cannot be tested here.
        explain: Commands that trace its numbers to formulas, values and their sources.
    """

    said: str
    seen: str
    theirs: Side
    honest: Side
    checks: tuple[Check, ...] = ()
    explain: tuple[str, ...] = ()

    @property
    def sides(self) -> tuple[bool, bool]:
        """Whether all checks pass under the paper's assumptions, and under honest ones."""
        return (
            all(check.passes(check.theirs) for check in self.checks),
            all(check.passes(check.honest) for check in self.checks),
        )

    @property
    def verdict(self) -> Verdict:
        """It fails where checks pass under neither, holds where they pass under both and hang on nothing, else holds if."""
        if not self.checks:
            return Verdict.UNKNOWN
        theirs, honest = self.sides
        if not theirs and not honest:
            return Verdict.FAILS
        return Verdict.HOLDS if theirs and honest and not self._missed(shared_only=True) else Verdict.IF

    @property
    def condition(self) -> str:
        """Assumptions that it falls without, each alone; empty unless the verdict hangs on some."""
        if self.verdict is not Verdict.IF:
            return ""
        if missed := self._missed(shared_only=all(self.sides)):
            return _listed(missed, "and")
        listed = _listed([*dict.fromkeys(need.text for _, need in self._needs())], "or")  # any of them suffices
        theirs, _ = self.sides
        return listed or ("the paper's assumptions are made" if theirs else "the honest assumptions are made")

    def _needs(self) -> list[tuple[Check, Need]]:
        """What one side adds to the other, of the side under which all checks pass."""
        theirs, _ = self.sides
        return [(check, need) for check in self.checks for need in (check.needs if theirs else check.honest_needs)]

    def _missed(self, *, shared_only: bool) -> list[str]:
        """Assumptions that a check falls without: those of both sides, and what one side adds."""
        needs = [(check, need) for check in self.checks for need in check.shared]
        needs += [] if shared_only else self._needs()
        return [*dict.fromkeys(need.text for check, need in needs if not check.passes(need.without))]


def _listed(texts: list[str], word: str) -> str:
    """Texts as a list in a sentence."""
    if len(texts) < 2:
        return "".join(texts)
    return f"{', '.join(texts[:-1])}{',' if len(texts) > 2 else ''} {word} {texts[-1]}"
