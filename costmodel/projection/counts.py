"""Exact counts of one step at full batch with every phase done once: no rates, no draws."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from costmodel.formulas import Formula, kfac, network
from costmodel.methods import Scope
from costmodel.projection.values import layer_values
from costmodel.workloads.workload import Shape, Workload

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Counts:
    """FLOPs of a network, factored layers only unless it says other.

    Attributes:
        workload: The network.
        forward_backward: Forward and backward products.
        other_forward_backward: The same of what is not factored: attention products, a tied projection.
        factors_expand: Both factors of each layer as full products, every shared position a row.
        factors_reduce: The same with one row an example.
        inversion_cholesky: n^3 for each factor.
        inversion_eigh: 9 n^3 for each factor.
        precondition: 2 a g (a + g) for each layer.
        by_layer: The six layer counts in the order above (other left out), by layer name.
    """

    workload: Workload
    forward_backward: float
    other_forward_backward: float
    factors_expand: float
    factors_reduce: float
    inversion_cholesky: float
    inversion_eigh: float
    precondition: float
    by_layer: Mapping[str, Mapping[str, float]]

    def as_dict(self) -> dict[str, Any]:
        """The JSON contract, schema 1; docs/json.md describes it."""
        from costmodel.views.counts import CountsReport

        return CountsReport(self).as_dict()

    def table(self) -> pd.DataFrame:
        """One row for each factored layer: shape and FLOPs of each phase."""
        from costmodel.views.frames import counts_frame

        return counts_frame(self)

    def __repr__(self) -> str:
        workload = self.workload
        return (
            f"Counts of one step of {workload.name}, batch {workload.batch_size}, {len(workload.layers)} factored "
            f"layers: {self.forward_backward:.3g} FLOP forward and backward\n"
            f"factors {self.factors_expand:.3g} (expand) or {self.factors_reduce:.3g} (reduce), inversion "
            f"{self.inversion_cholesky:.3g} (Cholesky) or {self.inversion_eigh:.3g} (eigh), "
            f"precondition {self.precondition:.3g} FLOP"
        )

    def _repr_html_(self) -> str:
        from html import escape

        return f"<p>{escape(repr(self))}</p>{self.table().to_html()}"


def count(workload: Workload) -> Counts:
    """Count the FLOPs of one step.

    Sums are exact (``math.fsum``), so the order in which a file lists its layers does not show.
    """
    shapes = tuple(shape for shape, _ in workload.shapes())
    by_shape = dict(zip(shapes, _by_shape(shapes, workload.batch_size), strict=True))
    by_layer = {layer.name: by_shape[layer.shape] for layer in workload.layers}
    totals = {name: math.fsum(layer[name] for layer in by_layer.values()) for name in _LAYER_FORMULAS}
    return Counts(
        workload=workload,
        other_forward_backward=network.other_flops().evaluate(F_o=workload.other_forward_flops),
        by_layer=by_layer,
        **totals,
    )


#: Formulas of a layer or of each of its two factors, with what they are evaluated for.
_LAYER_FORMULAS: Mapping[str, tuple[Scope, Formula]] = {
    "forward_backward": (Scope.LAYER, network.forward_backward_flops()),
    "factors_expand": (Scope.LAYER, kfac.factors.expand_flops()),
    "factors_reduce": (Scope.LAYER, kfac.factors.reduce_flops()),
    "inversion_cholesky": (Scope.FACTOR, kfac.cholesky.refresh_flops()),
    "inversion_eigh": (Scope.FACTOR, kfac.eigh.refresh_flops()),
    "precondition": (Scope.LAYER, kfac.cholesky.precondition_flops()),
}


def formulas() -> tuple[Formula, ...]:
    """Everything that is counted."""
    return (*(formula for _, formula in _LAYER_FORMULAS.values()), network.other_flops())


def _by_shape(shapes: tuple[Shape, ...], batch_size: int) -> list[dict[str, float]]:
    values = layer_values(shapes, batch_size)
    counted = {}
    for name, (scope, formula) in _LAYER_FORMULAS.items():
        if scope is Scope.FACTOR:
            each = formula.evaluate(n=values["a"]) + formula.evaluate(n=values["g"])
        else:
            each = formula.evaluate(**{letter: values[letter] for letter in formula.letters})
        counted[name] = (each * values["pairs"])[:, 0]
    return [{name: float(counts[index]) for name, counts in counted.items()} for index in range(len(shapes))]
