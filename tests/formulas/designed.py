"""Matrices with a spectrum of our choice, and exact moments of the process by general linear algebra.

Nothing here knows the formulas: stationary covariances come from scipy's Lyapunov solver, motion from the matrix
exponential of the drift, averages over a window from quadrature.
"""

import numpy as np
import scipy.linalg
from scipy.integrate import quad, quad_vec


def with_spectrum(eigenvalues, seed=0):
    """A symmetric matrix with these eigenvalues in a random basis, and the basis (eigenvectors in columns)."""
    eigenvalues = np.asarray(eigenvalues, dtype=float)
    basis, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((len(eigenvalues),) * 2))
    return (basis * eigenvalues) @ basis.T, basis


def logarithmic(n, kappa):
    """Eigenvalues from 1 / kappa to 1, evenly spaced in their logarithm."""
    return np.geomspace(1 / kappa, 1, n)


def worst_for_noise(n, kappa):
    """One mode at 1, all others at 1 / kappa: the largest sum of inverse squares that kappa allows."""
    return np.array([*[1 / kappa] * (n - 1), 1.0])


class Process:
    """A linear Langevin equation dz = -F z dt + noise of covariance D, of which the first n components are seen.

    Overdamped: F = A, D = 2. Underdamped, z = (x, v): F = [[0, -1], [A, gamma]], D = diag(0, 2 gamma). Temperature 1,
    time in units of tau or tau_o.
    """

    def __init__(self, A, friction=None):
        n = len(A)
        self.n = n
        if friction is None:
            self.drift, self.diffusion = A, 2 * np.eye(n)
        else:
            zero, one = np.zeros((n, n)), np.eye(n)
            self.drift = np.block([[zero, -one], [A, friction * one]])
            self.diffusion = scipy.linalg.block_diag(zero, 2 * friction * one)
        self.stationary = scipy.linalg.solve_continuous_lyapunov(self.drift, self.diffusion)

    @property
    def covariance(self):
        """Stationary covariance of what is seen."""
        return self.stationary[: self.n, : self.n]

    def propagator(self, time):
        """The matrix that carries the mean over a time."""
        return scipy.linalg.expm(-self.drift * time)

    def response(self, time):
        """What stands in place of A^-1 when a mean is read at a time after rest."""
        n = self.n
        missing = self.propagator(time)
        push = np.zeros((len(self.drift), n))
        push[-n:] = np.eye(n)
        return (np.linalg.solve(self.drift, push - missing @ push))[:n]

    def covariance_at(self, time):
        """Covariance of what is seen at a time after rest at the origin."""
        moved = self.propagator(time)
        return (self.stationary - moved @ self.stationary @ moved.T)[: self.n, : self.n]

    def autocovariance(self, lag):
        """Stationary covariance of what is seen now with what was seen a lag ago."""
        return (self.propagator(lag) @ self.stationary)[: self.n, : self.n]

    def variance_of_mean(self, window):
        """Sum over components of the variance of an average over a window."""
        return 2 / window * self._integral(lambda u: (1 - u / window) * np.trace(self.autocovariance(u)), window)

    def scatter_of_covariance(self, window):
        """Expected squared Frobenius error of a covariance averaged over a window, by Isserlis' theorem."""
        return 2 / window * self._integral(lambda u: (1 - u / window) * self._scatter(u), window)

    def integrated_scatter(self):
        """What the squared error times the window tends to for long windows."""
        return 2 * self._integral(self._scatter, np.inf)

    def mean_covariance(self, start, window):
        """Covariance averaged over a window that starts some time after rest."""
        value, _ = quad_vec(self.covariance_at, start, start + window, epsrel=1e-9)
        return value / window

    def _scatter(self, lag):
        r = self.autocovariance(lag)
        return np.trace(r) ** 2 + (r * r.T).sum()

    def _integral(self, function, until):
        """From zero on; nothing is left of a correlation after 40 of the slowest relaxation times."""
        slowest = 1 / np.linalg.eigvals(self.drift).real.min()
        end = min(until, 40 * slowest)
        inner = [point for point in (1.0, np.sqrt(slowest), slowest, 5 * slowest) if point < end]
        value, _ = quad(function, 0, end, points=inner, limit=400, epsabs=0, epsrel=1e-8)
        return value
