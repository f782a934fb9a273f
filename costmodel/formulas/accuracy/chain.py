"""Two factors in a row: from the error of A^-1 V G^-1 to what each of the two inverses may contribute.

Errors are relative to the exact product. Three cases, by how the two errors go together.
"""

from __future__ import annotations

import numpy as np

from costmodel.formulas.accuracy.moments import SOURCE
from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.algebra import sp
from costmodel.quantities.estimate import Draws
from costmodel.quantities.symbols import Expression, epsilon, epsilon_n, epsilon_t
from costmodel.quantities.units import one


def together(first: Draws, second: Draws) -> Draws:
    """Error of a layer's preconditioned gradient by random, independent errors of its two inverses.

    >>> round(float(together(np.array(0.3), np.array(0.4))), 4)
    0.5142
    """
    return np.asanyarray(np.sqrt((1 + first**2) * (1 + second**2) - 1))


@formula("accuracy.chain.independent", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def independent() -> Expression:
    """Error each inverse may make of a gradient where errors of both are random and independent, as in sampling.

    Their powers multiply: 1 + epsilon^2 = (1 + x^2)^2. Small errors are divided by sqrt(2).

    >>> round(independent().evaluate(epsilon_n=0.1), 5)
    0.07062
    """
    return sp.sqrt(sp.sqrt(1 + epsilon_n**2) - 1)


@formula("accuracy.chain.missing", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def missing() -> Expression:
    """Share of a gradient each inverse may leave out where both leave out the slow modes: 1 - epsilon = (1 - x)^2.

    Small errors are halved, because they go the same way; no sum of shares exceeds 1.

    >>> round(missing().evaluate(epsilon_t=0.75), 9)
    0.5
    """
    return 1 - sp.sqrt(1 - epsilon_t)


@formula("accuracy.chain.bounded", one, SOURCE, verified_by=Oracle.REAL_SPECTRA)
def bounded() -> Expression:
    """Error each inverse may make of a gradient however the two go together: 1 + epsilon = (1 + x)^2.

    >>> round(bounded().evaluate(epsilon=0.21), 9)
    0.1
    """
    return sp.sqrt(1 + epsilon) - 1
