"""Arrays that carry their derivative with respect to one thing: the chain rule through whatever is computed of them.

What is differentiated is the code that gives the numbers, the formulas' own included, so that the derivative is exact.
Where a maximum, a minimum or a clipping is taken it is that of the branch that counts; a ceiling has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import numpy as np

from costmodel.quantities.estimate import Draws


class Slope(np.ndarray[Any, Any]):
    """Values and, element by element, their derivative.

    Attributes:
        slope: The derivative, of the shape of the values; None of a view that numpy made without being told how.
    """

    slope: Draws | None

    def __new__(cls, values: Any, slope: Any) -> Slope:
        """Values with their derivative, which is spread over them."""
        plain = np.array(values, dtype=float)
        made = plain.view(cls)
        made.slope = np.array(np.broadcast_to(slope, plain.shape), dtype=float)
        return made

    def __array_finalize__(self, _: Any) -> None:
        self.slope = None

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **more: Any) -> Any:
        """Values by numpy, derivatives by the chain rule.

        Raises:
            TypeError: There is no rule for the function.
        """
        more.pop("out", None)  # what is written in place is bound anew
        values = [plain(each) for each in inputs]
        if method == "reduce":
            return _reduced(ufunc, inputs[0], values[0], more)
        if method != "__call__":
            raise TypeError(f"no derivative of {ufunc.__name__}.{method}")
        result = getattr(ufunc, method)(*values, **more)
        if ufunc.nout > 1 or np.asarray(result).dtype == bool:
            return result
        if ufunc.__name__ in _FLAT:
            return Slope(result, 0.0)
        if ufunc.__name__ not in _RULES:
            raise TypeError(f"no derivative of {ufunc.__name__}")
        with np.errstate(all="ignore"):  # of branches that do not count
            return Slope(result, _RULES[ufunc.__name__](result, values, [slope_of(each) for each in inputs]))

    def __array_function__(
        self, function: Callable[..., Any], _: Any, given: Iterable[Any], named: Mapping[str, Any]
    ) -> Any:
        """Values by numpy; derivatives go where the values go.

        Raises:
            TypeError: It is not known where they go.
        """
        name, given = function.__name__, list(given)
        values = [_each(plain, each) for each in given]
        keywords = {key: _each(plain, each) for key, each in named.items()}
        if name in _EXTREMES:
            return _extreme(_EXTREMES[name], given[0], *given[1:], **named)
        if name == "clip":
            return np.minimum(np.maximum(given[0], given[1]), given[2])
        found = function(*values, **keywords)
        if name in _PLAIN:
            return found
        if name not in _MOVES:
            raise TypeError(f"no derivative of {name}")
        chosen = name in {"where", "select"}  # the first argument says of what, and has no derivative
        moved = [values[0] if chosen and not place else _each(_moved, each) for place, each in enumerate(given)]
        moved = function(*moved, **keywords)
        if isinstance(found, list | tuple):
            return type(found)(Slope(each, own) for each, own in zip(found, moved, strict=True))
        return Slope(found, moved)

    def linear(self, function: Callable[[Draws], Draws]) -> Slope:
        """A function that is linear in the values."""
        return Slope(function(plain(self)), function(slope_of(self)))

    def __getitem__(self, index: Any) -> Any:
        return Slope(plain(self)[index], slope_of(self)[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError("arrays with a derivative are not written to")

    def reshape(self, *shape: Any, **more: Any) -> Any:
        """Another shape."""
        return self.linear(lambda each: each.reshape(*shape, **more))

    def copy(self, *_: Any, **__: Any) -> Any:
        """The same once more."""
        return self.linear(np.copy)

    def sum(self, *given: Any, **named: Any) -> Any:
        """Sum along axes."""
        return np.sum(self, *given, **named)

    def max(self, *given: Any, **named: Any) -> Any:
        """The largest, with its derivative."""
        return np.max(self, *given, **named)

    def min(self, *given: Any, **named: Any) -> Any:
        """The smallest, with its derivative."""
        return np.min(self, *given, **named)


def plain(value: Any) -> Any:
    """Values alone."""
    return value.view(np.ndarray) if isinstance(value, Slope) else value


def slope_of(value: Any) -> Any:
    """The derivative; zero of what has none.

    Raises:
        TypeError: It was lost on the way.
    """
    if not isinstance(value, Slope):
        return 0.0
    if value.slope is None:
        raise TypeError("a derivative was lost on the way")
    return value.slope


def _moved(value: Any) -> Any:
    """What a function that only moves values has to move of an argument: its derivative, zeros of one without."""
    if isinstance(value, Slope):
        return slope_of(value)
    has_none = isinstance(value, float) or (isinstance(value, np.ndarray) and value.dtype != bool)
    return np.zeros_like(value, dtype=float) if has_none else value


def _each(function: Callable[[Any], Any], value: Any) -> Any:
    """A function of an argument, or of each of a list of arrays."""
    if isinstance(value, list | tuple) and any(isinstance(each, np.ndarray) for each in value):
        return [function(each) for each in value]
    return function(value)


def _reduced(ufunc: np.ufunc, given: Any, values: Draws, more: Mapping[str, Any]) -> Any:
    if ufunc.__name__ in _EXTREMES:
        return _extreme(_EXTREMES[ufunc.__name__], given, more.get("axis"))
    result = ufunc.reduce(values, **more)
    if np.asarray(result).dtype == bool:
        return result
    if ufunc is not np.add:
        raise TypeError(f"no derivative of {ufunc.__name__}.reduce")
    return Slope(result, np.add.reduce(slope_of(given), **more))


def _extreme(which: Callable[..., Any], given: Any, axis: int | None = None) -> Any:
    """The largest or the smallest along an axis, with the derivative that it has."""
    values, slopes = plain(given), slope_of(given)
    if axis is None:
        at = int(which(values))
        return Slope(values.reshape(-1)[at], slopes.reshape(-1)[at])
    places = np.expand_dims(which(values, axis=axis), axis)
    return Slope(*(np.take_along_axis(each, places, axis).squeeze(axis) for each in (values, slopes)))


_EXTREMES: Final[Mapping[str, Callable[..., Any]]] = {
    "max": np.argmax,
    "amax": np.argmax,
    "maximum": np.argmax,
    "min": np.argmin,
    "amin": np.argmin,
    "minimum": np.argmin,
}
#: Constant but for jumps.
_FLAT: Final = frozenset({"ceil", "floor", "rint", "trunc", "sign"})
#: Functions that put every value somewhere, or add some up.
_MOVES: Final = frozenset(
    {
        "atleast_1d",
        "atleast_2d",
        "broadcast_arrays",
        "broadcast_to",
        "concatenate",
        "copy",
        "expand_dims",
        "ravel",
        "repeat",
        "reshape",
        "select",
        "squeeze",
        "stack",
        "sum",
        "tile",
        "where",
    }
)
#: Functions of which only the values are asked: for statuses, sizes and choices.
_PLAIN: Final = frozenset(
    {
        "all",
        "any",
        "argmax",
        "argmin",
        "argsort",
        "isclose",
        "median",
        "ndim",
        "ones_like",
        "partition",
        "round",
        "shape",
        "size",
        "unique",
        "zeros_like",
        "full_like",
    }
)


def _power(result: Draws, values: list[Any], slopes: list[Any]) -> Draws:
    (base, exponent), (of_base, of_exponent) = values, slopes
    found = exponent * base ** (np.asarray(exponent, dtype=float) - 1) * of_base
    return np.asarray(found + (result * np.log(base) * of_exponent if np.any(of_exponent) else 0.0))


def _chosen(first: Callable[[Any, Any], Any]) -> Callable[[Draws, list[Any], list[Any]], Draws]:
    """Of two values the one that counts; of equal ones half of both, as a central difference has it."""

    def rule(_: Draws, values: list[Any], slopes: list[Any]) -> Draws:
        (a, b), (of_a, of_b) = values, slopes
        half: Any = (np.asarray(of_a) + of_b) / 2
        return np.asarray(np.where(np.equal(a, b), half, np.where(first(a, b), of_a, of_b)))

    return rule


#: Derivative of a function's result by it, its arguments, and theirs.
_RULES: Final[Mapping[str, Callable[[Any, list[Any], list[Any]], Any]]] = {
    "add": lambda _, __, s: s[0] + s[1],
    "subtract": lambda _, __, s: s[0] - s[1],
    "multiply": lambda _, v, s: s[0] * v[1] + v[0] * s[1],
    "divide": lambda y, v, s: (s[0] - y * s[1]) / v[1],
    "true_divide": lambda y, v, s: (s[0] - y * s[1]) / v[1],
    "matmul": lambda _, v, s: np.matmul(v[0], s[1]) if np.ndim(s[1]) else np.matmul(s[0], v[1]),
    "power": _power,
    "negative": lambda _, __, s: -s[0],
    "positive": lambda _, __, s: s[0],
    "absolute": lambda _, v, s: np.sign(v[0]) * s[0],
    "square": lambda _, v, s: 2 * v[0] * s[0],
    "reciprocal": lambda y, _, s: -y * y * s[0],
    "sqrt": lambda y, _, s: s[0] / (2 * y),
    "exp": lambda y, _, s: y * s[0],
    "log": lambda _, v, s: s[0] / v[0],
    "sin": lambda _, v, s: np.cos(v[0]) * s[0],
    "tanh": lambda y, _, s: (1 - y * y) * s[0],
    "hypot": lambda y, v, s: (v[0] * s[0] + v[1] * s[1]) / y,
    "maximum": _chosen(np.greater),
    "minimum": _chosen(np.less),
}
