"""Who solves with the damped factors: a digital algorithm, or Method 1, settled columns or Method 2 on a machine.

A backend turns a pair of factors into a function gradient -> G^-1 gradient A^-1. All see the same damped factors,
so that runs with different backends differ in nothing else.
"""

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol, runtime_checkable

import torch
from torch import Tensor

from solver.columns import invert_by_columns
from solver.invert import invert
from solver.ledger import Ledger
from solver.machine import Machine
from solver.matrices import MatrixError
from solver.products import invert_by_products
from solver.results import MissedTarget, Result
from solver.solve import Session
from solver.starts import Start

# Further damping tried before a factor is given up.
_ATTEMPTS = 8

Apply = Callable[[Tensor], Tensor]  # (d_out, d_in) -> (d_out, d_in)


class Backend(Protocol):
    """Anything that can precondition."""

    def prepare(self, A: Tensor, G: Tensor) -> Apply:
        """Do what is done once a refresh with damped factors of shapes (d_in, d_in) and (d_out, d_out)."""
        ...


@runtime_checkable
class Continuing(Backend, Protocol):
    """A backend that takes up what it prepared of the same layer at the last refresh."""

    def prepare_again(self, A: Tensor, G: Tensor, last: Apply) -> Apply:
        """As `prepare`, from what the last call returned for this layer."""
        ...


def prepared(backend: Backend, A: Tensor, G: Tensor, last: Apply | None) -> Apply:
    """What a backend prepares of a pair of factors, from what it prepared of the last where it can."""
    if last is not None and isinstance(backend, Continuing):
        return backend.prepare_again(A, G, last)
    return backend.prepare(A, G)


@dataclass(frozen=True, slots=True, eq=False)
class Roots:
    """Cholesky factors of G and A."""

    left: Tensor
    right: Tensor

    def __call__(self, gradient: Tensor) -> Tensor:
        """G^-1 gradient A^-1."""
        return torch.cholesky_solve(torch.cholesky_solve(gradient, self.left).mT, self.right).mT


@dataclass(frozen=True, slots=True, eq=False)
class Bases:
    """Eigenvectors of G and A, and the products of their eigenvalues."""

    left: Tensor
    right: Tensor
    scale: Tensor

    def __call__(self, gradient: Tensor) -> Tensor:
        """G^-1 gradient A^-1."""
        return self.left @ ((self.left.mT @ gradient @ self.right) / self.scale) @ self.right.mT


@dataclass(frozen=True, slots=True, eq=False)
class Inverses:
    """Inverses of G and A."""

    left: Tensor
    right: Tensor

    def __call__(self, gradient: Tensor) -> Tensor:
        """G^-1 gradient A^-1."""
        return self.left @ gradient @ self.right


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Inverses of G and A, and what the columns of the next can start from."""

    left: Tensor
    right: Tensor
    left_pivots: Tensor
    right_pivots: Tensor

    def __call__(self, gradient: Tensor) -> Tensor:
        """G^-1 gradient A^-1."""
        return self.left @ gradient @ self.right


#: What a run can be saved with between two refreshes.
PREPARED: Final[dict[str, Any]] = {each.__name__: each for each in (Roots, Bases, Inverses, Columns)}


class Cholesky:
    """Cholesky factors, two triangular solves a side."""

    def prepare(self, A: Tensor, G: Tensor) -> Apply:
        """Factor both."""
        return Roots(torch.linalg.cholesky(G), torch.linalg.cholesky(A))


class Eigen:
    """Eigenbases of both factors; the gradient is divided by the products of their eigenvalues."""

    def prepare(self, A: Tensor, G: Tensor) -> Apply:
        """Decompose both."""
        a, basis_a = torch.linalg.eigh(A)
        g, basis_g = torch.linalg.eigh(G)
        return Bases(basis_g, basis_a, g[:, None] * a[None, :])


class NewtonSchulz:
    """Explicit inverses by X <- X (2 I - A X) from X = I / |A|_1, matrix products only.

    The residual squares in every iteration once it is below 1, after about 2 log2(kappa) iterations: 4 n^3 FLOPs each.
    """

    def __init__(self, tolerance: float = 1e-10, limit: int = 100) -> None:
        self.tolerance, self.limit = tolerance, limit

    def prepare(self, A: Tensor, G: Tensor) -> Apply:
        """Invert both; raises ArithmeticError when an iteration does not converge within its limit."""
        return Inverses(self._inverse(G), self._inverse(A))

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


class _Thermo:
    """What both methods share: the machine, the seed of the next run, the sum of all ledgers.

    A factor that the machine cannot hold raises MatrixError; with `guard` it is damped further instead, by the
    displacement that programming is expected to cause, doubled until it fits. Failed attempts are counted in
    `retries`, not in the ledger. Runs that missed the error they were asked for are counted in `missed`, and the first
    of them warns (`solver.MissedTarget`).
    """

    def __init__(self, machine: Machine, *, guard: bool = False, seed: int = 0, **target: Any) -> None:
        self.machine, self.guard, self.target = machine, guard, target
        self.seed, self.ledger, self.retries, self.missed = seed, Ledger(), 0, 0

    def state_dict(self) -> dict[str, Any]:
        """Seed and counts, as plain values."""
        return {
            "seed": self.seed,
            "retries": self.retries,
            "missed": self.missed,
            "ledger": asdict(self.ledger),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take them up again."""
        self.seed, self.retries, self.missed = state["seed"], state["retries"], state["missed"]
        self.ledger = Ledger(**state["ledger"])

    def _counted(self, run: Callable[[], Result]) -> Result:
        """Result of a run, in the ledger; only the first miss of a target is told."""
        with warnings.catch_warnings():
            if self.missed:
                warnings.simplefilter("ignore", MissedTarget)
            result = run()
        self.ledger += result.ledger
        self.missed += result.missed
        return result

    def _held(self, matrix: Tensor, run: Callable[[Tensor], Result]) -> Result:
        """Result of a run on the matrix, or on the least damped version of it that the machine holds."""
        extra = sum(self.machine.displacement(matrix))
        damped = matrix
        for attempt in range(_ATTEMPTS):
            try:
                return self._counted(lambda held=damped: run(held))  # type: ignore[misc]
            except MatrixError:
                if not self.guard or attempt == _ATTEMPTS - 1:
                    raise
                self.retries += 1
                damped = matrix + extra * 2**attempt * torch.eye(matrix.shape[0]).to(matrix)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _next_seed(self) -> int:
        self.seed += 1
        return self.seed


