"""K-FAC whose inverses come from a digital iteration that an analog array multiplies for."""

from __future__ import annotations

from typing import Final

from costmodel.formulas import first_order, products
from costmodel.formulas.accuracy import tolerances
from costmodel.formulas.kfac.factors import FactorConstruction
from costmodel.methods import phases
from costmodel.methods.registry import register
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
        Delivery.INVERSE,
    )
