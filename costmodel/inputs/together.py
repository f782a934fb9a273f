"""What a model asks of a card: faults that neither file has by itself."""

from __future__ import annotations

from costmodel.inputs.faults import Fault
from costmodel.machines.cards import DigitalCard
from costmodel.machines.precision import Precision
from costmodel.workloads.workload import Workload


def faults_together(workload: Workload, digital: DigitalCard) -> list[Fault]:
    """Precisions that a model runs in and a card has no laws for, and devices without a link between them."""
    return [
        *_link(workload, digital),
        *_precision("precision", workload, workload.precision, digital, "linear_pass"),
        *_precision("kfac.precision", workload, workload.kfac.precision, digital, "gemm"),
    ]


def _link(workload: Workload, digital: DigitalCard) -> list[Fault]:
    lacking = [name for name in ("interconnect_bandwidth", "interconnect_latency") if getattr(digital, name) is None]
    if workload.devices == 1 or not lacking:
        return []
    message = f"card {digital.name} has no {' and no '.join(lacking)}, which {workload.devices} devices need"
    return [Fault(workload.name, 0, 0, "devices", message)]


def _precision(path: str, workload: Workload, wanted: Precision, digital: DigitalCard, operation: str) -> list[Fault]:
    known = digital.precisions(operation)
    if wanted in known:
        return []
    listed = ", ".join(each.value for each in known)
    return [Fault(workload.name, 0, 0, path, f"card {digital.name} has no {wanted.value}; it has {listed}")]
