"""Integration times for a given spectrum rather than for the worst of a given kappa.

These take eigenvalues, so they are functions that return a :class:`Formula` and stand outside the catalog.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from costmodel.formulas.formula import Formula
from costmodel.quantities.estimate import Draws
from costmodel.quantities.symbols import epsilon, nu, tau
from costmodel.quantities.units import second


def covariance_time(eigenvalues: Sequence[float]) -> Formula:
    """Running time that brings the covariance of this spectrum to a relative error of epsilon (Frobenius, rms).

    The squared error after time T is (2 tau / T) sum_ij (1 + delta_ij) / (l_i l_j (l_i + l_j)) over sum_i l_i^-2.

    Args:
        eigenvalues: All positive; only their ratios count.

    Raises:
        ValueError: None, or one that is not positive.

    >>> str(covariance_time([1.0, 1.0, 1.0]).expression)  # (n + 1) kappa tau / epsilon^2 is met
    '4.0*tau/epsilon**2'
    """
    scaled = _scaled(eigenvalues)
    rows, columns = scaled[:, None], scaled[None, :]
    pairs = 1 / (rows * columns * (rows + columns))
    weight = 2 * float(pairs.sum() + np.trace(pairs)) / float((scaled**-2).sum())
    return Formula(
        "thermo.spectrum.covariance.time",
        weight * tau / epsilon**2,
        second,
        f"Running time of the covariance of one given spectrum of {len(scaled)} modes.",
        "derived: docs/derivations.md, error of a time-averaged covariance",
    )


def mean_time(eigenvalues: Sequence[float], drive: Sequence[float] | None = None) -> Formula:
    """Averaging that brings the noise of a solution below epsilon, for this spectrum.

    Args:
        eigenvalues: All positive; only their ratios count.
        drive: Components of the input along the modes; without it the worst one, along the largest eigenvalue.

    Raises:
        ValueError: No eigenvalue, one that is not positive, or a drive of another length or of norm zero.

    >>> str(mean_time([1.0, 0.5]).expression)  # 2 (1 + 4)
    '10.0*nu*tau/epsilon**2'
    """
    scaled = _scaled(eigenvalues)
    gain = 1.0
    if drive is not None:
        components = np.asarray(drive, dtype=float)
        if components.shape != scaled.shape or not components.any():
            raise ValueError(f"the drive needs {len(scaled)} components that are not all zero")
        gain = float(((components / scaled) ** 2).sum() / (components**2).sum())
    weight = 2 * float((scaled**-2).sum()) / gain
    return Formula(
        "thermo.spectrum.mean.time",
        weight * nu * tau / epsilon**2,
        second,
        f"Averaging of one solution for one given spectrum of {len(scaled)} modes.",
        "derived: docs/derivations.md, error of a time-averaged mean",
    )


def _scaled(eigenvalues: Sequence[float]) -> Draws:
    values = np.asarray(eigenvalues, dtype=float)
    if values.ndim != 1 or not values.size or not (values > 0).all():
        raise ValueError("a spectrum is a list of at least one eigenvalue, all positive")
    scaled: Draws = values / values.max()
    return scaled
