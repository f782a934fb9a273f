"""Counting the FLOPs that PyTorch really runs, factorisations included.

torch's own ``FlopCounterMode`` knows products and convolutions only: Cholesky factors, inverses, eigendecompositions
and triangular solves count as zero there, which are the operations K-FAC is about.
"""

from validation.counting.counter import FlopCounter, UnknownOperationError
from validation.counting.kinds import Kind

__all__ = ["FlopCounter", "Kind", "UnknownOperationError"]
