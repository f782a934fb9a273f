"""Which form of law an operation gets: what predicts sizes left out of the fit, and sizes larger than fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from costmodel.machines.laws import LEAST_SPREAD, FittedLaw
from costmodel.machines.operations import Operation
from costmodel.machines.sizes import Size, working_size
from costmodel.quantities.estimate import DEVIATE_95
from validation.fit.design import Candidate, columns, law_of, with_tail
from validation.fit.solve import Array, Solution, solve

FAMILIES: Final = ("polynomial", "saturating", "spline", "scaled")
#: Whose law an operation may follow up to a factor: a product that of square ones, a batch that of single calls.
BASES: Final = {
    "gemm_tall": "gemm",
    "gemm_symmetric": "gemm",
    "precondition": "gemm",
    "newton_schulz": "gemm",
    "gemm_batched": "gemm",
    "cholesky_batched": "cholesky",
    "inv_batched": "inv",
    "eigh_batched": "eigh",
}
#: A GPU's grid has few sizes above this, where work decides, and many below, where launches do.
_LARGE: Final = 1536.0
#: Families compete with handicaps. The contest on held-out sizes (validation/data/measured/methodology.md) was won by
#: the spline; another family has to be better by a third on an operation's own data, where few sizes decide.
_TRUST: Final = {"spline": 1.5}
#: Sizes are left out in this many parts, every so manieth size in one.
_PARTS: Final = 5
#: A part of a law stays only if the error on sizes left out grows without it by more than this share.
_PAYS: Final = 0.01
#: Penalties grow up to a working size of about 1000: smaller data cannot tell growth from scatter.
_RAMPS: Final = 768.0
#: Errors below this are rounding.
_NOTHING: Final = 1e-4
_POWERS: Final = (0.5, 0.75, 1.0, 1.5, 2.5)
_KNOTS: Final = (4, 7, 11, 16)
#: The larger sizes that a law fitted to the smaller must predict: those above this share of the largest.
_LARGER: Final = 0.45
#: From where chained laws are followed to larger sizes, to learn how far off they come: these shares of the largest.
_ORIGINS: Final = (_LARGER, 2 / 3)
#: Bounds of what is added to a spread for each factor e beyond the data.
_GROWTH: Final = (0.05, 0.5)
#: A law needs this many sizes: fewer than its terms would always fit.
LEAST_SIZES: Final = 6


@dataclass(frozen=True, slots=True)
class Data:
    """Sizes of one operation with the time of each."""

    operation: Operation
    sizes: tuple[Size, ...]
    seconds: Array

    def part(self, chosen: npt.NDArray[np.bool_]) -> Data:
        """Some of the sizes."""
        picked = np.flatnonzero(chosen)
        return Data(self.operation, tuple(self.sizes[index] for index in picked), self.seconds[picked])

    @property
    def working(self) -> Array:
        """Working sizes."""
        return np.array([working_size(size) for size in self.sizes])


@dataclass(frozen=True, slots=True)
class OperationFit:
    """A law with how it was found.

    Attributes:
        law: The law.
        candidate: Its form.
        solution: Coefficients with their covariance.
        left_out: Median of |log(law / measured)| over sizes left out, by family.
        larger: The same over the larger sizes, fitted to the smaller, by family.
        points: Sizes behind it.
        needed: Growth that each of the larger sizes would need to lie in its interval; of chained laws of single calls.
    """

    law: FittedLaw
    candidate: Candidate
    solution: Solution
    left_out: dict[str, float]
    larger: dict[str, float]
    points: int
    needed: Array


def gpu_families(operation: Operation) -> tuple[str, ...]:
    """Which families compete on a GPU.

    A spline bends where the data have noise, and between few large sizes a line through seconds a FLOP, which fall as
    n^-2, is off by half. Products that are not square are timed where launches decide: what they do beyond is the law
    of square ones.
    """
    if not operation.flops(2, 2):
        return ("polynomial", "spline")
    if operation.name in BASES:
        return ("scaled",) if operation.is_product else ("scaled", "chained")
    return ("chained",)


def fit(
    data: Data,
    families: Sequence[str] = FAMILIES,
    floor: float = 0.0,
    base: FittedLaw | None = None,
    *,
    gpu: bool = False,
) -> OperationFit:
    """The law of an operation: of each family the best form, of the families the one that predicts best.

    Families compete on sizes left out and on larger sizes than were fitted, the two errors counting alike, the family
    that won the contest ahead of the others.

    Args:
        data: At least :data:`LEAST_SIZES` sizes.
        families: Which compete.
        floor: Seconds a unit of work no tail goes below: a factorisation is no faster than a product.
        base: Law of the operation in :data:`BASES`; without it the scaled family does not compete.
        gpu: Whether a GPU was timed.
    """
    points = len(data.sizes)
    data = _weighted(data) if gpu else data
    families = [family for family in families if family != "scaled" or base is not None]
    best = {family: best_form(family, data, base, gpu=gpu, floor=floor if gpu else 0.0) for family in families}
    left_out = {family: float(np.median(np.abs(_left_out(each, data)))) for family, each in best.items()}
    larger = {family: _on_larger(each, data, floor) for family, each in best.items()}
    errors = {family: float(np.median(np.abs(each))) if len(each) else 0.0 for family, each in larger.items()}
    winner = min(families, key=lambda family: (left_out[family] + errors[family]) / _TRUST.get(family, 1.0))
    return replace(_final(best[winner], data, floor, left_out, larger, errors), points=points)


def _weighted(data: Data) -> Data:
    """The data with each size above :data:`_LARGE` counted three times."""
    large = [index for index, working in enumerate(data.working) if working > _LARGE]
    picked = [*range(len(data.sizes)), *large, *large]
    return Data(data.operation, tuple(data.sizes[index] for index in picked), data.seconds[picked])


def form(candidate: Candidate, data: Data, floor: float) -> tuple[FittedLaw, Solution]:
    """A candidate fitted, its tail set."""
    solution = _solved(candidate, columns(candidate, data.operation, data.sizes), data.seconds)
    law = law_of(candidate, data.operation, data.sizes, solution.coefficients)
    if candidate.family == "spline" and not candidate.rising:
        law = with_tail(law, _tail_limit(law, data, floor))
    return law, solution


def _solved(candidate: Candidate, rows: Array, seconds: Array) -> Solution:
    return solve(rows, seconds, candidate.least(rows.shape[1]), candidate.held)


def errors_of(law: FittedLaw, data: Data) -> Array:
    """log(law / measured) of every size."""
    predicted = np.array([law.seconds(data.operation, size) for size in data.sizes])
    return np.log(predicted / data.seconds)


def _final(
    candidate: Candidate,
    data: Data,
    floor: float,
    left_out: dict[str, float],
    larger: dict[str, Array],
    errors: dict[str, float],
) -> OperationFit:
    law, solution = form(candidate, data, floor)
    inside = np.abs(_left_out(candidate, data))
    spread = max(LEAST_SPREAD, _upper(inside) / DEVIATE_95)
    beyond = np.abs(larger[candidate.family])
    growth, needed = 0.0, np.zeros(0)
    if candidate.family == "chained" and not data.operation.batched:
        needed = _needed(candidate, data, floor, spread)
        growth = growth_of(needed)
    elif len(beyond):
        # The larger sizes lie up to 1 / _LARGER beyond; their error is put down to a distance of half of that.
        growth = _upper(beyond) / DEVIATE_95 / np.log(0.75 / _LARGER)
    law = replace(law, spread=spread, growth=float(np.clip(growth, *_GROWTH)))
    return OperationFit(law, candidate, solution, left_out, errors, len(data.sizes), needed)


def _needed(candidate: Candidate, data: Data, floor: float, spread: float) -> Array:
    """The growth with which the interval of each larger size, fitted to the smaller, just holds it; from each origin.

    (log(law / measured) / 1.645)^2 = spread^2 + growth^2 log(size / largest fitted)^2.
    """
    found = [np.zeros(0)]
    for origin in _ORIGINS:
        errors = _on_larger(candidate, data, floor, origin)
        smaller = data.working <= origin * data.working.max()
        if len(errors):
            sizes, each = np.unique(data.working[~smaller], return_index=True)  # those that count three times are one
            excess = np.log(sizes / data.working[smaller].max())
            found.append(np.sqrt(np.maximum((errors[each] / DEVIATE_95) ** 2 - spread**2, 0.0)) / excess)
    return np.concatenate(found)


def growth_of(needed: Array) -> float:
    """The growth with which nine in ten larger sizes lie in their intervals."""
    return float(np.clip(_upper(needed), *_GROWTH)) if len(needed) else _GROWTH[0]


def _upper(errors: Array) -> float:
    """The error that nine in ten further points stay below: the quantile of a sample that is one point larger."""
    return float(np.quantile(errors, min(1.0, 0.9 * (len(errors) + 1) / len(errors))))


def best_form(
    family: str, data: Data, base: FittedLaw | None = None, *, gpu: bool = False, floor: float = 0.0
) -> Candidate:
    """The best form of a family: hyperparameter first, with every part; then each part that does not pay is dropped."""
    switch = (_drop if gpu else _switch)(data) if data.operation.flops(2, 2) else 0.0
    ramps = float(data.working.max()) >= _RAMPS
    chained = floor if family == "chained" else 0.0
    tried = [replace(each, switch=switch, ramps=ramps, gpu=gpu, floor=chained) for each in _forms(family, data)]
    if family == "scaled":
        # Products of other shapes than square are timed where launches decide, and run at the rate of square ones.
        same = 1.0 if gpu and data.operation.is_product else 0.0
        tried = [Candidate(family, base=base, gpu=gpu, floor=same)]
    scores = [(_score(each, data), index) for index, each in enumerate(tried)]
    score, index = min(scores)
    best = tried[index]
    for part in ("strided", "misaligned", "elements"):
        if getattr(best, part):
            without = _without(best, part)
            found = _score(without, data)
            if found <= score * (1 + _PAYS) + _NOTHING:
                best, score = without, found
    return best


def _without(candidate: Candidate, part: str) -> Candidate:
    match part:
        case "strided":
            return replace(candidate, strided=False)
        case "misaligned":
            return replace(candidate, misaligned=False)
        case _:
            return replace(candidate, elements=False)


def _forms(family: str, data: Data) -> list[Candidate]:
    """Every hyperparameter of a family."""
    if family == "polynomial":
        return [Candidate(family)]
    if family == "chained":
        # Rows that share the sets of a processor's first-level cache cost a GPU nothing: of two sizes that would know,
        # the largest of the data is one, which is never left out, and took all of n^3 for a stride.
        return [Candidate(family, elements=False, strided=False)]
    if family == "saturating":
        return [Candidate(family, power=power) for power in _POWERS]
    working = np.unique(np.round(data.working, 6))
    rising = not data.operation.flops(2, 2)
    found = []
    for count in _KNOTS:
        if 2 * count <= max(len(working), 8):
            # Knots where the data is: at equal steps of rank, so that every stretch has sizes in it.
            knots = np.unique(np.quantile(working, np.linspace(0, 1, min(count, len(working)))))
            found.append(Candidate(family, knots=tuple(map(float, knots)), rising=rising))
    return found


def _switch(data: Data) -> float:
    """The size after which a faster algorithm takes over, where the data show one: 0 where they do not.

    A switch is a drop of the time a unit of work by a third and more from one size to the next larger, both at least
    64: below, launches change as fast.
    """
    order = np.argsort(data.working)
    working = data.working[order]
    units = np.array([data.operation.flops(data.sizes[index].n, data.sizes[index].m) for index in order])
    batch = np.array([data.sizes[index].batch for index in order])
    unit = data.seconds[order] / (units * batch)
    drops = [
        (unit[index + 1] / unit[index], working[index], working[index + 1])
        for index in range(len(order) - 1)
        if working[index] >= 64 and working[index + 1] <= 1.3 * working[index] and units[index] != units[index + 1]
    ]
    ratio, size, following = min(drops, default=(1.0, 0.0, 0.0))
    return _roundest(size, following) if ratio < 0.67 else 0.0


def _drop(data: Data) -> float:
    """The size after which a GPU takes another algorithm: 0 where none takes a good third less time than a smaller one.

    Seconds a FLOP fall by themselves where launches decide, and below 256 time depends on alignment as much.
    """
    order = np.argsort(data.working)
    working, times = data.working[order], data.seconds[order]
    drops = [
        (times[index + 1] / times[index], working[index], working[index + 1])
        for index in range(len(order) - 1)
        if working[index] >= 256 and working[index + 1] <= 1.3 * working[index]
    ]
    square = all(size.n == size.m and size.batch == 1 for size in data.sizes)
    ratio, size, following = min(drops, default=(1.0, 0.0, 0.0))
    return _roundest(size, following) if square and ratio < 0.6 else 0.0


def _roundest(low: float, high: float) -> float:
    """Of the whole sizes from ``low`` to below ``high`` the one a programmer would write: most often halved evenly.

    >>> _roundest(112.0, 129.0), _roundest(100.0, 101.0)
    (128.0, 100.0)
    """
    whole = range(int(low), max(int(low) + 1, int(np.ceil(high))))
    return float(max(whole, key=lambda size: (size & -size, size)))


def _folds(data: Data) -> Array:
    """Part of each size: neighbours lie in different parts; equal working sizes in one."""
    _, rank = np.unique(np.round(data.working, 6), return_inverse=True)
    return np.asarray(rank % _PARTS)


def _left_out(candidate: Candidate, data: Data) -> Array:
    """log(law / measured) of every size when its part is left out, the ends of the range always kept in."""
    rows = columns(candidate, data.operation, data.sizes)
    folds = _folds(data)
    ends = (data.working == data.working.min()) | (data.working == data.working.max())
    errors = np.zeros(len(data.seconds))
    for part in range(min(_PARTS, len(set(folds.tolist())))):
        out = (folds == part) & ~ends
        if out.any() and (~out).sum() >= 4:
            coefficients = _solved(candidate, rows[~out], data.seconds[~out]).coefficients
            errors[out] = np.log(np.maximum(rows[out] @ coefficients, 1e-12) / data.seconds[out])
    return errors[~ends] if (~ends).any() else errors


def _score(candidate: Candidate, data: Data) -> float:
    """Mean error of sizes left out, single ones counting at most 0.5: a stall must not choose the law."""
    return float(np.mean(np.minimum(np.abs(_left_out(candidate, data)), 0.5)))


def _on_larger(candidate: Candidate, data: Data, floor: float, origin: float = _LARGER) -> Array:
    """log(law / measured) of the sizes above a share of the largest when only those below are fitted."""
    working = data.working
    smaller = working <= origin * working.max()
    if smaller.sum() < LEAST_SIZES or (~smaller).sum() < 2:
        return np.zeros(0)
    part = data.part(smaller)
    if candidate.family == "spline":
        top = float(part.working.max())
        knots = [knot for knot in candidate.knots if knot < top * 0.999]
        candidate = replace(candidate, knots=(*knots, top))
    law, _ = form(candidate, part, floor)
    return errors_of(law, data.part(~smaller))


def _tail_limit(law: FittedLaw, data: Data, floor: float) -> float:
    """Where seconds a unit of work tend to: a line in 1/size through the upper part of the data, robustly."""
    last = law.work.sizes[-1]
    upper = data.part(data.working >= last / 5)
    if len(upper.sizes) < 4:
        return law.work.values[-1]
    units, extra = [], []
    for size in upper.sizes:
        count = upper.operation.flops(size.n, size.m) * size.batch
        flat = replace(law, work=replace(law.work, values=(0.0,) * len(law.work.values), limit=0.0))
        units.append(count)
        extra.append(flat.seconds(upper.operation, size))
    per_unit = np.maximum(upper.seconds - np.array(extra), 1e-12)
    rows = np.array(units)[:, None] * np.array([np.ones(len(units)), last / upper.working]).T
    limit, slope = solve(rows, per_unit).coefficients
    value = law.work.values[-1]
    # Only the shape of the tail is taken from the line; it starts where the spline ends.
    return float(max(floor, value * limit / max(limit + slope, 1e-30)))
