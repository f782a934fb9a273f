"""The RTX A6000 card as YAML text, from fitted laws."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from validation.published import data as published

if TYPE_CHECKING:
    from validation.published.rtx_a6000 import Constant, Fit

_HEAD: Final = """\
# Written by `python -m validation.published.rtx_a6000 --out FILE`; change the fit, not this file.
schema: 1
kind: digital
name: rtx-a6000
title: NVIDIA RTX A6000, PyTorch 2.10 compiled, fitted to published K-FAC phase times; memory bandwidth assumed
source: >-
  Phase times of the benchmark of f-dangel/curvlinops (MIT), PyTorch 2.10.0+cu128, float32, shortest of ten runs, three
  networks; validation/data/published/methodology.md. Ranges are not measurement errors: they span the fits with one
  network left out and the fits of eager mode, at least 10 % either way.
operations:
"""
_SOURCES: Final = {
    "network": "loss and gradient of all parameters; calls are factored matrices, forward and backward together",
    "gemm": "preconditioning with explicit inverses and factor products, two products for each layer and phase",
    "spd_inverse": "damping, Cholesky factor and explicit inverse, factor by factor; both backends",
    "eigh": "torch.linalg.eigh, factor by factor; later PyTorch versions choose other algorithms",
}
_TERMS: Final = {"launch": ("us", 1e-6), "element_time": ("ns", 1e-9), "rate": ("TFLOP/s", 1e12)}
_STREAM: Final = """\
  stream:
    bandwidth:
      value: 650 GB/s
      low: 580 GB/s
      high: 710 GB/s
      status: assumed
      source: >-
        not timed by the benchmark; data sheet peak 768 GB/s (GDDR6, 384 bit), of which 75 to 92 % is taken to be
        reached, 85 % nominally; an H100 and an H200 reach 90 % of theirs
"""


def rtx_a6000(fits: Sequence[Fit]) -> str:
    """The whole card."""
    return _HEAD + "".join(_law(fit) for fit in fits) + _STREAM


def _law(fit: Fit) -> str:
    lines = [f"  {fit.primitive}:\n"]
    for term, constant in fit.constants.items():
        lines.append(f"    {term}:\n" + textwrap.indent(_quantity(term, constant, fit), " " * 6))
    return "".join(lines)


def _quantity(term: str, constant: Constant, fit: Fit) -> str:
    unit, size = _TERMS[term]
    value, low, high = (f"{number / size:.4g} {unit}" for number in (constant.value, constant.low, constant.high))
    worst = max(abs(error) for error in fit.left_out.values())
    text = f"fitted: {_SOURCES[fit.primitive]}; worst error on a network left out {worst:.1%}"
    return (
        f"value: {value}\nlow: {low}\nhigh: {high}\nstatus: interpolated\n{_domain(fit)}source: >-\n"
        f"{textwrap.indent(textwrap.fill(text, 108), '  ')}\n"
    )


def _domain(fit: Fit) -> str:
    """Matrix sizes in the data; none for whole passes, which have no one size."""
    if fit.primitive == "network":
        return ""
    sizes = [size for model in published.MODELS for size in published.factor_sizes(model)]
    return f"domain: [{min(sizes)}, {max(sizes)}]\n"
