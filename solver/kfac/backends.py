"""Who solves with the damped factors: a digital algorithm, or Method 1 or 2 on a machine.

A backend turns a pair of factors into a function gradient -> G^-1 gradient A^-1. All see the same damped factors,
so that runs with different backends differ in nothing else.
"""

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

from solver.invert import invert
from solver.ledger import Ledger
from solver.machine import Machine
from solver.solve import solve

Apply = Callable[[Tensor], Tensor]  # (d_out, d_in) -> (d_out, d_in)


class Backend(Protocol):
    """Anything that can precondition."""

    def prepare(self, A: Tensor, G: Tensor) -> Apply:
        """Do what is done once a refresh with damped factors of shapes (d_in, d_in) and (d_out, d_out)."""
        ...


class Cholesky:
    """Cholesky factors, two triangular solves a side."""

    def prepare(self, A: Tensor, G: Tensor) -> Apply:
        """Factor both."""
        left, right = torch.linalg.cholesky(G), torch.linalg.cholesky(A)
        return lambda grad: torch.cholesky_solve(torch.cholesky_solve(grad, left).mT, right).mT


class Eigen:
    """Eigenbases of both factors; the gradient is divided by the products of their eigenvalues."""

    def prepare(self, A: Tensor, G: Tensor) -> Apply:
        """Decompose both."""
        a, basis_a = torch.linalg.eigh(A)
        g, basis_g = torch.linalg.eigh(G)
        scale = g[:, None] * a[None, :]
        return lambda grad: basis_g @ ((basis_g.mT @ grad @ basis_a) / scale) @ basis_a.mT


class NewtonSchulz:
    """Explicit inverses by X <- X (2 I - A X) from X = I / |A|_1, matrix products only.

    The residual squares in every iteration once it is below 1, after about 2 log2(kappa) iterations: 4 n^3 FLOPs each.
    """

    def __init__(self, tolerance: float = 1e-10, limit: int = 100) -> None:
        self.tolerance, self.limit = tolerance, limit

    def prepare(self, A: Tensor, G: Tensor) -> Apply:
        """Invert both; raises ArithmeticError when an iteration does not converge within its limit."""
        left, right = self._inverse(G), self._inverse(A)
        return lambda grad: left @ grad @ right

    def _inverse(self, A: Tensor) -> Tensor:
        eye = torch.eye(A.shape[0]).to(A)
        X: Tensor = eye / torch.linalg.matrix_norm(A, 1)
        residual = torch.inf
        for _ in range(self.limit):
            product = A @ X
            residual = float((eye - product).norm()) / A.shape[0] ** 0.5
            if residual < self.tolerance:
                return X
            X = X @ (2 * eye - product)
        raise ArithmeticError(f"Newton-Schulz left a residual of {residual:.3g} after {self.limit} iterations")


class ThermoInverse:
    """Method 1 on both factors once a refresh, digital products every step.

    Keyword arguments go to `solver.invert`; `ledger` adds up all runs, each of which has its own seed.
    """

    def __init__(self, machine: Machine, *, seed: int = 0, **target: Any) -> None:
        self.machine, self.target, self.seed, self.ledger = machine, target, seed, Ledger()

    def prepare(self, A: Tensor, G: Tensor) -> Apply:
        """Sample both inverses."""
        left, right = self._inverse(G), self._inverse(A)
        return lambda grad: left @ grad @ right

    def _inverse(self, matrix: Tensor) -> Tensor:
        self.seed += 1
        result = invert(matrix, self.machine, seed=self.seed, **self.target)
        self.ledger += result.ledger
        return result.estimate


class ThermoSolve:
    """Method 2: d_in systems with G and d_out systems with A, every step, on arrays that are loaded anew each time.

    Keyword arguments go to `solver.solve`; `ledger` adds up all runs, each of which has its own seed.
    """

    def __init__(self, machine: Machine, *, seed: int = 0, **target: Any) -> None:
        self.machine, self.target, self.seed, self.ledger = machine, target, seed, Ledger()

    def prepare(self, A: Tensor, G: Tensor) -> Apply:
        """Keep the factors: everything happens when the gradient is known."""
        return lambda grad: self._solve(A, self._solve(G, grad).mT).mT

    def _solve(self, matrix: Tensor, right: Tensor) -> Tensor:
        self.seed += 1
        result = solve(matrix, right.contiguous(), self.machine, seed=self.seed, **self.target)
        self.ledger += result.ledger
        return result.estimate
