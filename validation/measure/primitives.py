"""The operations as torch runs them: inputs made once, then a call that can be repeated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from costmodel.machines.sizes import Size

Call = Callable[[], Any]

#: Share of the old value an update keeps. Values stay of order one however often it is repeated.
_KEPT = 0.95


def prepare(op: str, size: Size, dtype: torch.dtype, device: torch.device) -> Call:
    """A call of an operation on fresh random inputs.

    Args:
        op: Name in :data:`costmodel.machines.operations.OPERATIONS`.
        size: What it runs on.
        dtype: Of all matrices.
        device: Where they lie; the host's side of a copy is pinned.
    """
    make = _Inputs(size, dtype, device)
    return BUILDERS[op](make)


def prepare_typed(op: str, size: Size, dtype: str, device: torch.device) -> Call:
    """A call of an operation, of an element type by its name in :data:`costmodel.machines.operations.DTYPES`.

    TF32 is float32 in memory; the products are told so for the length of the call.
    """
    if dtype != "tf32":
        return prepare(op, size, getattr(torch, dtype), device)
    call = prepare(op, size, torch.float32, device)

    def in_tf32() -> Any:
        torch.backends.cuda.matmul.allow_tf32 = True
        try:
            return call()
        finally:
            torch.backends.cuda.matmul.allow_tf32 = False

    return in_tf32


class _Inputs:
    """Random inputs of one size."""

    def __init__(self, size: Size, dtype: torch.dtype, device: torch.device) -> None:
        self.n, self.m, self.batch = size.n, size.m, size.batch
        self._dtype, self.device = dtype, device
        self._generator = torch.Generator(device=device).manual_seed(size.n * 7919 + size.m)

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(shape, dtype=self._dtype, device=self.device, generator=self._generator)

    def positive_definite(self, batch: bool = False) -> torch.Tensor:
        """Eigenvalues between about 1.6 and 4.4: a random symmetric matrix on a multiple of the identity."""
        shape = (self.batch, self.n, self.n) if batch else (self.n, self.n)
        x = self.normal(*shape)
        identity = torch.eye(self.n, dtype=self._dtype, device=self.device)
        symmetric: torch.Tensor = (x + x.mT) / (2.0 * self.n**0.5)
        return symmetric + 3.0 * identity

    def covariance(self, batch: bool = False) -> torch.Tensor:
        """What a factor looks like: a spread spectrum, which an eigensolver's speed depends on."""
        shape = (self.batch, self.n, self.n) if batch else (self.n, self.n)
        x = self.normal(*shape)
        return x @ x.mT / self.n

    def triangular(self) -> torch.Tensor:
        identity = torch.eye(self.n, dtype=self._dtype, device=self.device)
        return torch.tril(self.normal(self.n, self.n)) / self.n + identity


def _gemm(make: _Inputs) -> Call:
    x, y = make.normal(make.n, make.n), make.normal(make.n, make.n)
    return lambda: x @ y


def _gemm_tall(make: _Inputs) -> Call:
    x, y = make.normal(make.m, make.n), make.normal(make.n, make.n)
    return lambda: x @ y


def _gemm_symmetric(make: _Inputs) -> Call:
    x = make.normal(make.m, make.n)
    return lambda: x.T @ x


def _gemm_batched(make: _Inputs) -> Call:
    x, y = make.normal(make.batch, make.n, make.n), make.normal(make.batch, make.n, make.n)
    return lambda: torch.bmm(x, y)


def _cholesky(make: _Inputs) -> Call:
    a = make.positive_definite()
    return lambda: torch.linalg.cholesky(a)


def _cholesky_inverse(make: _Inputs) -> Call:
    factor = make.triangular()
    return lambda: torch.cholesky_inverse(factor)


def _cholesky_solve(make: _Inputs) -> Call:
    factor, right = make.triangular(), make.normal(make.n, make.n)
    return lambda: torch.cholesky_solve(right, factor)


def _triangular_solve(make: _Inputs) -> Call:
    factor, right = make.triangular(), make.normal(make.n, make.n)
    return lambda: torch.linalg.solve_triangular(factor, right, upper=False)


def _inv(make: _Inputs) -> Call:
    a = make.positive_definite()
    return lambda: torch.linalg.inv(a)


def _eigh(make: _Inputs) -> Call:
    a = make.covariance()
    return lambda: torch.linalg.eigh(a)


def _newton_schulz(make: _Inputs) -> Call:
    a, x = make.positive_definite() / 5.0, make.normal(make.n, make.n)
    return lambda: torch.addmm(x, x, a @ x, beta=2.0, alpha=-1.0)


def _cholesky_batched(make: _Inputs) -> Call:
    a = make.positive_definite(batch=True)
    return lambda: torch.linalg.cholesky(a)


def _inv_batched(make: _Inputs) -> Call:
    a = make.positive_definite(batch=True)
    return lambda: torch.linalg.inv(a)


def _eigh_batched(make: _Inputs) -> Call:
    a = make.covariance(batch=True)
    return lambda: torch.linalg.eigh(a)


def _precondition(make: _Inputs) -> Call:
    left, gradient, right = make.normal(make.m, make.m), make.normal(make.m, make.n), make.normal(make.n, make.n)
    return lambda: left @ gradient @ right


def _elementwise(make: _Inputs) -> Call:
    parameters, gradient = make.normal(make.n, make.n), make.normal(make.n, make.n)
    return lambda: parameters.add_(gradient, alpha=-1e-6)


def _ema(make: _Inputs) -> Call:
    average, new = make.normal(make.n, make.n), make.normal(make.n, make.n)
    return lambda: average.mul_(_KEPT).add_(new, alpha=1.0 - _KEPT)


def _copy_to_device(make: _Inputs) -> Call:
    target = make.normal(make.n, make.n)
    source = target.cpu().pin_memory()
    return lambda: target.copy_(source, non_blocking=True)


def _copy_to_host(make: _Inputs) -> Call:
    source = make.normal(make.n, make.n)
    target = source.cpu().pin_memory()
    return lambda: target.copy_(source, non_blocking=True)


#: A call for each operation that is timed alone; docs/extending.md adds one.
BUILDERS: dict[str, Callable[[_Inputs], Call]] = {
    "gemm": _gemm,
    "gemm_tall": _gemm_tall,
    "gemm_symmetric": _gemm_symmetric,
    "gemm_batched": _gemm_batched,
    "cholesky": _cholesky,
    "cholesky_inverse": _cholesky_inverse,
    "cholesky_solve": _cholesky_solve,
    "triangular_solve": _triangular_solve,
    "inv": _inv,
    "eigh": _eigh,
    "newton_schulz": _newton_schulz,
    "cholesky_batched": _cholesky_batched,
    "inv_batched": _inv_batched,
    "eigh_batched": _eigh_batched,
    "precondition": _precondition,
    "elementwise": _elementwise,
    "ema": _ema,
    "copy_to_device": _copy_to_device,
    "copy_to_host": _copy_to_host,
}
