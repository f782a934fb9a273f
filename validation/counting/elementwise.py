"""Rules of element-wise operations and reductions, and the list of operations that compute nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from validation.counting.kinds import Kind, Rule

Counts = dict[Kind, float]


def _for_each_output(flops: int) -> Rule:
    return lambda args, kwargs, out: {Kind.ELEMENTWISE: float(flops * out.numel())}


def _for_each_input(flops: int) -> Rule:
    return lambda args, kwargs, out: {Kind.ELEMENTWISE: float(flops * args[0].numel())}


def scaled_sum(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Counts:
    """``add`` and ``sub``: one FLOP, and one more where the second term is scaled."""
    return {Kind.ELEMENTWISE: float(out.numel() * (1 + (kwargs.get("alpha", 1) != 1)))}


def scaled_quotient(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Counts:
    """``addcmul`` and ``addcdiv``: two FLOPs, and one more where the second term is scaled."""
    return {Kind.ELEMENTWISE: float(out.numel() * (2 + (kwargs.get("value", 1) != 1)))}


def accumulate(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Counts:
    """One sum for each added element; arguments input, dimension, index, source."""
    return {Kind.ELEMENTWISE: float(args[3].numel())}


def put(args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Counts:
    """``index_put``: one sum for each value where it accumulates; arguments input, indices, values, accumulate."""
    return {Kind.ELEMENTWISE: float(args[2].numel() if len(args) > 3 and args[3] else 0)}


def _for_each_parameter(flops: int) -> Rule:
    return lambda args, kwargs, out: {Kind.ELEMENTWISE: float(flops * sum(each.numel() for each in args[0]))}


RULES: Final[Mapping[str, Rule]] = {
    "add": scaled_sum,
    "sub": scaled_sum,
    "rsub": scaled_sum,
    "addcmul": scaled_quotient,
    "addcdiv": scaled_quotient,
    "index_add": accumulate,
    "scatter_add": accumulate,
    "index_put": put,
    "_index_put_impl": put,
    **dict.fromkeys(
        ("mul", "div", "reciprocal", "sqrt", "rsqrt", "neg", "pow", "clamp", "relu", "tanh"), _for_each_output(1)
    ),
    **dict.fromkeys(("clamp_min", "maximum", "where", "threshold_backward"), _for_each_output(1)),
    **dict.fromkeys(("gt", "ge", "lt", "le", "eq", "ne"), _for_each_output(1)),
    # (1 - y^2) times the gradient.
    "tanh_backward": _for_each_output(3),
    # A difference, its square and the sum; backward the difference, a constant and the gradient of the loss.
    "mse_loss": _for_each_input(3),
    "mse_loss_backward": _for_each_output(3),
    # A difference, a product and a sum: start + weight (end - start).
    "lerp": _for_each_output(3),
    **dict.fromkeys(("sum", "trace", "amax", "max"), _for_each_input(1)),
    # A mean sums its inputs; the division of the result is left out as everything of the size of a result is.
    "mean": _for_each_input(1),
    "_foreach_add": _for_each_parameter(1),
    # Momentum scaled and added to; the step scaled and added.
    "_fused_sgd": _for_each_parameter(4),
    # First moment 3 (lerp), second 4, its root, correction and epsilon 3, quotient, scale and sum 3.
    "_fused_adam": _for_each_parameter(13),
    # A square and a sum for each element.
    "linalg_vector_norm": _for_each_input(2),
}

_VIEWS: Final = (
    *(
        "view",
        "_unsafe_view",
        "_reshape_alias",
        "reshape",
        "t",
        "transpose",
        "permute",
        "expand",
        "unsqueeze",
        "squeeze",
    ),
    *("select", "slice", "split", "split_with_sizes", "unbind", "narrow", "diagonal", "as_strided", "alias", "detach"),
)
_COPIES: Final = (
    *("clone", "copy", "_to_copy", "cat", "stack", "index", "index_select", "gather", "flip", "tril", "triu"),
    *("select_backward", "slice_backward", "diagonal_backward", "diag_embed", "unfold", "im2col", "constant_pad_nd"),
)
_ALLOCATIONS: Final = (
    *(
        "empty",
        "empty_like",
        "empty_strided",
        "new_empty",
        "new_empty_strided",
        "new_zeros",
        "new_ones",
        "new_full",
        "zeros",
    ),
    *("zeros_like", "ones", "ones_like", "full", "full_like", "eye", "arange", "fill", "zero", "scalar_tensor"),
)
_REST: Final = (
    *("lift_fresh", "_local_scalar_dense", "item", "argsort", "sort", "_linalg_check_errors"),
    *("randn", "rand", "randn_like", "normal", "bernoulli"),
    *("_record_function_enter_new", "_record_function_exit"),  # a profiler's marks around an optimizer's step
)
#: Views, copies, allocations, orderings, checks and random numbers: no arithmetic on elements.
FREE: Final = frozenset((*_VIEWS, *_COPIES, *_ALLOCATIONS, *_REST))
