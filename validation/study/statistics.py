"""The registered tests: paired ratios of steps, equivalence, cost, and their corrections for being many."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from scipy.stats import t, wilcoxon

from validation.simulator.lines import Line
from validation.study.design import ALPHA, MARGIN

Pairs = Sequence[tuple[Line, Line]]  # runs of an arm and of exact K-FAC with the same seed


@dataclass(frozen=True, slots=True)
class Ratio:
    """Geometric mean of ratios with its 90 % interval; `censored` runs make it a lower bound."""

    ratio: float
    low: float
    high: float
    count: int
    censored: int = 0


def log_ratios(pairs: Pairs, *, ours: float = 1.0, base: float = 1.0) -> list[float]:
    """Logarithms of steps over steps; a censored run counts with this multiple of its limit.

    >>> [round(x, 3) for x in log_ratios([({"steps": None, "limit": 200}, {"steps": 100, "limit": 200})], ours=2)]
    [1.386]
    """
    return [math.log((a["steps"] or ours * a["limit"]) / (b["steps"] or base * b["limit"])) for a, b in pairs]


def interval(logs: Sequence[float], censored: int = 0) -> Ratio:
    """Student's 90 % interval of the mean logarithm; one value alone has none."""
    mean, count = float(np.mean(logs)), len(logs)
    half = math.inf
    if count > 1:
        half = float(t.isf(0.05, count - 1)) * float(np.std(logs, ddof=1)) / math.sqrt(count)
    return Ratio(math.exp(mean), math.exp(mean - half), math.exp(min(mean + half, 700)), count, censored)


def ratio(pairs: Pairs) -> Ratio:
    """Of one task, over seeds; censored runs count with the limit."""
    return interval(log_ratios(pairs), sum(a["steps"] is None for a, _ in pairs))


def equivalence(pairs: Pairs) -> float:
    """One-sided p-value of "the ratio is at least the margin"; censored runs lean towards it."""
    logs = np.array(log_ratios(pairs, ours=2.0)) - math.log(MARGIN)
    spread = float(np.std(logs, ddof=1))
    if spread == 0:
        return 0.0 if logs[0] < 0 else 1.0
    return float(t.cdf(float(np.mean(logs)) / spread * math.sqrt(len(logs)), len(logs) - 1))


def cost(pairs: Pairs) -> float:
    """One-sided p-value of "the ratio is not above 1", by ranks; censored runs lean towards it."""
    return _wilcoxon(log_ratios(pairs, base=2.0), "greater")


def difference(pairs: Pairs) -> float:
    """Two-sided p-value of "the ratio is 1", by ranks; censored runs count with the limit."""
    return _wilcoxon(log_ratios(pairs), "two-sided")


def _wilcoxon(logs: Sequence[float], alternative: Literal["two-sided", "greater"]) -> float:
    rounded = np.round(logs, 12)  # equal ratios of unequal steps must tie
    return _signed_ranks(tuple(rounded.tolist()), alternative)


@cache  # with ties scipy goes through every assignment of signs, most of a second for a dozen ratios
def _signed_ranks(values: tuple[float, ...], alternative: Literal["two-sided", "greater"]) -> float:
    return float(wilcoxon(values, alternative=alternative).pvalue) if any(values) else 1.0


def in_order(families: Mapping[str, Sequence[float]], alpha: float = ALPHA) -> dict[str, int]:
    """How many hypotheses of each family are rejected, each family in its fixed order.

    Every family starts with an equal share of alpha and stops at its first p-value above its share; a family that is
    rejected throughout hands its share on in equal parts. With families of one this is Holm's test. Source: Bretz et
    al. 2009, Statistics in Medicine 28, 586, the graphical procedure, which keeps the family-wise error at alpha.

    >>> in_order({"a": [0.001, 0.02], "b": [0.04]}), in_order({"a": [0.001, 0.03], "b": [0.04]})
    ({'a': 2, 'b': 1}, {'a': 1, 'b': 0})
    """
    rejected = dict.fromkeys(families, 0)
    while True:
        waiting = [name for name, levels in families.items() if rejected[name] < len(levels)]
        before = dict(rejected)
        for name in waiting:
            for p in families[name][rejected[name] :]:
                if p > alpha / len(waiting):
                    break
                rejected[name] += 1
        if rejected == before:
            return rejected


def holm(values: Mapping[str, float], tests: int | None = None) -> dict[str, float]:
    """Adjusted p-values, over `tests` tests where some were registered and not made; these count with 1.

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03}), holm({"a": 0.01}, tests=3)
    ({'a': 0.03, 'c': 0.06, 'b': 0.06}, {'a': 0.03})
    """
    tests = len(values) if tests is None else tests
    adjusted, largest = {}, 0.0
    for position, name in enumerate(sorted(values, key=lambda each: values[each])):
        largest = max(largest, min(1.0, values[name] * (tests - position)))
        adjusted[name] = largest
    return adjusted
