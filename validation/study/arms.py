"""The optimizers that are compared: Adam, digital K-FAC, and K-FAC through machines with one flaw each."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from solver import Converter, Machine
from solver.kfac import KFAC, Backend, Cholesky, Sharing
from validation.study.directions import Watched
from validation.study.flaws import Programmed, Read, Sampled, Settled

#: Steps between refreshes of the inverses in every arm that does not say otherwise.
REFRESH = 5
#: Damping of the arms that take what projections take.
PROJECTED_DAMPING = 1e-3


@dataclass(frozen=True, slots=True)
class Hyper:
    """What is tuned. Arms with a flaw use the settings of digital K-FAC untouched."""

    lr: float
    beta2: float | None = None  # Adam
    damping: float | None = None  # K-FAC
    clip: float | None = None  # K-FAC

    def values(self) -> dict[str, float]:
        """Those that are set, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Arm:
    """One optimizer.

    Attributes:
        flaw: family of the flaw, empty for a digital arm.
        level: size of the flaw, in the unit of its family.
        backend: makes the solver from a seed; None is Adam.
        refresh: steps between refreshes.
        tuned: which tuned settings it takes: `adam`, `kfac`, or `kfac_projected` (damping held at 1e-3).
    """

    flaw: str
    level: float
    backend: Callable[[int], Backend] | None
    refresh: int = REFRESH
    tuned: str = "kfac"


def _couplings(bits: int, deflate: bool) -> Callable[[int], Backend]:
    machine = Machine(dac=Converter(bits=bits))
    return lambda seed: Programmed(machine, deflate=deflate, seed=10_000 * seed)


def _mismatch(size: float) -> Callable[[int], Backend]:
    return lambda seed: Programmed(Machine(mismatch=size, chip=seed), seed=10_000 * seed)


def _sampled(error: float) -> Callable[[int], Backend]:
    return lambda seed: Sampled(error, seed)


def _settled(error: float, worst: bool) -> Callable[[int], Backend]:
    return lambda _: Settled(error, worst=worst)


def _read(bits: int) -> Callable[[int], Backend]:
    return lambda _: Read(bits)


def _exact(_: int) -> Backend:
    return Cholesky()


def _family(name: str) -> dict[str, Arm]:
    """All arms of one flaw.

    `column` and `method2` settle; `sample` is Method 1; `in` are bits of the couplings, `ind` the same with the top
    mode deflated; `out` are bits of readings.
    """
    make: dict[str, tuple[tuple[float, ...], Callable[[Any], Callable[[int], Backend]]]] = {
        "sample": ((0.03, 0.1, 0.3, 1.0), _sampled),
        "column": ((0.1, 0.3, 0.6, 0.9, 0.95), lambda e: _settled(e, False)),
        "method2": ((0.1, 0.3, 0.6, 0.9, 0.95), lambda e: _settled(e, True)),
        "in": ((4, 5, 6, 8, 10), lambda b: _couplings(b, False)),
        "ind": ((4, 5, 6, 8, 10), lambda b: _couplings(b, True)),
        "mismatch": ((0.01, 0.03, 0.1), _mismatch),
        "out": ((3, 4, 6, 8), _read),
    }
    levels, backend = make[name]
    return {f"{name} {level:g}": Arm(name, level, backend(level)) for level in levels}


#: Run in this order.
ALL_ARMS: dict[str, Arm] = {
    "kfac": Arm("", 0.0, _exact),
    "adam": Arm("", 0.0, None, tuned="adam"),
    **{arm: a for name in ("sample", "column", "in", "ind", "mismatch", "out") for arm, a in _family(name).items()},
    **{f"refresh {k}": Arm("refresh", k, _exact, refresh=k) for k in (1, 10, 100)},
    "damping 0.001": Arm("damping", 1e-3, _exact, tuned="kfac_projected"),
    "damping 0.001 refresh 100": Arm("damping", 1e-3, _exact, refresh=100, tuned="kfac_projected"),
    **_family("method2"),
}


def build(arm: Arm, model: nn.Module, hyper: Hyper, seed: int) -> tuple[torch.optim.Optimizer, Watched | None]:
    """The optimizer of an arm, with its backend when it is a kind of K-FAC."""
    if arm.backend is None:
        assert hyper.beta2 is not None
        return torch.optim.Adam(model.parameters(), lr=hyper.lr, betas=(0.9, hyper.beta2)), None
    assert hyper.damping is not None
    backend = Watched(arm.backend(seed))
    optimizer = KFAC(
        model,
        lr=hyper.lr,
        backend=backend,
        damping=hyper.damping,
        sharing=Sharing.EXPAND,
        decay=0.95,
        factor_interval=1,
        refresh_interval=arm.refresh,
        momentum=0.9,
        clip=hyper.clip,
        other_lr=3e-3,
    )
    return optimizer, backend
