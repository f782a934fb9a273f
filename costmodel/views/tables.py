"""What each command shows, as tables."""

from __future__ import annotations

from costmodel.projection.counts import Counts
from costmodel.projection.project import Projection
from costmodel.views.numbers import interval, quantity, ratio, scaled, significant
from costmodel.views.table import Table


def project_tables(projection: Projection) -> list[Table]:
    """Methods, their phases, and the numbers it all rests on."""
    return [_methods(projection), _phases(projection), assumptions_table(projection)]


def _methods(projection: Projection) -> Table:
    rows = []
    for name, method in projection.methods.items():
        speedup = projection.speedup[name]
        rows.append(
            (
                name,
                scaled(method.step_time.median, "s"),
                interval(method.step_time),
                method.step_time.status.value,
                projection.feasibility[name].reach.value if name in projection.feasibility else "",
                ratio(speedup["kfac.best"]),
                ratio(speedup["adam"]),
                ratio(speedup["adam_to_target"]) if "adam_to_target" in speedup else "unknown",
                method.bound,
            )
        )
    title = (
        f"{projection.workload.title or projection.workload.name}, batch {projection.workload.batch_size}; "
        f"{projection.digital.name} and {projection.analog.name}, {projection.scenario} scenario"
    )
    best = f"over {projection.best_digital}"
    columns = (
        "method",
        "step",
        "90 %",
        "status",
        "accurate",
        best,
        "over adam, a step",
        "over adam, to target",
        "bound by",
    )
    return Table(title, columns, tuple(rows), right=(1, 2, 5, 6, 7))


def _phases(projection: Projection) -> Table:
    rows = []
    for name, method in projection.methods.items():
        shown = {phase: estimate for phase, estimate in method.phases.items() if estimate.p95 > 0}
        for index, (phase, estimate) in enumerate(shown.items()):
            share = estimate.median / method.step_time.median
            time, range_ = scaled(estimate.median, "s"), interval(estimate)
            energy = method.phase_energy.get(phase)
            joules = "" if energy is None else scaled(energy.median, "J")
            status = estimate.status.value
            rows.append((name if index == 0 else "", phase, time, range_, f"{share:.1%}", status, joules))
    kfac = projection.workload.kfac
    title = f"a step by phase; factors every {kfac.factor_interval} steps, refresh every {kfac.refresh_interval}"
    return Table(
        title, ("method", "phase", "time", "90 %", "share", "status", "energy"), tuple(rows), right=(2, 3, 4, 6)
    )


def assumptions_table(projection: Projection) -> Table:
    """Every number drawn or cited, by the path that ``--set`` takes."""
    rows = tuple(
        (path, quantity(value), value.status.value, _short(value.source))
        for path, value in projection.assumptions.items()
    )
    return Table("what it rests on (change any with --set PATH=VALUE)", ("path", "value", "status", "source"), rows)


def _short(text: str, width: int = 72) -> str:
    return text if len(text) <= width else f"{text[: width - 1].rstrip()}…"


def counts_tables(counts: Counts) -> list[Table]:
    """Totals of each phase, and the layers."""
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
    rows = tuple((name, scaled(flops, "FLOP"), f"{flops / counts.forward_backward:.3g}") for name, flops in totals)
    return [
        Table(title, ("phase", "FLOPs", "over forward and backward"), rows, right=(1, 2)),
        _layers(counts),
    ]


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
