"""Projections behind the time to target: workloads, machines, refresh intervals, device counts, precisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Final

import pandas as pd

from costmodel import AnalogCard, DigitalCard, load_card, load_workload, project
from costmodel.methods.phases import INVERSION, PRECONDITION
from costmodel.projection.project import Projection
from costmodel.quantities.estimate import Estimate
from paper_figures.figure import SEED, Effort, Frame

#: The AlgoPerf workloads by the name that a figure has room for; the paper shows the first two.
SHORT: Final = {
    "imagenet_vit": "ViT", "ogbg": "GNN", "imagenet_resnet": "ResNet", "wmt": "WMT", "librispeech_conformer": "Conformer",
    "librispeech_deepspeech": "DeepSpeech", "fastmri": "fastMRI", "criteo1tb": "DLRM",
}  # fmt: skip
WORKLOADS: Final = tuple(SHORT)
PAPERS: Final = WORKLOADS[:2]
#: Where inversion weighs most when many devices share a batch.
WIDE: Final = ("librispeech_conformer", "librispeech_deepspeech")
DIGITAL: Final = "h100-sxm"
MACHINES: Final = ("tngd-2024", "sram-2026", "scaled")
#: The machine that is fastest, on which devices and precisions are varied.
FASTEST: Final = "scaled"
#: Methods of the paper, and all arms in which a machine solves.
METHODS: Final = ("thermo.inverse", "thermo.solve")
ANALOG: Final = (*METHODS, "columns")
COLUMNS: Final = (
    "thermo.columns", "thermo.columns.deflated", "thermo.columns.refined", "thermo.columns.refined.deflated",
)  # fmt: skip
REFRESHES: Final = (1, 10, 100, 1000)
USUAL: Final = 100
#: Factors are built every tenth step, or as often as inverses are renewed where that is rarer still.
FACTORS: Final = 10
DEVICES: Final = (1, 8, 64)
PRECISIONS: Final = ("float32", "bfloat16")


@dataclass(frozen=True, slots=True)
class Case:
    """One projection.

    Attributes:
        workload: Name in the catalog.
        machine: The analog card.
        refresh: Steps between two inversions.
        factors: Steps between two updates of the factors.
        devices: That share the batch, each with a machine.
        precision: Of the network's passes; products of factors take tf32 beside bfloat16.
    """

    workload: str
    machine: str
    refresh: int = USUAL
    factors: int = FACTORS
    devices: int = 1
    precision: str = "float32"

    @property
    def settings(self) -> dict[str, Any]:
        """Changes of the model file, by the paths of ``--set``."""
        return {
            "kfac.refresh_interval": self.refresh,
            "kfac.factor_interval": self.factors,
            "model.precision": self.precision,
            "kfac.precision": "tf32" if self.precision == "bfloat16" else "float32",
            "model.devices": self.devices,
        }

    def command(self, verb: str = "project", draws: int = 0) -> str:
        """What prints this projection, or explains its numbers."""
        name = f"project {self.workload}" if verb == "project" else f"{verb} --model {self.workload}"
        usual = Case(self.workload, self.machine).settings
        # An interval is stated even where it is usual, as model files have their own.
        stated = {
            path: value for path, value in self.settings.items() if path.endswith("interval") or value != usual[path]
        }
        sets = "".join(f" --set {path}={value}" for path, value in stated.items())
        drawn = f" --draws {draws} --seed {SEED}" if draws else ""
        return f"python -m costmodel {name} --analog {self.machine}{sets}{drawn}"

    def words(self) -> str:
        """The case in words, its workload and machine apart."""
        devices = "one device" if self.devices == 1 else f"{self.devices} devices"
        return f"refresh every {self.refresh}, factors every {self.factors}, {self.precision}, {devices}"


def case_of(row: Frame) -> Case:
    """The case that a row belongs to."""
    numbers = {name: int(row[name]) for name in ("refresh", "factors", "devices")}
    return Case(str(row["workload"]), str(row["machine"]), precision=str(row["precision"]), **numbers)


def cases(effort: Effort) -> Iterator[Case]:
    """Refresh intervals on every machine; device counts, precisions and refresh intervals together on the fastest."""
    found: dict[Case, None] = {}
    for workload in WORKLOADS:
        papers = workload in PAPERS
        for machine in MACHINES if effort.full or papers else (FASTEST,):
            refreshes = REFRESHES if effort.full else (1, USUAL, 1000) if papers else (USUAL,)
            found |= {Case(workload, machine, each, min(each, FACTORS)): None for each in refreshes}
        found |= dict.fromkeys(_crossed(workload, effort))
    yield from found


def _crossed(workload: str, effort: Effort) -> Iterator[Case]:
    """Cases on the fastest machine; inverses that are renewed in every step from factors that are not leave a solver the most."""
    papers, most = workload in PAPERS, load_workload(workload).batch_size
    if not papers and not effort.full:
        refreshes: Sequence[int] = (1,)
        devices: Sequence[int] = DEVICES[-1:]
    else:
        refreshes, devices = effort.either((1, USUAL), REFRESHES), DEVICES
    for count in devices:
        for precision in PRECISIONS if papers else PRECISIONS[:1]:
            for refresh in refreshes:
                yield Case(workload, FASTEST, refresh, FACTORS, min(count, most), precision)


@cache
def data(effort: Effort) -> Frame:
    """One row a case and arm: seconds to the target, gains, the bound of a free solver."""
    return pd.DataFrame([row for case in cases(effort) for row in _rows(case, effort)])


@cache
def _card(name: str) -> Any:
    return load_card(name)


def projected(case: Case, draws: int) -> Projection:
    """The projection of a case."""
    digital, analog = _card(DIGITAL), _card(case.machine)
    assert isinstance(digital, DigitalCard)
    assert isinstance(analog, AnalogCard)
    workload = load_workload(case.workload, set=case.settings)
    return project(workload, digital, analog, draws=draws, seed=SEED)


def _rows(case: Case, effort: Effort) -> list[dict[str, Any]]:
    result = projected(case, effort.draws)
    columns = min(COLUMNS, key=lambda name: result.methods[name].step_time.median)
    arms = {"adam": "adam", "cholesky": "kfac.cholesky", "digital": result.best_digital}
    arms |= {name: name for name in METHODS} | {"columns": columns}
    return [_row(case, arm, name, result) for arm, name in arms.items()]


def _row(case: Case, arm: str, name: str, result: Projection) -> dict[str, Any]:
    method, gain = result.methods[name], result.speedup[name]
    feasible = result.feasibility.get(name)
    target = method.time_to_target
    return {
        **asdict(case),
        "arm": arm,
        "method": name,
        **_columns("step_s", method.step_time),
        **(_columns("target_s", target) if target else {}),
        **_columns("over_digital", gain["kfac.best"]),
        **(_columns("over_adam_to_target", gain["adam_to_target"]) if "adam_to_target" in gain else {}),
        **_columns("free_solver", result.free_solver),
        "over_cholesky": result.methods["kfac.cholesky"].step_time.median / method.step_time.median,
        "free_over_cholesky": _free_over_cholesky(result),
        "solver_room_s": _room(result),
        "accurate": "" if feasible is None else feasible.reach.value,
        "status": method.step_time.status.value,
    }


def _room(result: Projection) -> float:
    """Seconds a step that a solver may take for a twofold gain over digital K-FAC; negative where none suffices."""
    step = result.methods[result.best_digital].step_time.median
    return step / 2 - step / result.free_solver.median


def _free_over_cholesky(result: Projection) -> float:
    """What a solver that takes no time gains over Cholesky, of median times."""
    method = result.methods["kfac.cholesky"]
    solver = sum(method.phases[part.name].median for part in (INVERSION, PRECONDITION))
    return method.step_time.median / (method.step_time.median - solver)


def _columns(name: str, estimate: Estimate) -> dict[str, float]:
    return {f"{name}_median": estimate.median, f"{name}_p05": estimate.p05, f"{name}_p95": estimate.p95}


def plain(frame: Frame) -> Frame:
    """Rows of one device in single precision, factors updated as often as is usual."""
    same = (frame["devices"] == 1) & (frame["precision"] == PRECISIONS[0])
    return frame[same & (frame["factors"] == frame["refresh"].clip(upper=FACTORS))]


def usual(frame: Frame, machine: str) -> Frame:
    """Rows of a machine at the usual interval on one device in single precision."""
    rows = plain(frame)
    return rows[(rows["refresh"] == USUAL) & (rows["machine"] == machine)]


def rows_of(frame: Frame, workload: str, machine: str, refresh: int = USUAL) -> Frame:
    """Rows of one plain case by arm."""
    rows = plain(frame)
    chosen = (rows["workload"] == workload) & (rows["machine"] == machine) & (rows["refresh"] == refresh)
    return rows[chosen].set_index("arm", drop=False)


def most(frame: Frame, workload: str, column: str, *arms: str, **where: Any) -> Frame:
    """The row on the fastest machine, among some arms, in which a column is largest.

    Args:
        frame: The data.
        workload: Its name.
        column: Which.
        *arms: Which.
        **where: Values that other columns have to have.
    """
    rows = frame[(frame["workload"] == workload) & (frame["machine"] == FASTEST) & frame["arm"].isin(arms)]
    for name, value in where.items():
        rows = rows[rows[name] == value]
    return rows.loc[rows[column].idxmax()]


def span(row: Frame, name: str) -> str:
    """A gain with its interval, in words."""
    return f"{row[f'{name}_median']:.3g}x [{row[f'{name}_p05']:.3g}, {row[f'{name}_p95']:.3g}]"
