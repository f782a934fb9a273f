"""Turning a target into a run: the bound on kappa, the budget."""

import math

from torch import Tensor

from solver.machine import Machine
from solver.matrices import MatrixError
from solver.modes import Modes


def require_one(**targets: float | None) -> None:
    """Refuse anything but exactly one positive target.

    Raises:
        ValueError: none, several, or one that is not positive.
    """
    given = {name: value for name, value in targets.items() if value is not None}
    if len(given) != 1:
        raise ValueError(f"give exactly one of {', '.join(targets)}; got {', '.join(given) or 'none'}")
    ((name, value),) = given.items()
    if name == "averaging_time_s" and value == 0:
        return
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be positive and finite, got {value}")


def bound_kappa(A: Tensor, kappa: float | None) -> float:
    """The largest condition number of a batch, or the caller's bound on it.

    Raises:
        MatrixError: matrices that are not positive definite, or a bound that does not hold.
    """
    actual = float(Modes.of(A).kappa.max())
    if kappa is None:
        return actual
    if kappa < actual * (1 - 1e-9):
        raise MatrixError(
            f"kappa = {kappa:.6g} was given as a bound, but the matrix has {actual:.6g}; runs planned with it would be "
            f"cut short: raise kappa, or the damping"
        )
    return kappa


def require_instant_conversions(machine: Machine) -> None:
    """Refuse a budget of time where conversions would take some of it.

    Raises:
        ValueError: converters that take time.
    """
    if math.isfinite(machine.conversion_rate_hz):
        raise ValueError("a time budget takes conversions as instant; give error instead, or no conversion_rate_hz")


def seconds_a_run(time_s: float, link_s: float, runs: int, least_s: float) -> float:
    """Seconds left for each of `runs` consecutive runs once the link has had its time.

    Raises:
        ValueError: a budget that cannot pay for the link and the shortest run.
    """
    seconds = (time_s - link_s) / runs
    if seconds < least_s * (1 - 1e-9):
        raise ValueError(
            f"time_s = {time_s:.3g} is too short: the link takes {link_s:.3g} s and each of {runs} runs at least "
            f"{least_s:.3g} s; allow {link_s + runs * least_s:.3g} s, use more arrays, or lower kappa"
        )
    return seconds
