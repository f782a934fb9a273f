"""How well a law says what measured layers have: by target, by role, and for networks it was not fitted to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from costmodel.curvature.law import FLOOR, CurvatureLaw, Target
from costmodel.formulas.kfac.damping import condition_number
from costmodel.inputs.curvature_file import Side
from costmodel.quantities.estimate import DEVIATE_95, Draws
from validation.curvature.law.fitting import fit_law
from validation.curvature.law.table import Table

#: What a condition number rests on.
CONDITION = (Target.MEAN_CURVATURE, Target.INPUT_STABLE_RANK, Target.OUTPUT_STABLE_RANK)


@dataclass(frozen=True, slots=True)
class Errors:
    """Predictions against measurements, one entry a factor or a layer.

    Attributes:
        ratio: The larger of predicted over measured and measured over predicted.
        inside: Whether the 90 % interval holds the measured value.
        roles: Role of the layer of each.
        networks: Network of each.
    """

    ratio: Draws
    inside: Draws
    roles: tuple[str, ...]
    networks: tuple[str, ...]

    def summary(self, keep: Draws | None = None) -> dict[str, float]:
        """Entries of the JSON contract, for all or for some."""
        ratio = self.ratio if keep is None else self.ratio[keep]
        inside = self.inside if keep is None else self.inside[keep]
        return {
            "factors": len(ratio),
            "median_ratio": float(np.median(ratio)),
            "p90_ratio": float(np.quantile(ratio, 0.9)),
            "inside_90": float(np.mean(inside)),
        }

    def by(self, of: Sequence[str]) -> dict[str, dict[str, float]]:
        """The summary of every group, given the group of each entry."""
        groups = np.array(of)
        return {str(name): self.summary(groups == name) for name in dict.fromkeys(of)}

    def joined(self, others: Sequence[Errors]) -> Errors:
        """These and others, one after the other."""
        every = (self, *others)
        return Errors(
            np.concatenate([each.ratio for each in every]),
            np.concatenate([each.inside for each in every]),
            tuple(role for each in every for role in each.roles),
            tuple(network for each in every for network in each.networks),
        )


def score(law: CurvatureLaw, data: Table, damping: float) -> dict[str, Errors]:
    """Errors of condition numbers at a damping, and of each target that the law has, by name."""
    return {"condition_number": _condition_numbers(law, data, damping)} | {
        target.value: _target(law, data, target) for target in law.targets
    }


def leave_one_out(
    data: Table,
    damping: float,
    targets: Sequence[Target] = CONDITION,
    progress: Callable[[str], None] = lambda _: None,
    *,
    kinds: bool = False,
) -> dict[str, Errors]:
    """Errors on every network of laws that know nothing of it, nor of others of its kind where ``kinds`` says so.

    Whatever is fitted, standard deviations of effects included, is fitted to the others.
    """
    groups = [str(place.network) for place in data.places] if kinds else list(data.networks)
    found: list[dict[str, Errors]] = []
    for group in dict.fromkeys(groups):
        progress(group)
        own = [each == group for each in groups]
        law = fit_law(data.of([not each for each in own]), "", targets)
        found.append(score(law, data.of(own), damping))
    return {name: found[0][name].joined([each[name] for each in found[1:]]) for name in found[0]}


def _condition_numbers(law: CurvatureLaw, data: Table, damping: float) -> Errors:
    both = [
        _sides(law, data, damping, Side.A, Target.INPUT_STABLE_RANK),
        _sides(law, data, damping, Side.G, Target.OUTPUT_STABLE_RANK),
    ]
    return both[0].joined(both[1:])


def _sides(law: CurvatureLaw, data: Table, damping: float, side: Side, rank: Target) -> Errors:
    """Condition numbers of all factors A, or of all factors G; kappa - 1 is lognormal."""
    factors = [layer.A if side is Side.A else layer.G for layer in data.layers]
    size = np.array([factor.n for factor in factors], dtype=float)
    theta = np.exp(law.targets[Target.MEAN_CURVATURE].logarithm(data.places))
    stable_rank = np.clip(np.exp(law.targets[rank].logarithm(data.places)), FLOOR[rank], size)
    predicted = condition_number().evaluate(n=size, stable_rank=stable_rank, mean_curvature=theta, damping=damping)
    measured = np.array([layer.condition_number(side, damping) for layer in data.layers])
    spread = np.sqrt(_spread(law, data, rank) ** 2 + _spread(law, data, Target.MEAN_CURVATURE) ** 2 / 4)
    with np.errstate(divide="ignore"):
        off = np.abs(np.log(measured - 1) - np.log(predicted - 1))
    return _errors(data, np.abs(np.log(measured / predicted)), (off <= DEVIATE_95 * spread).astype(float))


def _target(law: CurvatureLaw, data: Table, target: Target) -> Errors:
    known = data.of(np.isfinite(data.logarithms[target]).tolist())
    off = np.abs(known.logarithms[target] - law.targets[target].logarithm(known.places))
    return _errors(known, off, (off <= DEVIATE_95 * _spread(law, known, target)).astype(float))


def _spread(law: CurvatureLaw, data: Table, target: Target) -> Draws:
    own = law.targets[target]
    return np.array([own.spread_in(place.network).total(place.stage) for place in data.places])


def _errors(data: Table, logarithms: Draws, inside: Draws) -> Errors:
    return Errors(np.exp(logarithms), inside, tuple(place.role.value for place in data.places), data.networks)


def report(errors: Mapping[str, Errors]) -> dict[str, dict[str, object]]:
    """The JSON contract: by what is predicted, over all factors, by role and by network."""
    return {
        name: {**each.summary(), "by_role": each.by(each.roles), "by_network": each.by(each.networks)}
        for name, each in errors.items()
    }
