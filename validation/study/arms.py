"""The optimizers that are compared: Adam, digital K-FAC, and K-FAC through machines with one flaw or several."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from solver import Converter, Machine, Mitigation
from solver.kfac import KFAC, Backend, Cholesky, Sharing, ThermoInverse, ThermoSolve


@dataclass(frozen=True, slots=True)
class Hyper:
    """What is tuned: twelve points for Adam and twelve for K-FAC; thermodynamic arms use those of digital K-FAC."""

    lr: float
    beta2: float = 0.999  # Adam
    damping: float = 1e-1  # K-FAC
    clip: float = 1e-2  # K-FAC


GRIDS = {
    "adam": [Hyper(lr, beta2=b) for lr in (1e-3, 3e-3, 6e-3, 1e-2) for b in (0.9, 0.99, 0.999)],
    "kfac": [Hyper(lr, damping=d, clip=c) for lr in (0.1, 0.3) for d in (0.03, 0.1, 1.0) for c in (1e-3, 1e-2)],
}


def _solve(
    dac: int | None = None, adc: int | None = None, mismatch: float = 0.0, deflation: int = 0, stochastic: bool = False
) -> Callable[[int], Backend]:
    """Method 2; settled to 1e-3, no thermal noise."""

    def build(seed: int) -> Backend:
        converter = Converter(bits=dac, stochastic=stochastic)
        machine = Machine(dac=converter, adc=Converter(bits=adc), mismatch=mismatch, chip=seed)
        mitigation = Mitigation(deflation=deflation)
        return ThermoSolve(machine, guard=True, seed=10_000 * seed, averaging_time_s=0.0, mitigation=mitigation)

    return build


def _invert(
    error: float, dac: int | None = None, adc: int | None = None, mismatch: float = 0.0, deflation: int = 0
) -> Callable[[int], Backend]:
    """Method 1 with a relative sampling error."""

    def build(seed: int) -> Backend:
        machine = Machine(dac=Converter(bits=dac), adc=Converter(bits=adc), mismatch=mismatch, chip=seed)
        mitigation = Mitigation(deflation=deflation)
        return ThermoInverse(machine, guard=True, seed=10_000 * seed, error=error, mitigation=mitigation)

    return build


# None is digital. Names say the flaw: bits in and out, mismatch, relative sampling error; `d` deflates the top mode.
ARMS: dict[str, Callable[[int], Backend] | None] = {
    "adam": None,
    "kfac": None,
    "solve": _solve(),
    **{f"solve in{b}": _solve(dac=b) for b in (4, 6, 8, 10)},
    **{f"solve in{b} d": _solve(dac=b, deflation=20) for b in (6, 8)},
    **{f"solve out{b}": _solve(adc=b) for b in (4, 6, 8)},
    **{f"solve mismatch{m:g}": _solve(mismatch=m) for m in (0.01, 0.03, 0.1)},
    "solve in8 out8": _solve(dac=8, adc=8),
    "solve in8 out8 mismatch0.01 d": _solve(dac=8, adc=8, mismatch=0.01, deflation=20),
    **{f"invert error{e:g}": _invert(e) for e in (0.5, 0.2)},
    "invert error0.2 in8 out8 mismatch0.01 d": _invert(0.2, dac=8, adc=8, mismatch=0.01, deflation=20),
}


def build(arm: str, model: nn.Module, hyper: Hyper, seed: int) -> tuple[torch.optim.Optimizer, Backend | None]:
    """The optimizer of an arm, with its backend when it is a kind of K-FAC."""
    if arm == "adam":
        return torch.optim.Adam(model.parameters(), lr=hyper.lr, betas=(0.9, hyper.beta2)), None
    make = ARMS[arm]
    backend = Cholesky() if make is None else make(seed)
    optimizer = KFAC(
        model,
        lr=hyper.lr,
        backend=backend,
        damping=hyper.damping,
        sharing=Sharing.EXPAND,
        decay=0.95,
        factor_interval=1,
        refresh_interval=5,
        momentum=0.9,
        clip=hyper.clip,
        other_lr=3e-3,
    )
    return optimizer, backend
