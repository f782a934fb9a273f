"""JavaScript of the formulas gives what numpy gives."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from costmodel.formulas import code
from costmodel.formulas.registry import catalog
from costmodel.quantities.symbols import SYMBOLS
from reports.javascript import compiled
from reports.scripts import script
from tests.reports.node import needs_node, run

#: Random points, spread over the formulas' common symbols.
POINTS = 10_000
#: Where a letter is drawn from, by logarithm, where its domain alone would be too wide.
RANGES = {
    "q": (1e-3, 0.999), "chi": (1e-3, 1.0), "epsilon": (1e-3, 0.9), "epsilon_t": (1e-3, 0.9), "epsilon_n": (1e-3, 0.9),
    "T_n": (1e-2, 0.9), "T_t": (1e-2, 0.9), "u_s": (1e-3, 0.9), "u_i": (1e-3, 0.9), "u_x": (1e-3, 0.9),
    "b_in": (2, 20), "b_out": (2, 20),
    "kappa": (1.001, 1e6), "n": (2, 16384), "m": (2, 16384), "k": (2, 16384),
    "t": (1, 100), "tau": (1e-2, 1),  # 1 - exp(-t / (kappa tau)) has lost its digits where the exponent is tiny
}  # fmt: skip
#: Whole by nature: sizes, numbers of arrays.
WHOLE = {"n", "m", "k", "a", "g", "d", "M", "B", "N", "N_t", "P", "n_c", "b", "p"}


def points() -> dict[str, Any]:
    rng = np.random.default_rng(13)
    letters = sorted({letter for formula in catalog().values() for letter in formula.letters})
    found = {}
    for letter in letters:
        info = SYMBOLS[letter]
        low = max(info.minimum, 1e-6) if info.minimum < 1 else info.minimum
        high = min(info.maximum, low * 1e6)
        low, high = RANGES.get(letter, (low, high))
        values = np.exp(rng.uniform(np.log(low), np.log(high), POINTS))
        if info.open_maximum:
            values = np.minimum(values, info.maximum * (1 - 1e-3))
        found[letter] = np.round(values) if letter in WHOLE else values
    return found


@needs_node
def test_every_formula_at_ten_thousand_points(tmp_path: Path) -> None:
    formulas, values = catalog(), points()
    given = {letter: value.tolist() for letter, value in values.items()}
    names = list(formulas)
    found = run(
        tmp_path,
        script("special.js", "formulas.js"),
        """
        const formulas = new Formulas(input.compiled);
        const values = {};
        for (const [letter, each] of Object.entries(input.values)) values[letter] = draws(Float64Array.from(each));
        const found = formulas.evaluate(input.names, values);
        output(input.names.map((name) => Array.from(found[name].data, (x) => Number.isFinite(x) ? x : String(x))));
        """,
        {
            "compiled": compiled({n: f.expression for n, f in formulas.items()}).as_json(),
            "values": given,
            "names": names,
        },
    )
    compared = 0
    with np.errstate(all="ignore"):
        for name, column in zip(names, found, strict=True):
            parts = formulas[name].summands
            expected = np.broadcast_to(code.add(code.evaluate(parts, values).values()), (POINTS,))
            ours = np.broadcast_to(np.array([float(each) for each in column]), (POINTS,))
            finite = np.isfinite(expected)
            assert (np.isfinite(ours) == finite).all(), name
            scale = _scale(parts, values)
            assert np.all(np.abs(ours - expected)[finite] <= 1e-9 * scale[finite]), name
            compared += int(finite.sum())
    assert compared > 0.9 * POINTS * len(names)


def _scale(parts: Any, values: Any) -> Any:
    """What a relative error is relative to: the largest part of a sum, whose parts may cancel."""
    found = [np.broadcast_to(np.abs(each), (POINTS,)) for each in code.evaluate(parts, values).values()]
    return np.max(found, axis=0)


def test_a_formula_without_javascript_is_refused() -> None:
    import sympy as sp

    with pytest.raises(ValueError) as caught:
        compiled({"own": sp.besselj(0, sp.Symbol("n", positive=True))})
    assert str(caught.value) == "no JavaScript for besselj(0, n)"
