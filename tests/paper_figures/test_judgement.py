"""The rule that turns checks into a verdict."""

import pytest

from paper_figures.judgement import Check, Claim, Need, Side, Verdict


def claim(*checks: Check) -> Claim:
    return Claim("said", "seen", Side("theirs"), Side("honest"), checks)


def check(theirs: float, honest: float | None, *, at_most: bool = False, without: float | None = None) -> Check:
    needs = (Need("the array is large", without), Need("the moon shines", theirs))
    return Check("gain", 1.0, theirs, honest, needs, (Need("inverses are rare", theirs),), at_most=at_most)


@pytest.mark.parametrize(
    ("made", "verdict", "condition"),
    [
        (claim(check(2, 2)), Verdict.HOLDS, ""),
        (claim(check(0.5, 0.5)), Verdict.FAILS, ""),
        (claim(), Verdict.UNKNOWN, ""),
        # Passes under the paper's assumptions alone; of two only one is needed.
        (claim(check(2, 0.5, without=0.9)), Verdict.IF, "the array is large"),
        # Without a number nothing is known: needed, and not shown under honest assumptions.
        (claim(check(2, None)), Verdict.IF, "the array is large"),
        (claim(check(2, float("nan"), without=0.9)), Verdict.IF, "the array is large"),
        # Neither is needed alone, so that either will do.
        (claim(check(2, 0.5, without=2)), Verdict.IF, "the array is large or the moon shines"),
        # Passes under honest assumptions alone.
        (claim(check(0.5, 2)), Verdict.IF, "inverses are rare"),
        # All checks have to pass on one side.
        (claim(check(2, 0.5, without=0.9), check(0.5, 2)), Verdict.FAILS, ""),
        # A bound from above.
        (claim(check(0.5, 0.5, at_most=True)), Verdict.HOLDS, ""),
        (claim(check(0.5, 2, at_most=True, without=2)), Verdict.IF, "the array is large"),
        # A number on the bound is inside.
        (claim(check(1, 1)), Verdict.HOLDS, ""),
        (claim(Check("gain", 1, 2, 0.5)), Verdict.IF, "the paper's assumptions are made"),
        # What both sides assume is a condition, too, where the number falls without it.
        (claim(Check("gain", 1, 2, 2, shared=(Need("steps are saved", 0.9),))), Verdict.IF, "steps are saved"),
        (claim(Check("gain", 1, 2, 2, shared=(Need("steps are saved", 1.1),))), Verdict.HOLDS, ""),
        (claim(Check("gain", 1, 2, 0.5, (Need("the array is large", 0.9),), shared=(Need("steps are saved", 0.9),))),
         Verdict.IF, "steps are saved and the array is large"),
    ],
)  # fmt: skip
def test_a_verdict_follows_from_numbers(made: Claim, verdict: Verdict, condition: str) -> None:
    assert made.verdict is verdict
    assert made.condition == condition


def test_several_conditions_are_one_sentence() -> None:
    needs = tuple(Need(text, 0.0) for text in ("a", "b", "c"))
    assert claim(Check("gain", 1, 2, 0, needs)).condition == "a, b, and c"
    assert claim(Check("gain", 1, 2, 0, needs[:2])).condition == "a and b"
