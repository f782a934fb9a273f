"""What ``curvature show`` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from costmodel.inputs.curvature_file import LayerCurvature, Side
from costmodel.questions.curvature import MeasuredCurvature, by_role, geometric_mean
from costmodel.views.numbers import significant
from costmodel.views.table import Table

_NUMBERS = ("theta", "sr A", "sr G", "kappa A", "kappa G")


@dataclass(frozen=True, slots=True)
class CurvatureReport:
    """A curvature file by role, by layer and over training."""

    measured: MeasuredCurvature

    def as_dict(self) -> dict[str, Any]:
        """What ``curvature show --format json`` prints."""
        return {"damping": self.measured.damping, "layers": self.records()}

    def records(self) -> list[dict[str, Any]]:
        """One row a layer and step."""
        return [
            {
                "network": layer.A.network,
                "kind": layer.A.kind,
                "width": layer.A.width,
                "step": layer.A.step,
                "loss": layer.A.loss,
                "layer": layer.A.layer,
                "role": layer.A.role.value,
                "n_A": layer.A.n,
                "n_G": layer.G.n,
                "theta": layer.theta,
                "stable_rank_A": layer.A.stable_rank,
                "stable_rank_G": layer.G.stable_rank,
                "condition_number_A": self.measured.condition_number(layer, Side.A),
                "condition_number_G": self.measured.condition_number(layer, Side.G),
            }
            for layer in self.measured.layers
        ]

    def tables(self) -> list[Table]:
        """By role and by layer at the last step of each network, and over training where there are several steps."""
        tables = [self._by_role(), self._by_layer()]
        if any(len(self.measured.at(network)) > 1 for network in self.measured.networks):
            tables.append(self._over_training())
        return tables

    def _by_role(self) -> Table:
        rows = [
            (network, str(group[0].A.step), role.value, str(len(group)), *self._means(group))
            for network in self.measured.networks
            for role, group in by_role(self.measured.last(network)).items()
        ]
        columns = ("network", "step", "role", "layers", *_NUMBERS)
        title = f"{self.measured.origin}: by role, last step; geometric means over layers"
        return Table(title, columns, tuple(rows), (1, *range(3, len(columns))), self._note())

    def _by_layer(self) -> Table:
        rows = [
            (network, layer.A.layer, layer.A.role.value, str(layer.A.n), str(layer.G.n), *self._means([layer]))
            for network in self.measured.networks
            for layer in self.measured.last(network)
        ]
        columns = ("network", "layer", "role", "n A", "n G", *_NUMBERS)
        return Table("by layer, last step", columns, tuple(rows), tuple(range(3, len(columns))))

    def _over_training(self) -> Table:
        columns = ("network", "role", "step", "loss", *_NUMBERS)
        title = "over training, by role; geometric means over layers"
        return Table(title, columns, tuple(self._stages()), tuple(range(2, len(columns))))

    def _stages(self) -> Iterator[tuple[str, ...]]:
        for network in self.measured.networks:
            steps = self.measured.at(network)
            for role in by_role(self.measured.layers):
                for step, layers in steps.items():
                    group = by_role(layers).get(role)
                    if group:
                        loss = group[0].A.loss
                        shown = significant(loss) if loss is not None else ""
                        yield network, role.value, str(step), shown, *self._means(group)

    def _means(self, layers: Sequence[LayerCurvature]) -> tuple[str, ...]:
        values = (
            geometric_mean(layers, lambda layer: layer.theta),
            geometric_mean(layers, lambda layer: layer.A.stable_rank),
            geometric_mean(layers, lambda layer: layer.G.stable_rank),
            geometric_mean(layers, lambda layer: self.measured.condition_number(layer, Side.A)),
            geometric_mean(layers, lambda layer: self.measured.condition_number(layer, Side.G)),
        )
        return tuple(f"{values[0]:.1e}" if index == 0 else significant(value) for index, value in enumerate(values))

    def _note(self) -> str:
        halves = self.measured.halves
        left = f" {halves} factors without their partner are left out." if halves else ""
        return (
            "theta = (tr A / a)(tr G / g); sr, stable rank: trace over largest eigenvalue; kappa = 1 + (n / sr) "
            f"sqrt(theta / lambda) at lambda = {self.measured.damping:g}.{left}"
        )
