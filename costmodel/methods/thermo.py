"""Thermodynamic K-FAC: Method 1 and Method 2, on overdamped and on underdamped cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from costmodel.formulas import (
    Formula,
    blocks,
    energy,
    first_order,
    inverse,
    parallel,
    pipelined,
    solve,
    traffic_energy,
    underdamped,
)
from costmodel.formulas.accuracy import tolerances
from costmodel.formulas.kfac.factors import FactorConstruction
from costmodel.machines.solver import SolverLaw
from costmodel.methods import phases
from costmodel.methods.registry import register
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

UPLOAD: Final = Part("upload", "uploading the couplings")
ELIMINATE: Final = Part("eliminate", "block elimination")
INPUT: Final = Part("input", "uploading right-hand sides")
SETTLE: Final = Part("settle", "settling")
SAMPLE: Final = Part("sample", "sampling")
AVERAGE: Final = Part("average", "averaging out noise")
READOUT: Final = Part("readout", "reading the result out")
TILING: Final = Part("tiling", "digital products between blocks")

#: Without correlators every sample is converted and multiplied out digitally, which costs 2 n^3 / epsilon^2 FLOPs.
_CORRELATORS: Final = ("analog correlators on every pair of cells", "injected noise far above thermal noise")


@dataclass(frozen=True, slots=True)
class _Run:
    """A kind of run on the arrays.

    Attributes:
        law: Of the solver.
        time: Seconds.
        energy: Joules.
        tolerance: What it may be off, so that a preconditioned gradient is as accurate as training needs it.
    """

    law: SolverLaw
    time: Formula
    energy: Formula
    tolerance: Formula

    def work(self) -> AnalogWork:
        """For a run of each factor by itself."""
        return AnalogWork(Resource.ARRAYS, self.time, self.energy, law=self.law, tolerance=self.tolerance)

    def solves(self) -> AnalogWork:
        """For runs of every right-hand side, against A and then against G; copies of a factor share them."""
        systems = parallel.solve_systems()
        return AnalogWork(
            Resource.ARRAYS, self.time, self.energy, True, systems, law=self.law, tolerance=self.tolerance
        )

    def elimination(self) -> AnalogWork:
        """For the runs of block elimination; copies of a factor share those of one stage."""
        systems = parallel.eliminate_systems()
        return AnalogWork(
            Resource.ARRAYS, self.time, self.energy, systems=systems, law=self.law, tolerance=self.tolerance
        )


def _transfer(part: Part, cadence: Cadence, link: AnalogWork, arrays: AnalogWork) -> Phase:
    """Values through the shared link while the arrays write or convert them."""
    return Phase(part, cadence, (link, arrays), pipelined=True)


def _link(time: Formula, joules: Formula) -> AnalogWork:
    return AnalogWork(Resource.LINK, time, joules)


def _arrays(time: Formula, joules: Formula) -> AnalogWork:
    return AnalogWork(Resource.ARRAYS, time, joules)


def _write() -> AnalogWork:
    return _arrays(inverse.write_time(), traffic_energy.write())


# --- Method 1 --------------------------------------------------------------------------------------------------------


def _from_covariance(
    construction: FactorConstruction, name: str, title: str, settle: _Run, sample: _Run, needs: str
) -> Method:
    tiling = DigitalWork("gemm", Scope.FACTOR, calls=blocks.products(), flops=inverse.tiling_flops())
    upload = _link(inverse.upload_time(), traffic_energy.upload())
    readout = _link(inverse.readout_time(), traffic_energy.inverse_readout())
    convert = _arrays(inverse.convert_time(), traffic_energy.inverse_convert())
    return Method(
        name,
        title,
        Role.THERMODYNAMIC,
        (
            phases.forward_backward(),
            *phases.factors(construction),
            _transfer(UPLOAD, Cadence.REFRESH, upload, _write()),
            Phase(SETTLE, Cadence.REFRESH, (settle.work(),)),
            Phase(SAMPLE, Cadence.REFRESH, (sample.work(),)),
            _transfer(READOUT, Cadence.REFRESH, readout, convert),
            Phase(TILING, Cadence.REFRESH, (tiling,)),
            phases.precondition(),
            phases.update(first_order.sgd_update_bytes()),
        ),
        needs,
        Delivery.INVERSE,
        _CORRELATORS,
    )


@register
def inverse_from_covariance(construction: FactorConstruction) -> Method:
    """Method 1: the inverse is the covariance of the settled array."""
    return _from_covariance(
        construction,
        "thermo.inverse",
        "thermodynamic K-FAC, inverse from the covariance",
        _Run(SolverLaw.SETTLE_COVARIANCE, inverse.settle_time(), energy.inverse_settle(), tolerances.inverse_settle()),
        _Run(
            SolverLaw.AVERAGE_COVARIANCE,
            inverse.sample_time(),
            energy.inverse_sample(),
            tolerances.inverse_sample(),
        ),
        "relaxation_time",
    )


@register
def inverse_from_covariance_underdamped(construction: FactorConstruction) -> Method:
    """Method 1 on cells of second order."""
    return _from_covariance(
        construction,
        "thermo.inverse.underdamped",
        "thermodynamic K-FAC, inverse from the covariance of underdamped cells",
        _Run(
            SolverLaw.UNDERDAMPED_SETTLE_COVARIANCE,
            underdamped.inverse_settle_time(),
            energy.inverse_underdamped_settle(),
            tolerances.inverse_settle(),
        ),
        _Run(
            SolverLaw.UNDERDAMPED_AVERAGE_COVARIANCE,
            underdamped.inverse_sample_time(),
            energy.inverse_underdamped_sample(),
            tolerances.inverse_underdamped_sample(),
        ),
        "oscillation_time",
    )


# --- Method 2 --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Runs:
    """Settling and averaging of right-hand sides, and of the systems that block elimination adds."""

    settle: _Run
    average: _Run
    eliminate_settle: _Run
    eliminate_average: _Run


def _linear_systems(construction: FactorConstruction, name: str, title: str, runs: _Runs, needs: str) -> Method:
    elimination = (
        runs.eliminate_settle.elimination(),
        runs.eliminate_average.elimination(),
        AnalogWork(Resource.ARRAYS, solve.eliminate_convert_time(), systems=parallel.eliminate_systems()),
        _link(solve.eliminate_link_time(), traffic_energy.eliminate()),
        DigitalWork("gemm", Scope.FACTOR, calls=blocks.products(), flops=solve.eliminate_flops()),
    )
    tiling = DigitalWork("gemm", Scope.FACTOR, calls=blocks.products(), flops=solve.tiling_flops())
    upload = _link(solve.upload_time(), traffic_energy.upload())
    readout = _link(solve.readout_time(), traffic_energy.solve_readout())
    convert = _arrays(solve.convert_time(), traffic_energy.solve_convert())
    systems = Runs(
        (runs.settle.solves(), runs.average.solves()),
        pipelined.solve_runs(),
        pipelined.solve_convert_time(),
        pipelined.solve_link_time(),
    )
    return Method(
        name,
        title,
        Role.THERMODYNAMIC,
        (
            phases.forward_backward(),
            *phases.factors(construction),
            _transfer(UPLOAD, Cadence.RELOAD, upload, _write()),
            Phase(ELIMINATE, Cadence.REFRESH, elimination),
            Phase(INPUT, Cadence.STEP, (_link(solve.input_time(), traffic_energy.solve_input()),)),
            Phase(SETTLE, Cadence.STEP, (runs.settle.solves(),)),
            Phase(AVERAGE, Cadence.STEP, (runs.average.solves(),)),
            Phase(READOUT, Cadence.STEP, (readout, convert), pipelined=True, beside=systems),
            Phase(TILING, Cadence.STEP, (tiling,)),
            phases.update(first_order.sgd_update_bytes()),
        ),
        needs,
        Delivery.SOLUTION,
    )


def _settled(law: SolverLaw, time: Formula, joules: Formula) -> _Run:
    return _Run(law, time, joules, tolerances.solve_settle())


def _averaged(law: SolverLaw, time: Formula, joules: Formula) -> _Run:
    return _Run(law, time, joules, tolerances.solve_average())


@register
def linear_systems(construction: FactorConstruction) -> Method:
    """Method 2: the preconditioned gradient is the mean of the settled array."""
    return _linear_systems(
        construction,
        "thermo.solve",
        "thermodynamic K-FAC, linear systems",
        _Runs(
            _settled(SolverLaw.SETTLE_MEAN, solve.settle_time(), energy.solve_settle()),
            _averaged(SolverLaw.AVERAGE_MEAN, solve.average_time(), energy.solve_average()),
            _settled(SolverLaw.SETTLE_MEAN, solve.eliminate_settle_time(), energy.solve_eliminate_settle()),
            _averaged(SolverLaw.AVERAGE_MEAN, solve.eliminate_average_time(), energy.solve_eliminate_average()),
        ),
        "relaxation_time",
    )


@register
def linear_systems_underdamped(construction: FactorConstruction) -> Method:
    """Method 2 on cells of second order."""
    return _linear_systems(
        construction,
        "thermo.solve.underdamped",
        "thermodynamic K-FAC, linear systems on underdamped cells",
        _Runs(
            _settled(
                SolverLaw.UNDERDAMPED_SETTLE_MEAN,
                underdamped.solve_settle_time(),
                energy.solve_underdamped_settle(),
            ),
            _averaged(
                SolverLaw.UNDERDAMPED_AVERAGE_MEAN,
                underdamped.solve_average_time(),
                energy.solve_underdamped_average(),
            ),
            _settled(
                SolverLaw.UNDERDAMPED_SETTLE_MEAN,
                underdamped.solve_eliminate_settle_time(),
                energy.solve_underdamped_eliminate_settle(),
            ),
            _averaged(
                SolverLaw.UNDERDAMPED_AVERAGE_MEAN,
                underdamped.solve_eliminate_average_time(),
                energy.solve_underdamped_eliminate_average(),
            ),
        ),
        "oscillation_time",
    )
