"""The report card says what the tests do: every mark is in its table, and every entry of its table is marked."""

import ast
from collections.abc import Iterator
from pathlib import Path

from costmodel import formulas
from costmodel.formulas.verification import VERIFIED, Check, evidence

TESTS = Path(__file__).parents[1]


def marks(file: Path) -> Iterator[str]:
    """Every formula a test file marks as verified; names may be written as f-strings over a literal tuple."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "verifies":
            call = ast.Expression(ast.Tuple(node.args, ast.Load()))
            yield from eval(compile(ast.fix_missing_locations(call), str(file), "eval"), {"__builtins__": {}})


def test_the_table_is_what_tests_verify() -> None:
    marked = {name for file in TESTS.rglob("test_*.py") for name in marks(file)}
    assert set(VERIFIED) - marked == set(), "in the table, but no test is marked as verifying it"
    assert marked - set(VERIFIED) == set(), "verified by a test, but not in the table"


def test_the_table_names_formulas() -> None:
    assert set(VERIFIED) <= set(formulas.catalog())


def test_no_formula_is_missing() -> None:
    for name in formulas.catalog():
        found = evidence(name)
        assert found.check in Check
        assert found.by, name


def test_every_method_rests_on_verified_work() -> None:
    """FLOPs of the digital methods are all verified: what is not is traffic of element-wise kernels."""
    digital = [name for name in formulas.catalog() if not name.startswith(("thermo.", "crossover."))]
    open_ = {name for name in digital if evidence(name).check is not Check.VERIFIED}
    assert open_ == {"kfac.cg.vectors.bytes", "muon.update.bytes"}
