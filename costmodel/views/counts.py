"""What ``counts`` shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from costmodel.defaults import SCHEMA
from costmodel.projection.counts import Counts
from costmodel.views.contract import layer_dict, workload_dict
from costmodel.views.numbers import scaled, significant
from costmodel.views.table import Table


@dataclass(frozen=True, slots=True)
class CountsReport:
    """Exact counts: totals of each phase, and the layers."""

    counts: Counts

    def as_dict(self) -> dict[str, Any]:
        """What ``counts --format json`` prints."""
        counts = self.counts
        return {
            "schema": SCHEMA,
            "model": workload_dict(counts.workload),
            "phases": {
                "forward_backward": {
                    "flops": counts.forward_backward,
                    "other_flops": counts.other_forward_backward,
                },
                "factors": {"expand_flops": counts.factors_expand, "reduce_flops": counts.factors_reduce},
                "inversion": {"cholesky_flops": counts.inversion_cholesky, "eigh_flops": counts.inversion_eigh},
                "precondition": {"flops": counts.precondition},
            },
            "layers": layer_records(counts),
            "not_factored": [
                {
                    "name": other.name,
                    "kind": other.kind,
                    "parameters": other.parameters,
                    "forward_flops_per_example": other.forward_flops_per_example,
                }
                for other in counts.workload.others
            ],
        }

    def tables(self) -> list[Table]:
        """Totals, and the factored layers."""
        return [_totals(self.counts), _layers(self.counts)]

    def records(self) -> list[dict[str, Any]]:
        """One record a factored layer."""
        return layer_records(self.counts)


def layer_records(counts: Counts) -> list[dict[str, Any]]:
    """Shape and FLOPs of each factored layer, in the order of the file."""
    return [
        layer_dict(layer, layer.rows(counts.workload.batch_size))
        | {f"{name}_flops": flops for name, flops in counts.by_layer[layer.name].items()}
        for layer in counts.workload.layers
    ]


def _totals(counts: Counts) -> Table:
    totals = (
        ("forward and backward", counts.forward_backward),
        ("  not factored (attention, tied projection)", counts.other_forward_backward),
        ("factors, expand", counts.factors_expand),
        ("factors, reduce", counts.factors_reduce),
        ("inversion, Cholesky", counts.inversion_cholesky),
        ("inversion, eigh", counts.inversion_eigh),
        ("precondition", counts.precondition),
    )
    workload = counts.workload
    title = f"{workload.title or workload.name}, batch {workload.batch_size}: one step, every phase once"
    rows = tuple((name, scaled(flops, "FLOP"), significant(flops / counts.forward_backward)) for name, flops in totals)
    return Table(title, ("phase", "FLOPs", "over forward and backward"), rows, right=(1, 2))


def _layers(counts: Counts) -> Table:
    rows = []
    for layer in counts.workload.layers:
        flops = counts.by_layer[layer.name]
        rows.append(
            (
                layer.name,
                layer.kind,
                str(layer.input_factor_dimension),
                str(layer.output_dimension),
                str(layer.pairs),
                significant(layer.rows(counts.workload.batch_size), 9),
                scaled(flops["forward_backward"], "FLOP"),
                scaled(flops["factors_expand"], "FLOP"),
                scaled(flops["inversion_cholesky"], "FLOP"),
            )
        )
    columns = ("layer", "kind", "a", "g", "pairs", "rows", "forward+backward", "factors, expand", "Cholesky")
    return Table("factored layers", columns, tuple(rows), right=tuple(range(2, 9)))