class _Inverters(_Thermo):
    """Both inverses once a refresh, digital products every step."""

    def prepare(self, A: Tensor, G: Tensor) -> Apply:
        """Have the machine invert both."""
        return Inverses(self._inverse(G), self._inverse(A))

    def _inverse(self, matrix: Tensor) -> Tensor:
        seed = self._next_seed()
        return self._held(matrix, lambda m: self._run(m, seed)).estimate

    def _run(self, matrix: Tensor, seed: int) -> Result:
        raise NotImplementedError


class ThermoInverse(_Inverters):
    """Method 1. Keyword arguments other than the machine, `guard` and `seed` go to `solver.invert`."""

    def _run(self, matrix: Tensor, seed: int) -> Result:
        return invert(matrix, self.machine, seed=seed, **self.target)


class ThermoColumns(_Thermo):
    """Settled columns. Keyword arguments but those named here go to `solver.invert_by_columns`.

    Args:
        machine: the machine.
        drift: how far the inverses of a layer move between two refreshes, relative: from the second on they start from
            the last. None starts every column at rest.
        guard: as of all backends on a machine.
        seed: of the first run.
    """

    def __init__(
        self, machine: Machine, *, drift: float | None = None, guard: bool = False, seed: int = 0, **target: Any
    ) -> None:
        super().__init__(machine, guard=guard, seed=seed, **target)
        self.drift = drift

    def prepare(self, A: Tensor, G: Tensor) -> Apply:
        """Have the machine invert both, from rest."""
        return self._both(A, G, None)

    def prepare_again(self, A: Tensor, G: Tensor, last: Apply) -> Apply:
        """Have the machine invert both, from the last inverses where a drift is given."""
        return self._both(A, G, last if isinstance(last, Columns) and self.drift is not None else None)

    def _both(self, A: Tensor, G: Tensor, last: Columns | None) -> Columns:
        left = self._result(G, None if last is None else last.left_pivots)
        right = self._result(A, None if last is None else last.right_pivots)
        assert left.pivots is not None
        assert right.pivots is not None  # columns have them
        return Columns(left.estimate, right.estimate, left.pivots, right.pivots)

    def _result(self, matrix: Tensor, pivots: Tensor | None) -> Result:
        seed, target = self._next_seed(), dict(self.target)
        if pivots is not None and self.drift is not None:
            target["start"] = Start(pivots, self.drift)
        return self._held(matrix, lambda m: invert_by_columns(m, self.machine, seed=seed, **target))


class ThermoProducts(_Inverters):
    """Analog products. Keyword arguments but the machine, `guard` and `seed` go to `solver.invert_by_products`."""

    def _run(self, matrix: Tensor, seed: int) -> Result:
        return invert_by_products(matrix, self.machine, seed=seed, **self.target)


class ThermoSolve(_Thermo):
    """Method 2: d_in systems with G and d_out systems with A every step, on factors that stay loaded between refreshes.

    Keyword arguments other than the machine, `guard`, `mitigation` and `seed` go to `solver.solve`.
    """

    def prepare(self, A: Tensor, G: Tensor) -> Apply:
        """Load both at the first gradient; later ones find them there."""
        left, right = self._loaded(G), self._loaded(A)
        return lambda grad: right(left(grad).mT).mT

    def _loaded(self, matrix: Tensor) -> Apply:
        sessions: list[Session] = []
        target = {name: value for name, value in self.target.items() if name != "mitigation"}
        mitigation, seed = self.target.get("mitigation"), self._next_seed()

        def first(damped: Tensor, right: Tensor) -> Result:
            session = Session(damped, self.machine, mitigation=mitigation, seed=seed)
            result = session.solve(right, **target)
            sessions.append(session)
            return result

        def apply(right: Tensor) -> Tensor:
            right = right.contiguous()
            if not sessions:
                return self._held(matrix, lambda m: first(m, right)).estimate
            return self._counted(lambda: sessions[0].solve(right, **target)).estimate

        return apply
