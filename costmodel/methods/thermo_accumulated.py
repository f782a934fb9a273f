"""Method 1 on a machine without correlators: samples are converted, sent and multiplied out digitally."""

from __future__ import annotations

from costmodel.formulas import accumulated, blocks, energy, first_order, inverse, traffic_energy
from costmodel.formulas.accuracy import tolerances
from costmodel.formulas.kfac.factors import FactorConstruction
from costmodel.machines.solver import SolverLaw
from costmodel.methods import phases
from costmodel.methods.registry import register
from costmodel.methods.thermo import SAMPLE, SETTLE, TILING, UPLOAD
from costmodel.methods.work import AnalogWork, Cadence, Delivery, DigitalWork, Method, Phase, Resource, Role, Scope


@register
def accumulated_covariance(construction: FactorConstruction) -> Method:
    """The inverse from samples of the settled array, summed digitally while they come.

    Samples are as far apart for all modes, so that none is sampled faster than another: what they may be off is that of
    underdamped cells, whose modes lose their memory alike. No law of simulated runs applies, their number is a bound.
    """
    tolerance = tolerances.inverse_underdamped_sample()

    def sampled(work: AnalogWork) -> AnalogWork:
        return AnalogWork(work.resource, work.time, work.energy, tolerance=tolerance)

    link, arrays = Resource.LINK, Resource.ARRAYS
    upload = AnalogWork(link, inverse.upload_time(), traffic_energy.upload())
    write = AnalogWork(arrays, inverse.write_time(), traffic_energy.write())
    settle = AnalogWork(
        arrays,
        inverse.settle_time(),
        energy.inverse_settle(),
        law=SolverLaw.SETTLE_COVARIANCE,
        tolerance=tolerances.inverse_settle(),
    )
    run = sampled(AnalogWork(arrays, accumulated.sample_time(), accumulated.sample_energy()))
    convert = sampled(AnalogWork(arrays, accumulated.convert_time(), accumulated.convert_energy()))
    send = sampled(AnalogWork(link, accumulated.link_time(), accumulated.link_energy()))
    products = DigitalWork("gemm", Scope.FACTOR, calls=blocks.count(), flops=accumulated.flops(), tolerance=tolerance)
    tiling = DigitalWork("gemm", Scope.FACTOR, calls=blocks.products(), flops=inverse.tiling_flops())
    return Method(
        "thermo.inverse.accumulated",
        "thermodynamic K-FAC, inverse from samples summed digitally",
        Role.THERMODYNAMIC,
        (
            phases.forward_backward(),
            *phases.factors(construction),
            Phase(UPLOAD, Cadence.REFRESH, (upload, write), pipelined=True),
            Phase(SETTLE, Cadence.REFRESH, (settle,)),
            Phase(SAMPLE, Cadence.REFRESH, (run, convert, send, products), pipelined=True),
            Phase(TILING, Cadence.REFRESH, (tiling,)),
            phases.precondition(),
            phases.update(first_order.sgd_update_bytes()),
        ),
        "relaxation_time",
        Delivery.INVERSE,
        ("injected noise far above thermal noise",),
    )
