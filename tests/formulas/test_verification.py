"""The report card says what the tests do: every formula's decorator agrees with the marks of the tests."""

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from costmodel import formulas
from costmodel.formulas.registry import formula, unregister
from costmodel.formulas.verification import Check, Evidence, evidence
from costmodel.quantities.symbols import n
from costmodel.quantities.units import one

TESTS = Path(__file__).parents[1]


def marks(file: Path, kind: str) -> Iterator[str]:
    """Every formula a test file marks; names may be written as f-strings over a literal tuple."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == kind:
            call = ast.Expression(ast.Tuple(node.args, ast.Load()))
            yield from eval(compile(ast.fix_missing_locations(call), str(file), "eval"), {"__builtins__": {}})


@pytest.mark.parametrize(("kind", "check"), [("verifies", Check.VERIFIED), ("composes", Check.COMPOSED)])
def test_decorators_say_what_tests_do(kind: str, check: Check) -> None:
    marked = {name for file in TESTS.rglob("test_*.py") for name in marks(file, kind)}
    said = {name for name in formulas.catalog() if evidence(name).check is check}
    assert said - marked == set(), f"{check} by its decorator, but no test is marked {kind}"
    assert marked - said == set(), f"marked {kind} by a test, but its decorator says otherwise"


def test_a_composed_formula_rests_on_verified_ones() -> None:
    for name, found in formulas.catalog().items():
        for part in found.composed_of:
            assert evidence(part).check is Check.VERIFIED, f"{name} is composed of {part}"


def test_no_formula_is_missing() -> None:
    for name in formulas.catalog():
        assert evidence(name).by, name
    assert Counter(evidence(name).check for name in formulas.catalog()) == {
        Check.VERIFIED: 315,
        Check.COMPOSED: 140,
        Check.UNVERIFIED: 2,
    }


def test_every_method_rests_on_verified_work() -> None:
    """FLOPs of the digital methods are all verified: what is not is traffic of element-wise kernels."""
    open_ = {name for name in formulas.catalog() if evidence(name).check is Check.UNVERIFIED}
    assert open_ == {"kfac.cg.vectors.bytes", "muon.update.bytes"}


def test_the_decorator_carries_what_checks_a_formula() -> None:
    try:
        formula("trial.verified", one, "a source", verified_by="a count by hand")(lambda: n)
        formula("trial.composed", one, "a source", composed_of=("trial.verified",))(lambda: 2 * n)
        formula("trial.open", one, "derived: docs/derivations.md, nowhere")(lambda: 3 * n)
        assert evidence("trial.verified") == Evidence(Check.VERIFIED, "a count by hand")
        assert evidence("trial.composed") == Evidence(Check.COMPOSED, "added up from trial.verified")
        assert evidence("trial.open") == Evidence(Check.UNVERIFIED, "derived: docs/derivations.md, nowhere")
    finally:
        for name in ("trial.verified", "trial.composed", "trial.open"):
            unregister(name)
    assert "trial.verified" not in formulas.catalog()


def test_a_formula_is_verified_or_composed_or_neither() -> None:
    with pytest.raises(ValueError, match=r"^formula trial\.both is either verified or composed, not both$"):
        formula("trial.both", one, "a source", verified_by="a count", composed_of=("kfac.factor.elements",))
    assert "trial.both" not in formulas.catalog()


def registers(file: Path) -> bool:
    """Whether a module decorates a function with ``@formula(...)``."""
    functions = [node for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)]
    calls = (each for function in functions for each in function.decorator_list if isinstance(each, ast.Call))
    return any(isinstance(call.func, ast.Name) and call.func.id == "formula" for call in calls)


def test_every_module_with_formulas_is_imported_with_the_package() -> None:
    """What no module imports would register nothing, in silence; only a fresh interpreter can tell."""
    root, folder = TESTS.parent, Path(formulas.__file__).parent
    files = [file.relative_to(folder.parents[1]) for file in sorted(folder.rglob("*.py")) if registers(file)]
    names = {".".join(file.with_suffix("").parts) for file in files}
    assert "costmodel.formulas.thermo.solve" in names
    code = "import sys, costmodel.formulas; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout
    assert names - set(found.split()) == set(), "add it to an __init__.py of costmodel/formulas"
