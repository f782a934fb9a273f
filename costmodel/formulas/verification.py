"""The report card: how far each formula has been checked against something that is not itself.

Which tests verify a formula they say themselves, with the marker ``verifies``; a test holds this table to those marks,
and a marked test that never evaluates its formula fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from costmodel.formulas.registry import get
from costmodel.formulas.thermo import verified


class Check(StrEnum):
    """How far a formula has been checked, the furthest first."""

    VERIFIED = "verified"  # a test compares it with counted operations, a simulation or an independent implementation
    DERIVED = "derived"  # docs/derivations*.md derive it; no test compares it with anything else
    UNVERIFIED = "unverified"  # its source is all there is


@dataclass(frozen=True, slots=True)
class Evidence:
    """What stands behind a formula.

    Attributes:
        check: How far it has been checked.
        by: What it was compared with, or where it comes from.
    """

    check: Check
    by: str


_COUNTED: Final = "operations counted in PyTorch on linear, token, convolution, graph and recurrent layers"
_TENSORS: Final = "sizes of the tensors that a PyTorch implementation keeps or moves"
_TORCH: Final = "operations and state of torch.optim's own implementation"
_MESSAGES: Final = "messages counted one by one in a simulated placement"

#: What formulas were compared with, and which.
_VERIFIED: Final[Mapping[str, tuple[str, ...]]] = {
    _COUNTED: (
        "ekfac.scalings.flops",
        "ekfac.squares.flops",
        "kfac.cg.launches",
        "kfac.cg.step.flops",
        "kfac.cg.vectors.flops",
        "kfac.cholesky.refresh.flops",
        "kfac.cholesky_solve.refresh.flops",
        "kfac.cholesky_solve.step.flops",
        "kfac.damping.flops",
        "kfac.eigh.precondition.flops",
        "kfac.eigh.refresh.flops",
        "kfac.eigh.scale.flops",
        "kfac.factors.expand.flops",
        "kfac.factors.expand.symmetric.flops",
        "kfac.factors.reduce.flops",
        "kfac.factors.reduce.symmetric.flops",
        "kfac.low_rank.eigh.flops",
        "kfac.low_rank.qr.flops",
        "kfac.low_rank.rescale.flops",
        "kfac.low_rank.sketch.flops",
        "kfac.low_rank.step.flops",
        "kfac.newton_schulz.products",
        "kfac.newton_schulz.refresh.flops",
        "kfac.precondition.flops",
        "kfac.running_average.flops",
        "network.forward_backward.flops",
        "network.other.flops",
        "shampoo.eigh.flops",
        "shampoo.factor.count",
        "shampoo.precondition.flops",
        "shampoo.rebuild.flops",
        "shampoo.statistics.flops",
        "soap.qr.flops",
        "soap.refresh.flops",
        "soap.rotate.flops",
        "soap.statistics.flops",
    ),
    _TENSORS: (
        "ekfac.memory.bytes",
        "ekfac.squares.bytes",
        "kfac.cg.memory.bytes",
        "kfac.cholesky.memory.bytes",
        "kfac.cholesky_solve.memory.bytes",
        "kfac.cholesky_solve.step.elements",
        "kfac.eigh.memory.bytes",
        "kfac.eigh.scale.bytes",
        "kfac.factor.elements",
        "kfac.factors.reduce.bytes",
        "kfac.layer.elements",
        "kfac.layer.triangle.elements",
        "kfac.low_rank.eigh.elements",
        "kfac.low_rank.memory.bytes",
        "kfac.low_rank.qr.elements",
        "kfac.low_rank.rescale.bytes",
        "kfac.newton_schulz.memory.bytes",
        "kfac.running_average.bytes",
        "shampoo.average.bytes",
        "shampoo.factor.elements",
        "shampoo.graft.bytes",
        "shampoo.memory.bytes",
        "soap.factor.elements",
        "soap.memory.bytes",
        "soap.statistics.bytes",
    ),
    _TORCH: (
        "adam.memory.bytes",
        "adam.update.bytes",
        "muon.memory.bytes",
        "muon.orthogonalise.flops",
        "muon.products",
        "sgd.memory.bytes",
        "sgd.update.bytes",
    ),
    _MESSAGES: (
        "kfac.distributed.eigen_broadcast.words",
        "kfac.distributed.factor_all_reduce.words",
        "kfac.distributed.gradient_broadcast.words",
        "kfac.distributed.gradient_workers",
        "kfac.distributed.inverse.elements",
        "kfac.distributed.inverse_broadcast.words",
        "kfac.distributed.inversion.flops",
        "kfac.distributed.precondition.flops",
    ),
    "error of the inverse or solution reached on matrices of known spectrum, and missed with fewer": (
        "kfac.cg.iterations",
        "kfac.low_rank.rank",
        "kfac.newton_schulz.iterations",
    ),
    "condition number of damped factors of random rows": ("kfac.damping.condition_number",),
}

#: What verified each formula, by its name.
VERIFIED: Final[Mapping[str, str]] = {
    name: by for by, names in {**_VERIFIED, **verified.VERIFIED}.items() for name in names
}


def evidence(name: str) -> Evidence:
    """What stands behind a formula.

    >>> evidence("kfac.cholesky.refresh.flops").check
    <Check.VERIFIED: 'verified'>
    >>> evidence("muon.update.bytes").check
    <Check.UNVERIFIED: 'unverified'>
    """
    if name in VERIFIED:
        return Evidence(Check.VERIFIED, VERIFIED[name])
    source = get(name).source
    return Evidence(Check.DERIVED if source.startswith("derived: docs/") else Check.UNVERIFIED, source)
