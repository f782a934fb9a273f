"""Thermodynamic K-FAC."""

from __future__ import annotations

from costmodel.devices import Primitive
from costmodel.formulas import Formula, blocks, first_order, inverse, solve
from costmodel.methods import phases
from costmodel.methods.work import AnalogWork, Cadence, DigitalWork, Method, Phase, Resource, Scope


def _transfer(name: str, cadence: Cadence, link: Formula, arrays: Formula) -> Phase:
    """Values through the shared link while the arrays write or convert them."""
    works = (AnalogWork(Resource.LINK, link), AnalogWork(Resource.ARRAYS, arrays))
    return Phase(name, cadence, works, pipelined=True)


def inverse_from_covariance(weight_sharing: str) -> Method:
    """Thermodynamic K-FAC, Method 1: the inverse is the covariance of the settled array."""
    tiling = DigitalWork(Primitive.GEMM, Scope.FACTOR, calls=blocks.products(), flops=inverse.tiling_flops())
    return Method(
        "thermo.inverse",
        "thermodynamic K-FAC, inverse from the covariance",
        (
            phases.forward_backward(),
            *phases.factors(weight_sharing),
            _transfer("upload", Cadence.REFRESH, inverse.upload_time(), inverse.write_time()),
            Phase("settle", Cadence.REFRESH, (AnalogWork(Resource.ARRAYS, inverse.settle_time()),)),
            Phase("sample", Cadence.REFRESH, (AnalogWork(Resource.ARRAYS, inverse.sample_time()),)),
            _transfer("readout", Cadence.REFRESH, inverse.readout_time(), inverse.convert_time()),
            Phase("tiling", Cadence.REFRESH, (tiling,)),
            phases.precondition(),
            phases.update(first_order.sgd_update_bytes()),
        ),
    )


def linear_systems(weight_sharing: str) -> Method:
    """Thermodynamic K-FAC, Method 2: the preconditioned gradient is the mean of the settled array."""
    eliminate = (
        AnalogWork(Resource.ARRAYS, solve.eliminate_time()),
        AnalogWork(Resource.LINK, solve.eliminate_link_time()),
        DigitalWork(Primitive.GEMM, Scope.FACTOR, calls=blocks.products(), flops=solve.eliminate_flops()),
    )
    tiling = DigitalWork(Primitive.GEMM, Scope.FACTOR, calls=blocks.products(), flops=solve.tiling_flops())
    return Method(
        "thermo.solve",
        "thermodynamic K-FAC, linear systems",
        (
            phases.forward_backward(),
            *phases.factors(weight_sharing),
            _transfer("upload", Cadence.RELOAD, solve.upload_time(), inverse.write_time()),
            Phase("eliminate", Cadence.REFRESH, eliminate),
            Phase("input", Cadence.STEP, (AnalogWork(Resource.LINK, solve.input_time()),)),
            Phase("settle", Cadence.STEP, (AnalogWork(Resource.ARRAYS, solve.settle_time(), chained=True),)),
            Phase("average", Cadence.STEP, (AnalogWork(Resource.ARRAYS, solve.average_time(), chained=True),)),
            _transfer("readout", Cadence.STEP, solve.readout_time(), solve.convert_time()),
            Phase("tiling", Cadence.STEP, (tiling,)),
            phases.update(first_order.sgd_update_bytes()),
        ),
    )
