"""The methods compared: each a list of phases, each phase made of counted work.

A phase says how often it runs and what it consists of. Digital work names a primitive and counts its calls, matrix
elements, bytes and FLOPs; analog work is a time on a link or on the arrays. A projection multiplies counts by a card's
rates; nothing here knows a number of any device.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from costmodel.devices import Primitive
from costmodel.formulas import Formula, blocks, first_order, inverse, kfac, network, solve


class Scope(StrEnum):
    """What a formula's symbols describe: it is evaluated once for each."""

    MODEL = "model"
    LAYER = "layer"
    FACTOR = "factor"  # both A (n = a, k = g) and G (n = g, k = a) of each layer


class Cadence(StrEnum):
    """How often a phase runs."""

    STEP = "every step"
    FACTOR_UPDATE = "every factor interval"
    REFRESH = "every refresh interval"
    RELOAD = "every refresh interval where the blocks stay on their arrays, every step where they do not"


class Resource(StrEnum):
    """What analog work occupies."""

    LINK = "link"  # one, shared: transfers add up
    ARRAYS = "arrays"  # independent factors share them: list scheduling


@dataclass(frozen=True, slots=True)
class DigitalWork:
    """Calls of one primitive.

    Attributes:
        primitive: Which law of the card applies.
        scope: What one evaluation of the counts covers.
        calls: Launches; a number or a formula. Equal factor pairs of one layer run as one batched call.
        flops: FLOPs.
        elements: Matrix elements touched, for the n^2 part of a factorisation.
        bytes: Memory traffic.
    """

    primitive: Primitive
    scope: Scope
    calls: float | Formula
    flops: Formula | None = None
    elements: Formula | None = None
    bytes: Formula | None = None


