"""K-FAC on p data-parallel workers, placed as KAISA does (arXiv 2107.01739).

Every layer's factors are averaged over all workers; one worker inverts a factor; a share f_g of the workers, the
layer's gradient workers, receive the inverses and precondition; each broadcasts the result to 1 / f_g - 1 others.
f_g = 1 / p is memory-optimal (one worker for a layer), f_g = 1 communication-optimal (no traffic on ordinary steps),
anything between is hybrid. Counts are words over all links together unless they say by worker.
"""

from __future__ import annotations

from costmodel.formulas.registry import formula
from costmodel.formulas.verification import Oracle
from costmodel.quantities.symbols import Expression, N, a, f_g, g, n, p
from costmodel.quantities.units import flop, one

_KAISA = "KAISA, arXiv 2107.01739: gradient workers receive inverses, the others gradients"


@formula("kfac.distributed.gradient_workers", one, _KAISA, verified_by=Oracle.MESSAGES)
def gradient_workers() -> Expression:
    """Workers that hold a layer's inverses and precondition its gradient.

    >>> gradient_workers().evaluate(p=16, f_g=0.25)
    4.0
    """
    return f_g * p


@formula(
    "kfac.distributed.factor_all_reduce.words",
    one,
    "ring all-reduce: every worker sends 2 (p - 1) / p of the data",
    verified_by=Oracle.MESSAGES,
)
def factor_all_reduce_words() -> Expression:
    """Words each worker sends to average a layer's factors, once a factor update; one triangle would halve it.

    >>> factor_all_reduce_words().evaluate(p=4, a=3, g=2)
    19.5
    """
    return 2 * (p - 1) / p * (a**2 + g**2)


@formula("kfac.distributed.inverse_broadcast.words", one, _KAISA, verified_by=Oracle.MESSAGES)
def inverse_broadcast_words() -> Expression:
    """Words sent to bring a layer's inverses to its other gradient workers, once a refresh.

    Nothing in the memory-optimal placement, where the inverting worker is the only gradient worker.

    >>> inverse_broadcast_words().evaluate(p=16, f_g=0.25, a=3, g=2)
    39.0
    """
    return (gradient_workers().expression - 1) * (a**2 + g**2)


@formula(
    "kfac.distributed.eigen_broadcast.words",
    one,
    _KAISA + "; eigenvectors and the scaling table",
    verified_by=Oracle.MESSAGES,
)
def eigen_broadcast_words() -> Expression:
    """The same for eigenvectors with the table 1 / (lambda_A lambda_G + lambda).

    >>> eigen_broadcast_words().evaluate(p=16, f_g=0.25, a=3, g=2)
    57.0
    """
    return (gradient_workers().expression - 1) * (a**2 + g**2 + a * g)


@formula("kfac.distributed.gradient_broadcast.words", one, _KAISA, verified_by=Oracle.MESSAGES)
def gradient_broadcast_words() -> Expression:
    """Words sent to bring a layer's preconditioned gradient to the workers that did not compute it, every step.

    >>> gradient_broadcast_words().evaluate(p=16, f_g=0.25, a=3, g=2)
    72.0
    """
    return (p - gradient_workers().expression) * a * g


@formula(
    "kfac.distributed.inverse.elements",
    one,
    "a layer's inverses lie on f_g p of p workers",
    verified_by=Oracle.MESSAGES,
)
def inverse_elements() -> Expression:
    """Elements of inverses that one worker holds of a layer, averaged over workers.

    >>> inverse_elements().evaluate(f_g=0.25, a=4, g=2)
    5.0
    """
    return f_g * (a**2 + g**2)


@formula(
    "kfac.distributed.inversion.flops",
    flop,
    "each factor is inverted by one of p workers; perfect balance",
    verified_by=Oracle.MESSAGES,
)
def inversion_flops() -> Expression:
    """Cholesky inverses by worker, for one factor: the lower bound that a placement by n^3 approaches.

    >>> inversion_flops().evaluate(n=10, p=4)
    250.0
    """
    return n**3 / p


