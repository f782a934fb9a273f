"""What a result depends on: Sobol indices over the ranges of the inputs, and elasticities at their values."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from costmodel.inputs.faults import InputError
from costmodel.projection.draws import within_domain
from costmodel.projection.points import INTERVALS, Index, Points
from costmodel.quantities.estimate import DEVIATE_95, Draws, Quantity
from costmodel.questions.case import BEST_DIGITAL, BEST_THERMODYNAMIC, Case, cheapest
from costmodel.questions.elasticities import Elasticity, elasticities, one_at_a_time

if TYPE_CHECKING:
    import pandas as pd

STEP: Final = "step"
SPEEDUP: Final = "speedup"
#: Base samples of Saltelli's scheme, a power of two; a run takes as many times (inputs + 2).
SAMPLES: Final = 512
#: What varies beside the inputs, as one.
REST: Final = "rest"
#: Draws that it is taken from.
_REST_DRAWS: Final = 4096
#: Changes of a logarithm below this are rounding.
_LEAST: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Influence:
    """What one input does.

    Attributes:
        path: As ``--set`` takes it; of several that are drawn together the first.
        quantity: Its value and range.
        first: Share of the variance that it explains by itself.
        first_error: Half width of the 95 % interval of that.
        total: Share that is gone when it is known, its part in interactions counted.
        total_error: Half width likewise.
        elasticity: d ln y / d ln x at the values: per cent a per cent.
        at_low: The result with this input at its 5th percentile, all others at their values.
        at_high: The same at its 95th.
    """

    path: str
    quantity: Quantity
    first: float
    first_error: float
    total: float
    total_error: float
    elasticity: float
    at_low: float
    at_high: float


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The answer.

    Attributes:
        model: Name of the model.
        method: Whose result.
        of: ``step`` or ``speedup``.
        over: Over what the speedup is.
        nominal: The result at the values of all inputs.
        influences: Inputs with a range that matter, the largest total index first.
        elasticities: d ln y / d ln x of every input that matters, exact ones as well, by path, and how it was found.
        rest: First-order and total index, each with its half width, of what varies beside the inputs: the curvature of
            single layers and stages about the law, and times outside the sizes that were timed.
        spread: Standard deviation of ln y, over that of the draws of a projection; 1 but for sampling.
        samples: Base samples.
    """

    model: str
    method: str
    of: str
    over: str
    nominal: float
    influences: tuple[Influence, ...]
    elasticities: Mapping[str, Elasticity]
    rest: tuple[float, float, float, float]
    spread: float
    samples: int

    def table(self) -> pd.DataFrame:
        """One row an input with a range: the shares that it explains, the result at its ends, its elasticity."""
        from costmodel.views.frames import records_frame
        from costmodel.views.sensitivity import SensitivityReport

        return records_frame(SensitivityReport(self).records())

    def elasticities_table(self) -> pd.DataFrame:
        """One row an input that matters, those without a range as well: its elasticity, and how that was found."""
        from costmodel.views.frames import records_frame
        from costmodel.views.sensitivity import SensitivityReport

        return records_frame(SensitivityReport(self).elasticities())


class _Result:
    """ln y at points: inputs in, a logarithm out."""

    def __init__(self, case: Case, ours: list[str], theirs: list[str]) -> None:
        self._sides = ours, theirs
        names = [*dict.fromkeys([*ours, *theirs])]
        self._points = Points(*case.loaded, methods=names)
        self._drawn = Points(*case.loaded, methods=names, draws=max(2, case.draws), seed=case.seed)

    def at(self, columns: Mapping[str, Draws], further: Index | None = None) -> Draws:
        """Logarithms of the result."""
        return self._log(self._points, columns, further)

    def drawn(self) -> Draws:
        """The same under the draws of a projection."""
        return np.asarray(self._log(self._drawn, {})[0])

    def _log(self, points: Points, columns: Mapping[str, Draws], further: Index | None = None) -> Draws:
        costs = points.evaluate(columns, further=further)
        mine = np.log(cheapest(costs, self._sides[0])[0])
        return np.log(cheapest(costs, self._sides[1])[0]) - mine if self._sides[1] else mine


