"""Maximum and minimum, left as they are written.

sympy compares the arguments of ``Max`` and ``Min`` when it builds them, by assumption queries and trial substitutions.
In formulas like these it never finds anything, and the search takes several times as long as building all the rest.
"""

from __future__ import annotations

from costmodel.quantities.algebra import sp
from costmodel.quantities.symbols import Expression


def larger(*expressions: Expression) -> Expression:
    """The largest of some expressions."""
    return sp.Max(*expressions, evaluate=False)


def smaller(*expressions: Expression) -> Expression:
    """The smallest of some expressions."""
    return sp.Min(*expressions, evaluate=False)
