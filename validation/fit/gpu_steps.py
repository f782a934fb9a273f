"""Laws of what a step does on a GPU, from phases of whole networks: what the host queues beside what the device runs.

Below a width of about a thousand queueing takes longer, and a phase costs so much a call whatever the sizes; above, it
is hidden. So a phase is sqrt((start + host x calls)^2 + (sum of columns)^2), the columns as
:mod:`validation.fit.networks` has them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.optimize import least_squares
from scipy.stats import t as student

from costmodel.machines.laws import EXTRAPOLATION_SPREAD, FittedLaw, Host, InStep, beside
from costmodel.methods import METHODS, FactorConstruction
from costmodel.quantities.estimate import DEVIATE_95
from validation.fit.gpu_networks import ADAM, PHASES
from validation.fit.networks import (
    FREE,
    LAUNCH,
    UNIT,
    Column,
    NetworkFit,
    TimedNetwork,
    column_seconds,
    plus,
    working_sizes,
)
from validation.fit.solve import Array

Laws = Mapping[str, FittedLaw]

#: Errors of a logarithm beyond this count linearly.
_ROBUST: Final = 0.1
#: What a run differs by from the next, as the standard deviation of a logarithm: three networks of one size but for
#: their vocabulary, whose passes the host decides, differ by 8 %.
_LEAST_RUN: Final = 0.07
#: Phases of the file that a projection has apart.
PARTS: Final[Mapping[str, tuple[str, ...]]] = {"factors": ("rows", "factors", "running_average")}


@dataclass(frozen=True, slots=True)
class PhaseFit:
    """Constants of a phase.

    Attributes:
        columns: What is summed on the device.
        coefficients: Of each.
        host: What the host does; None for a phase that waits for every call.
        calls: Operations whose calls the host queues.
        spread: Root mean square of log(predicted / measured) over networks left out in turn, widened for their number.
        left_out: Those logarithms.
    """

    columns: tuple[Column, ...]
    coefficients: Array
    host: Host | None
    calls: tuple[str, ...]
    spread: float
    left_out: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a phase is made of: its columns, and what the host is busy with."""

    columns: tuple[Column, ...]
    calls: tuple[str, ...]
    starts: bool = False


def _shapes(laws: Laws) -> dict[str, _Shape]:
    product = replace(laws["gemm_tall"], launch=0.0, item=0.0, element=0.0)
    passes = dict.fromkeys(("linear_pass", "convolution_pass", "other_pass"), product)
    outputs = dict.fromkeys(("linear_outputs", "convolution_outputs"), UNIT)
    memory = dict.fromkeys(("rows", "patches", "running_average"), UNIT)
    inverse = {name: laws[name] for name in ("cholesky", "cholesky_inverse")}
    return {
        "forward_backward": _Shape((passes, outputs), ("linear_pass", "convolution_pass")),
        "factors": _Shape(({"gemm_symmetric": laws["gemm_symmetric"]}, memory), ("gemm_symmetric",)),
        "inversion": _Shape((inverse, dict.fromkeys(inverse, LAUNCH)), ()),
        "precondition": _Shape(({"precondition": laws["precondition"]},), ("precondition",)),
        "update": _Shape(({"update": UNIT},), ("update",), starts=True),
        ADAM: _Shape(({"fused_update": UNIT},), ("fused_update",), starts=True),
    }


def fit_steps(timed: Sequence[TimedNetwork], laws: Laws) -> dict[str, PhaseFit]:
    """The constants of every phase.

    Args:
        timed: Networks, all with the same phases.
        laws: Of single operations.
    """
    found = {}
    for phase, shape in _shapes(laws).items():
        if phase not in timed[0].seconds:
            continue
        design = np.array([[_seconds(column, each, phase) for column in shape.columns] for each in timed])
        calls = np.array([sum(_seconds({name: LAUNCH}, each, phase) for name in shape.calls) for each in timed])
        seconds = np.array([each.seconds[phase] for each in timed])
        found[phase] = _fit(shape, design, calls, seconds)
    return found


def fit_measured(timed: Sequence[TimedNetwork], laws: Laws) -> NetworkFit:
    """The same of networks that ``measure`` timed, which have rows, factors and running averages apart."""
    merged = []
    for each in timed:
        parts = {phase: PARTS.get(phase, (phase,)) for phase in PHASES}
        seconds = {phase: sum(each.seconds[part] for part in names) for phase, names in parts.items()}
        merged.append(TimedNetwork(each.model, seconds))
    fits = fit_steps(merged, laws)
    alone = np.array([sum(each.seconds.values()) for each in merged])
    ratio = np.log([each.seconds["step"] for each in timed]) - np.log(alone)
    errors = {phase: each.left_out for phase, each in fits.items()}
    return NetworkFit(step_laws(fits, laws, merged), (float(ratio.mean()), float(ratio.std(ddof=1))), errors)


