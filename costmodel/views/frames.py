"""Results as pandas tables, for notebooks. Numbers are in SI units and have all their digits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from costmodel.projection.counts import Counts
from costmodel.projection.project import MethodProjection, Projection
from costmodel.quantities.estimate import Estimate
from costmodel.views.contract import layer_dict, quantity_dict
from costmodel.views.counts import layer_records
from costmodel.views.project_screen import on_machine

if TYPE_CHECKING:
    import pandas as pd

    from costmodel.questions.compare import Comparison


def methods_frame(projection: Projection) -> pd.DataFrame:
    """Methods by row: step time in seconds, each speedup with its interval, what bounds each."""
    import pandas as pd

    return pd.DataFrame.from_dict(
        {name: _method(projection, name, method) for name, method in projection.methods.items()}, orient="index"
    )


def estimate_columns(estimate: Estimate, unit: str = "") -> dict[str, object]:
    """An estimate in columns of a flat record; a unit is joined to the names of its numbers."""
    numbers = {"median": estimate.median, "p05": estimate.p05, "p95": estimate.p95}
    return {**{f"{name}{unit}": value for name, value in numbers.items()}, "status": estimate.status.value}


def _method(projection: Projection, name: str, method: MethodProjection) -> dict[str, object]:
    row = estimate_columns(method.step_time, "_s")
    for over, ratio in projection.speedup[name].items():
        column = f"speedup over {over}"
        median, *rest = estimate_columns(ratio).items()
        row |= {column: median[1]} | {f"{column} {key}": value for key, value in rest}
    feasibility = projection.feasibility.get(name)
    return row | {
        "bound by": method.bound,
        "energy_j": None if method.energy is None else method.energy.median,
        "accurate": "" if feasibility is None else feasibility.reach.value,
        "on machine": on_machine(projection, name),
    }


def phases_frame(projection: Projection) -> pd.DataFrame:
    """One row for each method and phase: seconds of one step, share of the step's median, joules where known."""
    import pandas as pd

    rows = []
    for name, method in projection.methods.items():
        for phase, estimate in method.phases.items():
            energy = method.phase_energy.get(phase)
            rows.append(
                {"method": name, "phase": phase, **estimate_columns(estimate, "_s")}
                | {"share": estimate.median / method.step_time.median}
                | {"energy_j": None if energy is None else energy.median}
            )
    return pd.DataFrame(rows)


def layers_frame(projection: Projection) -> pd.DataFrame:
    """One row for each factored layer and method: shape, and the median seconds the layer takes of one step."""
    import pandas as pd

    return pd.DataFrame(
        [
            layer_dict(layer.layer, layer.rows) | {"method": method, "median_s": seconds}
            for layer in projection.layers
            for method, seconds in layer.step_time.items()
        ]
    )


def assumptions_frame(projection: Projection) -> pd.DataFrame:
    """One row for each number drawn or cited: path, value, range, unit, status and source."""
    import pandas as pd

    return pd.DataFrame([quantity_dict(path, quantity) for path, quantity in projection.assumptions.items()])


def counts_frame(counts: Counts) -> pd.DataFrame:
    """One row for each factored layer: shape and FLOPs of each phase."""
    import pandas as pd

    return pd.DataFrame(layer_records(counts))


def records_frame(records: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """Records of a question as a table, in their order."""
    import pandas as pd

    return pd.DataFrame(list(records))


def differences_frame(comparison: Comparison) -> pd.DataFrame:
    """One row for each input that differs: its unit, and its value in each projection."""
    import pandas as pd

    rows = []
    for each in comparison.differences:
        values = (value[0] if isinstance(value, tuple) else value for value in each.values)
        rows.append({"unit": each.unit} | dict(zip(comparison.names, values, strict=True)))
    index = pd.Index([each.path for each in comparison.differences], name="path")
    return pd.DataFrame(rows, index=index, columns=["unit", *comparison.names])
