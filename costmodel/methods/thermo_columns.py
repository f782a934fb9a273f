"""Thermodynamic K-FAC with the inverse from settled columns, on overdamped and on underdamped cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from costmodel.formulas import Formula, blocks, columns, columns_energy, first_order, inverse, pipelined, traffic_energy
from costmodel.formulas.accuracy import columns as accuracy
from costmodel.formulas.kfac.factors import FactorConstruction
from costmodel.machines.solver import SolverLaw
from costmodel.methods import phases
from costmodel.methods.registry import register
from costmodel.methods.thermo import AVERAGE, READOUT, SETTLE, TILING, UPLOAD
from costmodel.methods.work import (
    AnalogWork,
    Cadence,
    Delivery,
    DigitalWork,
    Method,
    Part,
    Phase,
    Resource,
    Role,
    Runs,
    Scope,
)

SYMMETRIC: Final = Part("symmetric", "averaging both triangles of the inverse")


@dataclass(frozen=True, slots=True)
class _Cells:
    """How the columns of a factor settle and are averaged on a kind of cells."""

    law: SolverLaw
    settle: tuple[Formula, Formula]  # seconds, joules
    average: tuple[Formula, Formula]

    def settling(self) -> AnalogWork:
        seconds, joules = self.settle
        return _on_arrays(seconds, joules, accuracy.settle(), self.law)

    def averaging(self) -> AnalogWork:
        seconds, joules = self.average
        return _on_arrays(seconds, joules, accuracy.average(), None)


def _on_arrays(seconds: Formula, joules: Formula, tolerance: Formula, law: SolverLaw | None) -> AnalogWork:
    """Runs of every column; copies of a block share them."""
    return AnalogWork(Resource.ARRAYS, seconds, joules, systems=columns.systems(), law=law, tolerance=tolerance)


def _columns(construction: FactorConstruction, name: str, title: str, cells: _Cells, needs: str) -> Method:
    upload = (
        AnalogWork(Resource.LINK, inverse.upload_time(), traffic_energy.upload()),
        AnalogWork(Resource.ARRAYS, inverse.write_time(), traffic_energy.write()),
    )
    readout = (
        AnalogWork(Resource.LINK, inverse.readout_time(), traffic_energy.inverse_readout()),
        AnalogWork(
            Resource.ARRAYS, inverse.convert_time(), traffic_energy.inverse_convert(), systems=columns.systems()
        ),
    )
    # One node at full scale, then the next: one conversion a column, as long as a row of couplings takes to write.
    drive = AnalogWork(Resource.ARRAYS, columns.drive_time(), columns_energy.drive(), systems=columns.systems())
    symmetric = DigitalWork("stream", Scope.FACTOR, calls=blocks.count(), bytes=columns.symmetric_bytes(), batched=True)
    tiling = DigitalWork("gemm", Scope.FACTOR, calls=blocks.products(), flops=inverse.tiling_flops())
    runs = Runs(
        (drive, cells.settling(), cells.averaging()),
        pipelined.column_runs(),
        pipelined.columns_convert_time(),
        pipelined.columns_link_time(),
    )
    return Method(
        name,
        title,
        Role.THERMODYNAMIC,
        (
            phases.forward_backward(),
            *phases.factors(construction),
            Phase(UPLOAD, Cadence.REFRESH, upload, pipelined=True),
            Phase(SETTLE, Cadence.REFRESH, (drive, cells.settling())),
            Phase(AVERAGE, Cadence.REFRESH, (cells.averaging(),)),
            Phase(READOUT, Cadence.REFRESH, readout, pipelined=True, beside=runs),
            Phase(SYMMETRIC, Cadence.REFRESH, (symmetric,)),
            Phase(TILING, Cadence.REFRESH, (tiling,)),
            phases.precondition(),
            phases.update(first_order.sgd_update_bytes()),
        ),
        needs,
        Delivery.INVERSE,
    )


@register
def settled_columns(construction: FactorConstruction) -> Method:
    """The inverse, column by column, from systems that are driven at one node each."""
    return _columns(
        construction,
        "thermo.columns",
        "thermodynamic K-FAC, inverse from settled columns",
        _Cells(
            SolverLaw.SETTLE_MEAN,
            (columns.settle_time(), columns_energy.settle()),
            (columns.average_time(), columns_energy.average()),
        ),
        "relaxation_time",
    )


@register
def settled_columns_underdamped(construction: FactorConstruction) -> Method:
    """Columns on cells of second order."""
    return _columns(
        construction,
        "thermo.columns.underdamped",
        "thermodynamic K-FAC, inverse from settled columns of underdamped cells",
        _Cells(
            SolverLaw.UNDERDAMPED_SETTLE_MEAN,
            (columns.underdamped_settle_time(), columns_energy.underdamped_settle()),
            (columns.underdamped_average_time(), columns_energy.underdamped_average()),
        ),
        "oscillation_time",
    )


#: Both kinds of cells, for what is made of them.
KINDS: Final = (settled_columns, settled_columns_underdamped)