@formula(
    "kfac.distributed.precondition.flops",
    flop,
    "each layer is preconditioned by f_g p of p workers",
    verified_by=Oracle.MESSAGES,
)
def precondition_flops() -> Expression:
    """Preconditioning products by worker, for one layer: f_g = 1 repeats them on every worker.

    >>> precondition_flops().evaluate(f_g=0.5, a=3, g=2)
    30.0
    """
    return 2 * f_g * a * g * (a + g)


# --- what one worker sends, which is what its link has to carry ------------------------------------------------------


@formula(
    "kfac.distributed.gradient_all_reduce.words",
    one,
    "ring all-reduce: every worker sends 2 (p - 1) / p of the data",
    verified_by=Oracle.MESSAGES,
)
def gradient_all_reduce_words() -> Expression:
    """Words each worker sends to average the gradients of all parameters, every step of any optimizer.

    >>> gradient_all_reduce_words().evaluate(p=4, N=100)
    150.0
    """
    return 2 * (p - 1) / p * N


@formula(
    "kfac.distributed.all_reduce.messages",
    one,
    "ring all-reduce: p - 1 turns to sum up, p - 1 to spread the sums",
    verified_by=Oracle.MESSAGES,
)
def all_reduce_messages() -> Expression:
    """Messages each worker sends, one after the other, for data in one buffer.

    >>> all_reduce_messages().evaluate(p=4)
    6.0
    """
    return 2 * (p - 1)


@formula("kfac.distributed.inverse_broadcast.messages", one, _KAISA, verified_by=Oracle.MESSAGES)
def inverse_broadcast_messages() -> Expression:
    """Messages each worker sends to bring a layer's inverses to its gradient workers, a mean over workers.

    >>> inverse_broadcast_messages().evaluate(p=16, f_g=0.25)
    0.1875
    """
    return (gradient_workers().expression - 1) / p


@formula("kfac.distributed.gradient_broadcast.messages", one, _KAISA, verified_by=Oracle.MESSAGES)
def gradient_broadcast_messages() -> Expression:
    """Messages each worker sends to bring a layer's preconditioned gradient to the others, a mean over workers.

    >>> gradient_broadcast_messages().evaluate(p=16, f_g=0.25)
    0.75
    """
    return (p - gradient_workers().expression) / p


@formula("kfac.distributed.inverse_broadcast.worker_words", one, _KAISA, verified_by=Oracle.MESSAGES)
def inverse_broadcast_worker_words() -> Expression:
    """Words each worker sends to bring a layer's inverses to its gradient workers, a mean over workers.

    >>> inverse_broadcast_worker_words().evaluate(p=16, f_g=0.25, a=3, g=2)
    2.4375
    """
    return inverse_broadcast_words().expression / p


@formula("kfac.distributed.eigen_broadcast.worker_words", one, _KAISA, verified_by=Oracle.MESSAGES)
def eigen_broadcast_worker_words() -> Expression:
    """The same for eigenvectors with their table.

    >>> eigen_broadcast_worker_words().evaluate(p=16, f_g=0.25, a=3, g=2)
    3.5625
    """
    return eigen_broadcast_words().expression / p


@formula("kfac.distributed.gradient_broadcast.worker_words", one, _KAISA, verified_by=Oracle.MESSAGES)
def gradient_broadcast_worker_words() -> Expression:
    """Words each worker sends to bring a layer's preconditioned gradient to the others, a mean over workers.

    >>> gradient_broadcast_worker_words().evaluate(p=16, f_g=0.25, a=3, g=2)
    4.5
    """
    return gradient_broadcast_words().expression / p


@formula(
    "kfac.distributed.solution_broadcast.worker_words",
    one,
    "one worker solves for a layer's gradient and the others receive it",
    verified_by=Oracle.MESSAGES,
)
def solution_broadcast_worker_words() -> Expression:
    """Words each worker sends where one alone preconditions a layer, whatever the placement of inverses.

    >>> solution_broadcast_worker_words().evaluate(p=16, a=3, g=2)
    5.625
    """
    return (p - 1) * a * g / p


@formula(
    "kfac.distributed.solution_broadcast.messages",
    one,
    "one worker solves for a layer's gradient and the others receive it",
    verified_by=Oracle.MESSAGES,
)
def solution_broadcast_messages() -> Expression:
    """Messages of the same.

    >>> solution_broadcast_messages().evaluate(p=16)
    0.9375
    """
    return (p - 1) / p
