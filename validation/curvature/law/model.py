"""The mixed model behind the law: effects that are drawn from normal distributions, estimated together.

log target = effects of stage, width, role and kind of network + deviations of the network, of the network at a
step, of a role in the network, of a layer, and of a layer at a step. All are normal, so that a prediction is that of a
Gaussian process with the sum of their covariances; standard deviations of effects and deviations maximise the marginal
likelihood, with a weak prior about where they start (Rasmussen and Williams, Gaussian Processes, chapter 2 and 5.4.1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from costmodel.curvature.law import EARLY, ENTRANCE, STAGES, WIDTH, Place
from costmodel.curvature.roles import LayerRole, NetworkKind
from costmodel.quantities.estimate import Draws
from validation.curvature.law.table import Table

#: Effects whose standard deviation is not estimated: every network has them, and so enough data.
_FREE: Final = {"stage": 5.0, "width": 2.0}
#: Where the standard deviations of the others start, for a target that spans decades.
_START: Final = {
    "role": 1.5, "role width": 0.3, "role entrance": 0.5, "role depth": 0.3, "role stage": 1.0, "kind": 1.5,
    "kind stage": 1.0, "network": 0.4, "network step": 0.5, "network role": 0.5, "layer": 0.7, "late": 0.7,
    "early": 1.0,
}  # fmt: skip
#: How far, in logarithms, the data may move them before the prior objects.
_PRIOR: Final = 1.4
#: Steps of the optimisation; what is gained after them is below what the data can tell.
_STEPS: Final = 60


@dataclass(frozen=True, slots=True)
class Effect:
    """A column of the design: its kind, and the role or kind of network and the stage it belongs to."""

    kind: str
    of: str = ""
    stage: int = -1


def effects() -> list[Effect]:
    """Every effect, in the order of the columns."""
    stages = range(len(STAGES))
    found = [*(Effect("stage", stage=index) for index in stages), Effect("width")]
    for role in LayerRole:
        found += [Effect(kind, role) for kind in ("role", "role width", "role entrance", "role depth")]
        found += [Effect("role stage", role, index) for index in stages]
    for kind in NetworkKind:
        if kind is not NetworkKind.OTHER:  # which stands for kinds that are all different
            found += [Effect("kind", kind), *(Effect("kind stage", kind, index) for index in stages)]
    return found


def design(places: Sequence[Place]) -> Draws:
    """The columns of all effects, shape (places, effects)."""
    hats = np.array([[np.interp(place.stage, STAGES, unit) for unit in np.eye(len(STAGES))] for place in places])
    columns = {
        "stage": np.ones(len(places)),
        "width": np.log([place.width / WIDTH for place in places]),
        "role entrance": np.array([max(0.0, 1.0 - place.depth / ENTRANCE) for place in places]),
        "role depth": np.array([place.depth - 0.5 for place in places]),
    }
    columns |= {"role": columns["stage"], "role width": columns["width"], "role stage": columns["stage"]}
    columns |= {"kind": columns["stage"], "kind stage": columns["stage"]}
    own: dict[str, Draws] = {
        name: np.array([place.role == name for place in places], dtype=float) for name in LayerRole
    }
    own |= {name: np.array([place.network == name for place in places], dtype=float) for name in NetworkKind}
    return np.stack(
        [
            columns[each.kind] * (own[each.of] if each.of else 1.0) * (hats[:, each.stage] if each.stage >= 0 else 1.0)
            for each in effects()
        ],
        axis=1,
    )


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted model of one target.

    Attributes:
        coefficients: Estimated effects, in the order of :func:`effects`, the mean in those of the stages.
        inverse: Of the covariance of the data, for leaving parts of it out.
    """

    coefficients: Draws
    inverse: Draws

    def left_out(self, rows: Sequence[int]) -> Draws:
        """Covariance of a prediction for some of the data from all the rest, shape (rows, rows)."""
        return np.asarray(np.linalg.inv(self.inverse[np.ix_(rows, rows)]))


def fit(data: Table, values: Draws) -> Fit:
    """Fit the model to values of the layers of a table, none of them NaN.

    Args:
        data: Says where the layers stand.
        values: Logarithms of a target, shape (layers,).
    """
    columns, groups = design(data.places), _groups(data)
    early = np.array([place.stage < EARLY for place in data.places])
    scale = float(np.std(values)) / 4.0  # the starting values belong to a mean curvature, which varies by 4
    first = {name: max(value * scale, 0.02) for name, value in _START.items()}
    names, center = list(first), float(np.mean(values))
    origin = np.log([first[name] for name in names])

    of_kind = {kind: [index for index, each in enumerate(effects()) if each.kind == kind] for kind in names}

    def covariance(found: Mapping[str, float]) -> Draws:
        total = (columns * _prior(found) ** 2) @ columns.T
        for name, same in groups.items():
            total += same * found[name] ** 2
        return np.asarray(total + np.diag(np.where(early, found["early"], found["late"]) ** 2))

    def unlikely(logs: Draws) -> tuple[float, Draws]:
        """Minus the logarithm of likelihood and prior, and its gradient."""
        found = dict(zip(names, np.exp(logs).tolist(), strict=True))
        factor = cho_factor(covariance(found), lower=True)
        inverse = cho_solve(factor, np.eye(len(values)))
        weights = inverse @ (values - center)
        gradient = [2 * found[name] ** 2 * slope(name, inverse, weights) for name in names]
        value = float((values - center) @ weights) / 2 + float(np.log(np.diag(factor[0])).sum())
        away = (logs - origin) / _PRIOR
        return value + float(away @ away) / 2, np.array(gradient) / 2 + away / _PRIOR

    def slope(name: str, inverse: Draws, weights: Draws) -> float:
        """tr(K^-1 D) - w^T D w, D the covariance of a kind of unit variance."""
        if name in groups:
            return float((inverse * groups[name]).sum() - weights @ groups[name] @ weights)
        if name in {"early", "late"}:
            own = early if name == "early" else ~early
            return float(np.diag(inverse)[own].sum() - (weights[own] ** 2).sum())
        part = columns[:, of_kind[name]]
        return float(((inverse @ part) * part).sum() - ((part.T @ weights) ** 2).sum())

    best = minimize(unlikely, origin, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x
    found = dict(zip(names, np.exp(best).tolist(), strict=True))
    factor = cho_factor(covariance(found))
    coefficients = _prior(found) ** 2 * (columns.T @ cho_solve(factor, values - center))
    coefficients += np.array([center if each.kind == "stage" else 0.0 for each in effects()])
    return Fit(coefficients, cho_solve(factor, np.eye(len(values))))


def _prior(found: Mapping[str, float]) -> Draws:
    """Standard deviation of each effect."""
    return np.array([_FREE.get(each.kind) or found[each.kind] for each in effects()])


def _groups(data: Table) -> dict[str, Draws]:
    """For each kind of deviation, which pairs of rows share one, shape (layers, layers)."""
    keys: dict[str, list[tuple[object, ...]]] = {"network": [], "network step": [], "network role": [], "layer": []}
    for layer in data.layers:
        record = layer.A
        keys["network"].append((record.network,))
        keys["network step"].append((record.network, record.step))
        keys["network role"].append((record.network, record.role))
        keys["layer"].append((record.network, record.layer))
    same = {}
    for name, found in keys.items():
        codes = {key: code for code, key in enumerate(dict.fromkeys(found))}
        column = np.array([codes[key] for key in found])
        same[name] = (column[:, None] == column[None, :]).astype(float)
    return same