@dataclass(frozen=True, slots=True)
class AnalogWork:
    """Time on the thermodynamic machine, for one factor.

    Attributes:
        resource: What it occupies.
        time: Seconds.
        chained: G's work waits for A's, as in solving against both; otherwise all factors are independent.
    """

    resource: Resource
    time: Formula
    chained: bool = False


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a step that is shown on its own.

    Attributes:
        name: As it is shown.
        cadence: How often it runs.
        works: What it consists of.
        pipelined: Its works overlap, so that the slowest counts; otherwise they add up.
    """

    name: str
    cadence: Cadence
    works: tuple[DigitalWork | AnalogWork, ...]
    pipelined: bool = False


@dataclass(frozen=True, slots=True)
class Method:
    """An optimizer with a way to apply its preconditioner."""

    name: str
    title: str
    phases: tuple[Phase, ...]

    @property
    def family(self) -> str:
        """``kfac`` for the digital K-FAC members, ``thermo`` for the thermodynamic ones, else the method itself."""
        return self.name.split(".")[0]


def _forward_backward() -> Phase:
    layer = DigitalWork(Primitive.NETWORK, Scope.LAYER, calls=3, flops=network.forward_backward_flops())
    other = DigitalWork(Primitive.NETWORK, Scope.MODEL, calls=0, flops=network.other_flops())
    return Phase("forward_backward", Cadence.STEP, (layer, other))


def _update(traffic: Formula) -> Phase:
    return Phase("update", Cadence.STEP, (DigitalWork(Primitive.STREAM, Scope.MODEL, calls=1, bytes=traffic),))


def _factors(weight_sharing: str) -> tuple[Phase, Phase]:
    """Factor construction and its running average."""
    works: tuple[DigitalWork, ...]
    if weight_sharing == "reduce":
        works = (
            DigitalWork(Primitive.STREAM, Scope.LAYER, calls=2, bytes=kfac.factors_reduce_bytes()),
            DigitalWork(Primitive.GEMM, Scope.LAYER, calls=2, flops=kfac.factors_reduce_flops()),
        )
    else:
        works = (DigitalWork(Primitive.GEMM, Scope.LAYER, calls=2, flops=kfac.factors_expand_flops()),)
    average = DigitalWork(Primitive.STREAM, Scope.LAYER, calls=2, bytes=kfac.running_average_bytes())
    return (
        Phase("factors", Cadence.FACTOR_UPDATE, works),
        Phase("running_average", Cadence.FACTOR_UPDATE, (average,)),
    )


def _precondition() -> Phase:
    work = DigitalWork(Primitive.GEMM, Scope.LAYER, calls=2, flops=kfac.precondition_flops())
    return Phase("precondition", Cadence.STEP, (work,))


def _transfer(name: str, cadence: Cadence, link: Formula, arrays: Formula) -> Phase:
    """Values through the shared link while the arrays write or convert them."""
    works = (AnalogWork(Resource.LINK, link), AnalogWork(Resource.ARRAYS, arrays))
    return Phase(name, cadence, works, pipelined=True)


def sgd(weight_sharing: str) -> Method:
    """Stochastic gradient descent with momentum."""
    return Method("sgd", "SGD with momentum", (_forward_backward(), _update(first_order.sgd_update_bytes())))


def adam(weight_sharing: str) -> Method:
    """Adam; AdamW and NAdamW move the same bytes."""
    return Method("adam", "Adam", (_forward_backward(), _update(first_order.adam_update_bytes())))


def kfac_cholesky(weight_sharing: str) -> Method:
    """Digital K-FAC with explicit inverses by Cholesky."""
    inversion = DigitalWork(
        Primitive.SPD_INVERSE,
        Scope.FACTOR,
        calls=1,
        flops=kfac.cholesky_refresh_flops(),
        elements=kfac.factor_elements(),
    )
    return Method(
        "kfac.cholesky",
        "K-FAC, Cholesky inverse",
        (
            _forward_backward(),
            *_factors(weight_sharing),
            Phase("inversion", Cadence.REFRESH, (inversion,)),
            _precondition(),
            _update(first_order.sgd_update_bytes()),
        ),
    )


def thermo_inverse(weight_sharing: str) -> Method:
    """Thermodynamic K-FAC, Method 1: the inverse is the covariance of the settled array."""
    tiling = DigitalWork(Primitive.GEMM, Scope.FACTOR, calls=blocks.products(), flops=inverse.tiling_flops())
    return Method(
        "thermo.inverse",
        "thermodynamic K-FAC, inverse from the covariance",
        (
            _forward_backward(),
            *_factors(weight_sharing),
            _transfer("upload", Cadence.REFRESH, inverse.upload_time(), inverse.write_time()),
            Phase("settle", Cadence.REFRESH, (AnalogWork(Resource.ARRAYS, inverse.settle_time()),)),
            Phase("sample", Cadence.REFRESH, (AnalogWork(Resource.ARRAYS, inverse.sample_time()),)),
            _transfer("readout", Cadence.REFRESH, inverse.readout_time(), inverse.convert_time()),
            Phase("tiling", Cadence.REFRESH, (tiling,)),
            _precondition(),
            _update(first_order.sgd_update_bytes()),
        ),
    )


def thermo_solve(weight_sharing: str) -> Method:
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
            _forward_backward(),
            *_factors(weight_sharing),
            _transfer("upload", Cadence.RELOAD, solve.upload_time(), inverse.write_time()),
            Phase("eliminate", Cadence.REFRESH, eliminate),
            Phase("input", Cadence.STEP, (AnalogWork(Resource.LINK, solve.input_time()),)),
            Phase("settle", Cadence.STEP, (AnalogWork(Resource.ARRAYS, solve.settle_time(), chained=True),)),
            Phase("average", Cadence.STEP, (AnalogWork(Resource.ARRAYS, solve.average_time(), chained=True),)),
            _transfer("readout", Cadence.STEP, solve.readout_time(), solve.convert_time()),
            Phase("tiling", Cadence.STEP, (tiling,)),
            _update(first_order.sgd_update_bytes()),
        ),
    )


#: Every method by name, built for a way of sharing weights, in the order it is shown.
METHODS: Final[Mapping[str, Callable[[str], Method]]] = {
    "sgd": sgd,
    "adam": adam,
    "kfac.cholesky": kfac_cholesky,
    "thermo.inverse": thermo_inverse,
    "thermo.solve": thermo_solve,
}

#: Phases a solver that takes no time at all would remove from digital K-FAC.
SOLVER_PHASES: Final = ("inversion", "precondition")