def step_laws(fits: Mapping[str, PhaseFit], laws: Laws, timed: Sequence[TimedNetwork]) -> dict[str, FittedLaw]:
    """The laws that the constants stand for."""
    found: dict[str, FittedLaw] = {}
    for phase, each in fits.items():
        source = f"steps of {len(timed)} networks, {phase.replace('_', ' ')}"
        if phase in {"factors", "inversion", "precondition"}:
            found |= _in_step(phase, each, laws)
        made: dict[str, FittedLaw] = {}
        for column, coefficient in zip(each.columns, map(float, each.coefficients), strict=True):
            for name, law in column.items():
                if name not in laws:
                    made[name] = plus(made.get(name, FREE), law, coefficient)
        domain = working_sizes(timed, passes=phase == "forward_backward")
        for name, law in made.items():
            host = each.host if name in each.calls else None
            found[name] = replace(
                law,
                domain=domain,
                spread=each.spread,
                growth=EXTRAPOLATION_SPREAD,
                together=phase,
                source=source,
                host=host,
            )
    return {name: law for name, law in found.items() if law.launch or law.host is not None or any(law.work.values)}


def _in_step(phase: str, each: PhaseFit, laws: Laws) -> dict[str, FittedLaw]:
    """Laws of operations that are timed alone too, with what a step makes of them."""
    names = [name for name in each.columns[0] if name in laws]
    launch = float(each.coefficients[1]) if phase == "inversion" else 0.0
    step = InStep(float(each.coefficients[0]), launch, each.spread)
    host = {name: each.host if name in each.calls else None for name in names}
    return {name: replace(laws[name], in_step=step, together=phase, host=host[name]) for name in names}


def _seconds(column: Column, network: TimedNetwork, phase: str) -> float:
    method = METHODS["adam"](FactorConstruction.EXPAND) if phase == ADAM else None
    parts = PARTS.get(phase, ("update",) if method else (phase,))
    return sum(column_seconds(column, network.model, part, method) for part in parts)


def _fit(shape: _Shape, design: Array, calls: Array, seconds: Array) -> PhaseFit:
    """The constants of a phase, and how far networks left out in turn are off."""
    hosts = [calls > 0] * shape.starts + [calls] * bool(shape.calls)
    rows = np.array([*hosts, *design.T], dtype=float)
    constants = _constants(rows, len(hosts), seconds)
    errors = []
    for index in range(len(seconds)):
        kept = np.arange(len(seconds)) != index
        others = _constants(rows[:, kept], len(hosts), seconds[kept])
        errors.append(float(_logarithms(rows[:, index : index + 1], others, len(hosts), seconds[index : index + 1])[0]))
    # A root mean square of few: Student's t has the tails that a normal law of the same spread lacks.
    few = float(student.ppf(0.95, len(errors) - 1)) / DEVIATE_95
    spread = few * max(_LEAST_RUN, math.sqrt(float(np.mean(np.square(errors)))))
    start = float(constants[0]) if shape.starts else 0.0
    host = Host(start, float(constants[len(hosts) - 1])) if hosts else None
    return PhaseFit(shape.columns, constants[len(hosts) :], host, shape.calls, spread, tuple(errors))


def _constants(rows: Array, hosts: int, seconds: Array) -> Array:
    """What explains a phase best, networks far off counting less: host constants, then those of the device."""
    unit = np.maximum((rows / seconds).max(axis=1), 1e-30)
    scaled = rows / unit[:, None]

    def errors(constants: Array) -> Array:
        return _logarithms(scaled, constants, hosts, seconds)

    found = least_squares(
        errors,
        np.full(len(rows), 0.5),
        bounds=(0.0, np.inf),
        loss="soft_l1",
        f_scale=_ROBUST,
        xtol=1e-12,
        ftol=1e-12,
        gtol=1e-12,
    )
    # The solver stays inside its bounds: a constant that is next to nothing is nothing.
    return np.asarray(np.where(found.x > 1e-3, found.x, 0.0) / unit)


def _logarithms(rows: Array, constants: Array, hosts: int, seconds: Array) -> Array:
    """log(predicted / measured)."""
    parts = rows * constants[:, None]
    predicted = beside(parts[hosts:].sum(axis=0), parts[:hosts].sum(axis=0))
    return np.asarray(np.log(np.maximum(predicted / seconds, 1e-9)))
