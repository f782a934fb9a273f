"""What kind of work an operation is."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """Kinds are counted apart, because formulas leave some of them out on purpose."""

    PRODUCT = "product"  # matrix products and convolutions: a multiply-add is 2 FLOPs
    FACTORISATION = "factorisation"  # LAPACK's operations, leading terms of LAPACK Working Note 41
    ELEMENTWISE = "elementwise"  # one FLOP for each arithmetic operation on an element; sums count their inputs


#: FLOPs of one call by kind, from its positional arguments, keyword arguments and result.
Rule = Callable[[tuple[Any, ...], dict[str, Any], Any], dict[Kind, float]]
