"""Shipped numpy code says what the formulas say; formulas from elsewhere do without."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

from costmodel import formulas
from costmodel.formulas import Formula, code, generate, generated
from costmodel.formulas.registry import formula, shipped, unregister
from costmodel.methods import METHODS
from costmodel.quantities import symbols
from costmodel.quantities.units import one

POINTS = 64
REMAKE = "run python -m costmodel.formulas.generate"


def points(letters: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Values inside each symbol's domain, over several orders of magnitude, so that every branch is met."""
    found = {}
    for letter in letters:
        info = symbols.info(letter)
        low, high = max(info.minimum, 1e-3), min(info.maximum, 64.0 if info.unit.name == "bit" else 1e4)
        generator = np.random.default_rng(list(letter.encode()))
        found[letter] = np.exp(generator.uniform(np.log(low), np.log(high), POINTS))
    return found


def test_every_formula_has_code_and_no_code_is_left_over() -> None:
    assert sorted(generated.FORMULAS) == sorted(shipped()), REMAKE


@pytest.mark.parametrize("name", sorted(shipped()))
def test_code_gives_what_the_expression_gives(name: str) -> None:
    found = formulas.get(name)
    assert all(isinstance(part.code, str) for part in found.summands)
    made = code.summands(found.expression)
    assert [part.letters for part in found.summands] == [part.letters for part in made], REMAKE
    values = points(found.letters)
    with np.errstate(all="ignore"):
        ours, theirs = (code.evaluate(parts, values) for parts in (found.summands, made))
    for mine, other in zip(ours.values(), theirs.values(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-9, err_msg=REMAKE)
        assert np.isfinite(other).any()


def test_the_text_is_what_the_command_writes() -> None:
    text = Path(generated.__file__).read_text(encoding="utf-8")
    if f"with sympy {sp.__version__}:" not in text:
        pytest.skip("another sympy may write the same code in another way")
    assert text == generate.source(shipped()), REMAKE


def test_the_command_writes_any_formula() -> None:
    """Numbers with a point, fractions and reciprocals that are shared, letters and numbers alone, equal expressions."""
    n, k, m = (letter.symbol for letter in (symbols.n, symbols.k, symbols.m))
    root = sp.sqrt(0.3 * n + 2)
    expressions = {
        "root": root / 3 + k / m,
        "shared": sp.ceiling(n / m) * root / 3,
        "again": sp.Rational(5, 7) * n / m**2 + 1 / (m**2 * root),
        "letter": n,
        "number": sp.Rational(1, 4),
        "twin": root / 3 + k / m,
    }
    text = generate.source({name: Formula(name, each, one, "", "") for name, each in expressions.items()})
    module: dict[str, Any] = {}
    exec(text, module)
    values = {"n": 12.0, "k": 5.0, "m": 4.0}

    class Shared(dict[str, Any]):
        def __missing__(self, name: str) -> Any:
            return module["NODES"][name](self)

    for name, expression in expressions.items():
        found = sum(Shared(values)[code_name] for code_name, _ in module["FORMULAS"][name])
        assert found == pytest.approx(float(expression.subs({n: 12, k: 5, m: 4})), rel=1e-15)
    assert module["FORMULAS"]["letter"] == (("n", ("n",)),)
    assert module["FORMULAS"]["twin"] == module["FORMULAS"]["root"]


def test_every_shipped_method_is_made_of_shipped_code() -> None:
    for build in METHODS.values():
        for construction in formulas.kfac.factors.FactorConstruction:
            for wanted in (each for phase in build(construction).phases for each in phase.wanted()):
                assert isinstance(wanted.part.code, str)


def test_a_whole_quotient_stays_whole() -> None:
    """A ceiling of n times 1/m would be one more for some of these."""
    m = np.arange(1.0, 300.0)[:, None]
    q = np.arange(1.0, 300.0)[None, :]
    assert np.any(np.ceil(q * m * (1 / m)) != q)
    assert np.array_equal(formulas.blocks.count().evaluate(n=q * m, m=m), q + 0 * m)


def test_a_formula_from_elsewhere_never_takes_shipped_code() -> None:
    """A name that was given up and taken again means the new formula."""
    name = "trial.shipped"
    generated.FORMULAS[name] = generated.FORMULAS["kfac.cholesky.refresh.flops"]
    try:
        found = formula(name, one, "a source")(lambda: 2 * symbols.n)()
        assert found.evaluate(n=5) == 10
        assert found.letters == ("n",)
    finally:
        del generated.FORMULAS[name]
        unregister(name)


def test_a_changed_formula_does_not_take_the_code_of_the_original() -> None:
    cubic = formulas.get("kfac.cholesky.refresh.flops")
    assert cubic.substitute(n="2*k").evaluate(k=3) == 216
    assert cubic.evaluate(n=3) == 27


@pytest.mark.parametrize(
    "shape", [(3 * code.STRETCH + 5,), (2, code.STRETCH), (1, code.STRETCH + 1)], ids=["line", "table", "row"]
)
def test_many_points_a_stretch_at_a_time_give_what_each_gives(shape: tuple[int, ...]) -> None:
    time = formulas.get("thermo.solve.settle.time")
    n = np.random.default_rng(0).integers(1, 4096, shape).astype(float)
    rest = {"m": 64.0, "k": np.array([7.0]), "tau": 1e-9, "epsilon": 0.1}
    kappa = np.random.default_rng(1).uniform(1, 1e3, n.size).reshape(shape)
    found = time.evaluate(n=n, kappa=kappa, **rest)
    assert found.shape == shape
    for index in [(0,) * n.ndim, tuple(length - 1 for length in shape), tuple(length // 2 for length in shape)]:
        assert found[index] == time.evaluate(n=n[index], kappa=kappa[index], **(rest | {"k": 7.0}))
    rows = np.linspace(1.0, 1e3, 5)[:, None]
    table = time.evaluate(n=n.reshape(-1)[None, :], kappa=rows, **rest)
    assert table[3, -1] == time.evaluate(n=n.reshape(-1)[-1], kappa=rows[3, 0], **(rest | {"k": 7.0}))


@pytest.mark.parametrize("changed", [False, True])
def test_formulas_travel_to_other_processes(changed: bool) -> None:
    found = formulas.get("kfac.cg.step.flops")
    found = found.substitute(k=2 * symbols.n) if changed else found
    assert pickle.loads(pickle.dumps(found)) == found


def test_code_and_expressions_without_code_are_evaluated_together() -> None:
    shipped_part = formulas.get("kfac.cholesky.refresh.flops").summands
    made = code.summands(symbols.n * symbols.k + sp.log(symbols.k))
    values = {"n": np.array(3.0), "k": np.array(1.0)}
    assert sorted(float(value) for value in code.evaluate((*shipped_part, *made), values).values()) == [0, 3, 27]
