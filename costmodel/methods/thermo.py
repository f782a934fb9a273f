"""Thermodynamic K-FAC: Method 1 and Method 2, on overdamped and on underdamped cells."""

from __future__ import annotations

from dataclasses import dataclass

from costmodel.formulas import (
    Formula,
    blocks,
    energy,
    first_order,
    inverse,
    parallel,
    solve,
    traffic_energy,
    underdamped,
)
from costmodel.methods import phases
from costmodel.methods.work import AnalogWork, Cadence, DigitalWork, Method, Phase, Resource, Scope


@dataclass(frozen=True, slots=True)
class _Run:
    """Time and energy of a kind of run on the arrays."""

    time: Formula
    energy: Formula


def _transfer(name: str, cadence: Cadence, link: AnalogWork, arrays: AnalogWork) -> Phase:
    """Values through the shared link while the arrays write or convert them."""
    return Phase(name, cadence, (link, arrays), pipelined=True)


def _link(time: Formula, joules: Formula) -> AnalogWork:
    return AnalogWork(Resource.LINK, time, joules)


def _arrays(time: Formula, joules: Formula) -> AnalogWork:
    return AnalogWork(Resource.ARRAYS, time, joules)


def _write() -> AnalogWork:
    return _arrays(inverse.write_time(), traffic_energy.write())


# --- Method 1 --------------------------------------------------------------------------------------------------------


def _from_covariance(
    weight_sharing: str, name: str, title: str, settle: _Run, sample: _Run, needs: str | None
) -> Method:
    tiling = DigitalWork("gemm", Scope.FACTOR, calls=blocks.products(), flops=inverse.tiling_flops())
    upload = _link(inverse.upload_time(), traffic_energy.upload())
    readout = _link(inverse.readout_time(), traffic_energy.inverse_readout())
    convert = _arrays(inverse.convert_time(), traffic_energy.inverse_convert())
    return Method(
        name,
        title,
        (
            phases.forward_backward(),
            *phases.factors(weight_sharing),
            _transfer("upload", Cadence.REFRESH, upload, _write()),
            Phase("settle", Cadence.REFRESH, (_arrays(settle.time, settle.energy),)),
            Phase("sample", Cadence.REFRESH, (_arrays(sample.time, sample.energy),)),
            _transfer("readout", Cadence.REFRESH, readout, convert),
            Phase("tiling", Cadence.REFRESH, (tiling,)),
            phases.precondition(),
            phases.update(first_order.sgd_update_bytes()),
        ),
        needs,
    )


def inverse_from_covariance(weight_sharing: str) -> Method:
    """Method 1: the inverse is the covariance of the settled array."""
    return _from_covariance(
        weight_sharing,
        "thermo.inverse",
        "thermodynamic K-FAC, inverse from the covariance",
        _Run(inverse.settle_time(), energy.inverse_settle()),
        _Run(inverse.sample_time(), energy.inverse_sample()),
        None,
    )


def inverse_from_covariance_underdamped(weight_sharing: str) -> Method:
    """Method 1 on cells of second order."""
    return _from_covariance(
        weight_sharing,
        "thermo.inverse.underdamped",
        "thermodynamic K-FAC, inverse from the covariance of underdamped cells",
        _Run(underdamped.inverse_settle_time(), energy.inverse_underdamped_settle()),
        _Run(underdamped.inverse_sample_time(), energy.inverse_underdamped_sample()),
        "oscillation_time",
    )


# --- Method 2 --------------------------------------------------------------------------------------------------------


def _systems(run: _Run) -> AnalogWork:
    """Runs of every right-hand side, against A and then against G; copies of a factor share them."""
    return AnalogWork(Resource.ARRAYS, run.time, run.energy, chained=True, systems=parallel.solve_systems())


def _linear_systems(
    weight_sharing: str, name: str, title: str, settle: _Run, average: _Run, eliminate: _Run, needs: str | None
) -> Method:
    elimination = (
        AnalogWork(Resource.ARRAYS, eliminate.time, eliminate.energy, systems=parallel.eliminate_systems()),
        _link(solve.eliminate_link_time(), traffic_energy.eliminate()),
        DigitalWork("gemm", Scope.FACTOR, calls=blocks.products(), flops=solve.eliminate_flops()),
    )
    tiling = DigitalWork("gemm", Scope.FACTOR, calls=blocks.products(), flops=solve.tiling_flops())
    upload = _link(solve.upload_time(), traffic_energy.upload())
    readout = _link(solve.readout_time(), traffic_energy.solve_readout())
    convert = _arrays(solve.convert_time(), traffic_energy.solve_convert())
    return Method(
        name,
        title,
        (
            phases.forward_backward(),
            *phases.factors(weight_sharing),
            _transfer("upload", Cadence.RELOAD, upload, _write()),
            Phase("eliminate", Cadence.REFRESH, elimination),
            Phase("input", Cadence.STEP, (_link(solve.input_time(), traffic_energy.solve_input()),)),
            Phase("settle", Cadence.STEP, (_systems(settle),)),
            Phase("average", Cadence.STEP, (_systems(average),)),
            _transfer("readout", Cadence.STEP, readout, convert),
            Phase("tiling", Cadence.STEP, (tiling,)),
            phases.update(first_order.sgd_update_bytes()),
        ),
        needs,
    )


def linear_systems(weight_sharing: str) -> Method:
    """Method 2: the preconditioned gradient is the mean of the settled array."""
    return _linear_systems(
        weight_sharing,
        "thermo.solve",
        "thermodynamic K-FAC, linear systems",
        _Run(solve.settle_time(), energy.solve_settle()),
        _Run(solve.average_time(), energy.solve_average()),
        _Run(solve.eliminate_time(), energy.solve_eliminate()),
        None,
    )


def linear_systems_underdamped(weight_sharing: str) -> Method:
    """Method 2 on cells of second order."""
    return _linear_systems(
        weight_sharing,
        "thermo.solve.underdamped",
        "thermodynamic K-FAC, linear systems on underdamped cells",
        _Run(underdamped.solve_settle_time(), energy.solve_underdamped_settle()),
        _Run(underdamped.solve_average_time(), energy.solve_underdamped_average()),
        _Run(underdamped.solve_eliminate_time(), energy.solve_underdamped_eliminate()),
        "oscillation_time",
    )
