"""Curvature that a model file states: of single layers, or of all layers of a role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from costmodel.curvature.law import Target
from costmodel.curvature.roles import LayerRole
from costmodel.quantities.estimate import Quantity

Stated = Mapping[Target, Quantity]


@dataclass(frozen=True, slots=True)
class MeasuredCurvature:
    """What a model file says of its layers' curvature; what it leaves out follows from the law.

    Attributes:
        roles: By role; a range is what single layers vary by.
        layers: By name of a layer.
    """

    roles: Mapping[LayerRole, Stated] = field(default_factory=dict)
    layers: Mapping[str, Stated] = field(default_factory=dict)

    def of(self, layer: str, role: LayerRole, target: Target) -> tuple[str, Quantity] | None:
        """The quantity that says most of a layer, with its path below ``kfac.curvature``; None where nothing does."""
        for kind, key, stated in (
            ("layers", layer, self.layers.get(layer, {})),
            ("roles", role.value, self.roles.get(role, {})),
        ):
            if target in stated:
                return f"{kind}.{key}.{target}", stated[target]
        return None

    def quantities(self) -> dict[str, Quantity]:
        """Every number stated, by path below ``kfac.curvature``."""
        by_role = {f"roles.{role}": stated for role, stated in self.roles.items()}
        by_layer = {f"layers.{name}": stated for name, stated in self.layers.items()}
        return {
            f"{where}.{target}": quantity
            for where, stated in (by_role | by_layer).items()
            for target, quantity in stated.items()
        }
