"""From measured networks to the law of every target, and to the file that a projection reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import stdtrit

from costmodel.curvature.law import EARLY, STAGES, CurvatureLaw, RoleEffect, Spread, Target, TargetLaw
from costmodel.curvature.roles import LayerRole, NetworkKind
from costmodel.inputs.card_writer import number
from costmodel.quantities.estimate import DEVIATE_95, Draws
from validation.curvature.law.model import Fit, effects, fit
from validation.curvature.law.table import Table

#: Digits that a law is written with: a thousandth of a logarithm is a thousandth of the value.
_DIGITS = 3
#: What a factor e of pooled positions does, by derivation: networks of one kind that were measured pool equally many.
_SHARING = {Target.MEAN_CURVATURE: -1.0}


def fit_law(data: Table, source: str, targets: Iterable[Target] = tuple(Target)) -> CurvatureLaw:
    """The law of some targets, fitted to all layers of a table.

    Args:
        data: Measured layers.
        source: What the file says of where the law comes from.
        targets: All of them, unless only some are asked for.
    """
    laws = {}
    for target in targets:
        known = data.of(np.isfinite(data.logarithms[target]).tolist())
        sharing = _SHARING.get(target, 0.0)
        values = known.logarithms[target] - sharing * np.log([place.sharing for place in known.places])
        laws[target] = _target_law(known, fit(known, values), sharing)
    widths = [place.width for place in data.places]
    return CurvatureLaw(source, (min(widths), max(widths)), laws)


def _target_law(data: Table, fitted: Fit, sharing: float) -> TargetLaw:
    found = {
        (each.kind, each.of, each.stage): value for each, value in zip(effects(), fitted.coefficients, strict=True)
    }
    stages = range(len(STAGES))
    roles = {place.role for place in data.places}
    kinds = {place.network for place in data.places} - {NetworkKind.OTHER}

    def role_effect(role: LayerRole) -> RoleEffect:
        own = {kind: _rounded(found[kind, role, -1]) for kind in ("role width", "role entrance", "role depth")}
        by_stage = tuple(_rounded(found["role", role, -1] + found["role stage", role, index]) for index in stages)
        return RoleEffect(by_stage, own["role width"], own["role entrance"], own["role depth"])

    return TargetLaw(
        stages=tuple(_rounded(found["stage", "", index]) for index in stages),
        width=_rounded(found["width", "", -1]),
        sharing=sharing,
        roles={role: role_effect(role) for role in LayerRole if role in roles},
        networks={
            kind: tuple(_rounded(found["kind", kind, -1] + found["kind stage", kind, index]) for index in stages)
            for kind in NetworkKind
            if kind in kinds
        },
        spread=_of_few(_spread(data, fitted, _networks_with_siblings(data)), _free(data)),
        spread_elsewhere=_spread(data, fitted, _by(data, lambda index: data.places[index].network)),
    )


def _rounded(value: float) -> float:
    return round(float(value), _DIGITS)


def _networks_with_siblings(data: Table) -> list[list[int]]:
    """Layers of each network of which another network of its kind was measured."""
    siblings: dict[NetworkKind, set[str]] = {}
    for place, network in zip(data.places, data.networks, strict=True):
        siblings.setdefault(place.network, set()).add(network)
    groups = _by(data, lambda index: data.networks[index])
    return [rows for rows in groups if len(siblings[data.places[rows[0]].network]) > 1] or groups


def _by(data: Table, key: Any) -> list[list[int]]:
    groups: dict[object, list[int]] = {}
    for index in range(len(data.places)):
        groups.setdefault(key(index), []).append(index)
    return list(groups.values())


def _spread(data: Table, fitted: Fit, groups: Sequence[Sequence[int]]) -> Spread:
    """Standard deviations of a prediction for networks that are left out, split by what layers have in common.

    What two roles share at two stages is the network's, what they share beyond that at one stage the stage's, what two
    layers of one role share beyond that the role's, and the rest is a layer's own. Each group counts once, however many
    layers it has.
    """
    parts = [_parts(data, rows, fitted.left_out(rows)) for rows in groups]
    network, at_stage, of_role, late, early = np.nanmean(np.array(parts), axis=0)
    stage, role = at_stage - network, of_role - at_stage
    own = [max(each - of_role, 0.0) for each in (late, early)]
    deviations = np.sqrt(np.maximum([network, stage, role, *own], 0.0))
    return Spread(*(max(_rounded(each), 10.0**-_DIGITS) for each in deviations))


def _free(data: Table) -> int:
    """Networks with others of their kind beside them, less the kinds: what the spread among them rests on."""
    kinds: dict[NetworkKind, set[str]] = {}
    for place, network in zip(data.places, data.networks, strict=True):
        kinds.setdefault(place.network, set()).add(network)
    return max(sum(len(networks) - 1 for networks in kinds.values()), 1)


def _of_few(spread: Spread, freedom: int) -> Spread:
    """A spread that was estimated from few networks: its 90 % interval is that of Student's t.

    What the layers of a network have in common is known from as many networks as there are, however many layers they
    have; what is a layer's own, from hundreds of layers.
    """
    tails = float(stdtrit(freedom, 0.95)) / DEVIATE_95
    common = {name: _rounded(getattr(spread, name) * tails) for name in ("network", "stage", "role")}
    return replace(spread, **common)


def _parts(data: Table, rows: Sequence[int], covariance: Draws) -> tuple[float, ...]:
    """Mean covariance of two roles at two stages and at one, and of two layers of a role at one; variances.

    All but the last, a variance early in a run, are of later stages.
    """
    places = [data.places[index] for index in rows]
    late = np.array([place.stage >= EARLY for place in places])
    role = np.array([list(LayerRole).index(place.role) for place in places])
    name = np.array([hash((data.networks[index], data.layers[index].A.layer)) for index in rows])
    stage = np.array([place.stage for place in places])
    both_late = late[:, None] & late[None, :]
    same_stage, same_role, same_layer = (each[:, None] == each[None, :] for each in (stage, role, name))

    def mean(mask: Any) -> float:
        return float(covariance[mask].mean()) if mask.any() else np.nan

    network = mean(both_late & ~same_stage & ~same_role)
    at_stage = mean(both_late & same_stage & ~same_role)
    of_role = mean(both_late & same_stage & same_role & ~same_layer)
    diagonal = np.diag(covariance)
    variances = (float(diagonal[each].mean()) if each.any() else np.nan for each in (late, ~late))
    return network, at_stage, of_role if np.isfinite(of_role) else at_stage, *variances


def as_document(law: CurvatureLaw) -> dict[str, Any]:
    """The law as the file holds it."""
    return {
        "schema": 1,
        "kind": "curvature",
        "source": law.source,
        "widths": [number(each) for each in law.widths],
        **{target.value: _entry(law.targets[target]) for target in law.targets},
    }


def _entry(law: TargetLaw) -> dict[str, Any]:
    return {
        "stages": list(law.stages),
        "width": law.width,
        "sharing": law.sharing,
        "spread": _spread_entry(law.spread),
        "spread_elsewhere": _spread_entry(law.spread_elsewhere),
        "networks": {kind.value: list(stages) for kind, stages in law.networks.items()},
        "roles": {
            role.value: {
                "stages": list(each.stages), "width": each.width, "entrance": each.entrance, "depth": each.depth,
            }
            for role, each in law.roles.items()
        },
    }  # fmt: skip


def _spread_entry(spread: Spread) -> dict[str, float]:
    return {name: getattr(spread, name) for name in ("network", "stage", "role", "layer", "early")}
