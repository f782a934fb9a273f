"""Results as pandas tables, for notebooks and for CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from costmodel.projection.project import Projection
from costmodel.quantities.estimate import Estimate

if TYPE_CHECKING:
    import pandas as pd


def phase_records(projection: Projection) -> list[dict[str, object]]:
    """One record for each method and phase, the step as a whole under ``"step"``; seconds."""
    records = []
    for name, method in projection.methods.items():
        for phase, estimate in {"step": method.step_time, **method.phases}.items():
            records.append({"method": name, "phase": phase} | _columns(estimate))
    return records


def methods_frame(projection: Projection) -> pd.DataFrame:
    """Methods by row: step time in seconds, speedups and what bounds each."""
    import pandas as pd

    rows = {
        name: _columns(method.step_time)
        | {f"speedup over {over}": ratio.median for over, ratio in projection.speedup[name].items()}
        | {"bound by": method.bound, "energy_j": None if method.energy is None else method.energy.median}
        | {"accurate": projection.feasibility[name].reach.value if name in projection.feasibility else ""}
        for name, method in projection.methods.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _columns(estimate: Estimate) -> dict[str, object]:
    return {
        "median_s": estimate.median,
        "p05_s": estimate.p05,
        "p95_s": estimate.p95,
        "status": estimate.status.value,
    }