def sensitivity(
    case: Case, method: str = BEST_THERMODYNAMIC, of: str = STEP, over: str = BEST_DIGITAL, samples: int = SAMPLES
) -> Sensitivity:
    """Which inputs drive a step time, or a speedup, by how much.

    Inputs are distributed as a projection draws them; what it draws beside them counts as one more.

    Raises:
        InputError: An unknown method, or a number of samples that is no power of two.
    """
    if of not in {STEP, SPEEDUP}:
        raise InputError.about("--of", f"'{of}' is neither {STEP} nor {SPEEDUP}")
    if samples < 2 or samples & (samples - 1):
        raise InputError.about("--samples", f"{samples} is not a power of two")
    ours, theirs = case.sides(method, over, "--over") if of == SPEEDUP else (case.members(method), [])
    result = _Result(case, _cheapest_here(case, ours), theirs)
    nominal = float(result.at({})[0])
    slopes = elasticities(result.at, _nominal(case))
    streams = _streams(case)
    ends = _ends(case, result, streams)
    active = [name for name, (low, high) in ends.items() if max(abs(low - nominal), abs(high - nominal)) > _LEAST]
    indices, variance = _sobol(result, {name: streams[name] for name in active}, samples, case.seed)
    rest = indices[REST]
    influences = []
    for name in active:
        low, high = (float(np.exp(each)) for each in ends[name])
        slope = slopes[name].value if name in slopes else 0.0
        influences.append(Influence(name, streams[name][name], *indices[name], slope, low, high))
    influences.sort(key=lambda each: -each.total)
    whole = float(np.var(result.drawn()))
    return Sensitivity(
        model=case.loaded[0].name,
        method=method,
        of=of,
        over=over,
        nominal=float(np.exp(nominal)),
        influences=tuple(influences),
        rest=rest,
        elasticities=dict(sorted(slopes.items(), key=lambda item: -abs(item[1].value))),
        spread=(variance / whole) ** 0.5 if whole > 0 else 1.0,
        samples=samples,
    )


def _cheapest_here(case: Case, members: list[str]) -> list[str]:
    """The cheapest member at the values, so that one method is looked at all along."""
    costs = Points(*case.loaded, methods=members).evaluate({})
    return [cheapest(costs, members)[1][0]]


def _streams(case: Case) -> dict[str, dict[str, Quantity]]:
    """Inputs with a range by the first of those that are drawn together."""
    streams: dict[str, dict[str, Quantity]] = {}
    for path, quantity in case.found.items():
        if quantity.low < quantity.high:
            streams.setdefault(quantity.stream or path, {})[path] = quantity
    return {next(iter(each)): each for each in streams.values()}


def _values(quantities: Mapping[str, Quantity], deviates: Draws) -> dict[str, Draws]:
    """Values as a projection draws them."""
    return {path: within_domain(path, quantity.at(deviates)) for path, quantity in quantities.items()}


def _ends(case: Case, result: _Result, streams: Mapping[str, Mapping[str, Quantity]]) -> dict[str, tuple[float, float]]:
    """Logarithms of the result with each input at both ends of its range."""
    if not streams:
        return {}
    deviates = np.array([-DEVIATE_95, DEVIATE_95])
    ends = [_values(quantities, deviates) for quantities in streams.values()]
    changes = [{path: float(each[end]) for path, each in values.items()} for values in ends for end in (0, 1)]
    found = one_at_a_time(result.at, _nominal(case), changes).tolist()
    return dict(zip(streams, zip(found[::2], found[1::2], strict=True), strict=True))


def _nominal(case: Case) -> dict[str, float]:
    """The value of each input that can be changed."""
    kfac = case.loaded[0].kfac
    values = {path: quantity.value for path, quantity in case.found.items()}
    return values | {path: float(getattr(kfac, path.rpartition(".")[2])) for path in INTERVALS}


def _sobol(
    result: _Result, streams: Mapping[str, Mapping[str, Quantity]], samples: int, seed: int
) -> tuple[dict[str, tuple[float, float, float, float]], float]:
    """First-order and total indices of ln y with half widths of their 95 % intervals, and its variance."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas inside
        from SALib.analyze import sobol as analysis  # type: ignore[import-untyped]
        from SALib.sample import sobol  # type: ignore[import-untyped]
    from scipy.special import ndtri

    names = [*streams, REST]
    problem = {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}
    places = np.clip(sobol.sample(problem, samples, calc_second_order=False, seed=seed), 1e-9, 1 - 1e-9)
    columns: dict[str, Draws] = {}
    for place, quantities in zip(places.T[:-1], streams.values(), strict=True):
        columns |= _values(quantities, ndtri(place))
    # One draw of everything else is one value of one input, which Sobol's indices ask nothing more of.
    logs = result.at(columns, (places[:, -1] * _REST_DRAWS).astype(np.intp))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = analysis.analyze(problem, logs, calc_second_order=False, seed=seed)
    keys = ("S1", "S1_conf", "ST", "ST_conf")
    indices = {name: tuple(float(found[key][index]) for key in keys) for index, name in enumerate(names)}
    return indices, float(np.var(logs))  # type: ignore[return-value]
