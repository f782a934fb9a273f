"""From the error of a preconditioned gradient to what each flaw may do to each inverse or solve."""

from costmodel.formulas.accuracy import (
    chain,
    columns,
    couplings,
    iterations,
    moments,
    power_law,
    products,
    readings,
    refined,
    repeated,
    sampling,
    settling,
    split,
    tiled,
    tolerances,
)

__all__ = [
    "chain",
    "columns",
    "couplings",
    "iterations",
    "moments",
    "power_law",
    "products",
    "readings",
    "refined",
    "repeated",
    "sampling",
    "settling",
    "split",
    "tiled",
    "tolerances",
]
