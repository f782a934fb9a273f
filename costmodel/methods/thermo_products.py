"""K-FAC whose inverses come from a digital iteration that an analog array multiplies for."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from costmodel.formulas import first_order, mitigated, products
from costmodel.formulas.accuracy import tolerances
from costmodel.formulas.kfac.factors import FactorConstruction
from costmodel.methods import phases
from costmodel.methods.registry import register
from costmodel.methods.rewriting import after, changed
from costmodel.methods.thermo import UPLOAD
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
    Scope,
)

MULTIPLY: Final = Part("multiply", "multiplying on the arrays")
COLUMNS: Final = Part("columns", "moving columns to the arrays and back")
VECTORS: Final = Part("vectors", "digital updates of the columns")
RESIDUAL: Final = Part("residual", "what is left of the first pass")


@register
def analog_products(construction: FactorConstruction) -> Method:
    """Columns of the inverse by Chebyshev's iteration with analog products, once a refresh."""
    tolerance = tolerances.inverse_iterate()
    link, arrays = Resource.LINK, Resource.ARRAYS
    upload = (
        AnalogWork(link, products.upload_time(), products.upload_energy()),
        AnalogWork(arrays, products.write_time(), products.write_energy()),
    )
    multiply = AnalogWork(
        arrays, products.time(), products.convert_energy(), systems=products.systems(), tolerance=tolerance
    )
    move = AnalogWork(link, products.link_time(), products.link_energy(), tolerance=tolerance)
    vectors = DigitalWork(
        "stream",
        Scope.FACTOR,
        calls=products.LAUNCHES,
        bytes=products.vectors_bytes(),
        batched=True,
        tolerance=tolerance,
    )
    return Method(
        "thermo.products",
        "K-FAC, digital iteration with analog products",
        Role.THERMODYNAMIC,
        (
            phases.forward_backward(),
            *phases.factors(construction),
            Phase(UPLOAD, Cadence.REFRESH, upload, pipelined=True),
            Phase(MULTIPLY, Cadence.REFRESH, (multiply,)),
            Phase(COLUMNS, Cadence.REFRESH, (move,)),
            Phase(VECTORS, Cadence.REFRESH, (vectors,)),
            phases.precondition(),
            phases.update(first_order.sgd_update_bytes()),
        ),
        "product_time",
        Delivery.PRODUCTS,
    )


@register
def analog_products_twice(construction: FactorConstruction) -> Method:
    """The same in two passes of half the digits each: the second solves what the first left, by a digital product."""
    method = analog_products(construction)
    residual = DigitalWork("gemm", Scope.FACTOR, calls=1, flops=products.residual_flops(), batched=True)
    phases = tuple(changed(phase, mitigated.in_two_passes) for phase in method.phases)
    phases = after(phases, UPLOAD, Phase(RESIDUAL, Cadence.REFRESH, (residual,)))
    return replace(
        method,
        name="thermo.products.passes",
        title=f"{method.title}, two passes around digital residuals",
        phases=phases,
        refined=True,
    )


#: What can be refined by a digital step, or have its top mode taken out.
KINDS: Final = (analog_products,)
