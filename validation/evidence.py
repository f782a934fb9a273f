"""docs/evidence.md: which test holds which arm against the simulator, and which formula against two processes.

python -m validation.evidence docs/evidence.md
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from costmodel import formulas
from costmodel.inputs.files import write_text
from costmodel.methods import METHODS, FactorConstruction, Role

TESTS: Final = Path(__file__).parents[1] / "tests"
#: What has to be shown of an arm, as ``pytest.mark.shows`` names it.
KINDS: Final[Mapping[str, str]] = {
    "accuracy": "time to accuracy",
    "ledger": "ledger",
    "training": "training",
}
DISTRIBUTED: Final = "kfac.distributed."
#: The tests that count what two processes of torch.distributed do.
PROCESSES: Final = "validation/test_two_processes.py"


@dataclass(frozen=True, slots=True)
class Marked:
    """A test and one of its marks: the arguments are literals, but for a generator over them."""

    file: str
    test: str
    mark: str
    arguments: tuple[str, ...]


def marked(tests: Path = TESTS) -> Iterator[Marked]:
    """Every mark of every test."""
    for file in sorted(tests.rglob("test_*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for call in node.decorator_list:
                    if isinstance(call, ast.Call) and _mark(call) in {"shows", "verifies"}:
                        yield Marked(file.relative_to(tests).as_posix(), node.name, _mark(call), _strings(call))


def _mark(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _strings(call: ast.Call) -> tuple[str, ...]:
    """The arguments of a mark; names may be written as f-strings over a literal tuple."""
    arguments = ast.Expression(ast.Tuple(call.args, ast.Load()))
    code = compile(ast.fix_missing_locations(arguments), "mark", "eval")
    found: tuple[str, ...] = eval(code, {"__builtins__": {}})
    return found


def arms() -> list[str]:
    """Analog arms of the catalog."""
    built = (build(FactorConstruction.EXPAND) for build in METHODS.values())
    return [method.name for method in built if method.role is Role.THERMODYNAMIC]


def shown(found: list[Marked], kind: str, arm: str) -> list[Marked]:
    """Tests that show something of an arm: marked with its name, or of all arms."""
    of_kind = (each for each in found if each.mark == "shows" and each.arguments[0] == kind)
    return [each for each in of_kind if arm in each.arguments[1:] or len(each.arguments) == 1]


def counted(found: list[Marked]) -> dict[str, list[Marked]]:
    """Tests that hold each formula of several devices against two processes."""
    tests = [each for each in found if each.file == PROCESSES and each.mark == "verifies"]
    names = (name for name in formulas.catalog() if name.startswith(DISTRIBUTED))
    return {name: [each for each in tests if name in each.arguments] for name in names}


def page(found: list[Marked]) -> str:
    """The page as Markdown."""
    lines = [_HEAD, "| arm | " + " | ".join(KINDS.values()) + " |", "|" + " --- |" * (1 + len(KINDS))]
    for arm in arms():
        cells = (_cell(shown(found, kind, arm)) for kind in KINDS)
        lines.append(f"| `{arm}` | " + " | ".join(cells) + " |")
    lines += [_BETWEEN, "| formula | test |", "| --- | --- |"]
    lines += [f"| `{name}` | {_cell(tests)} |" for name, tests in counted(found).items()]
    return "\n".join(lines) + "\n"


def _cell(tests: list[Marked]) -> str:
    """Those of one arm before those of all."""
    ordered = sorted(tests, key=lambda each: len(each.arguments) == 1)
    return ", ".join(f"`{Path(each.file).stem}.{each.test}`" for each in ordered) or "**none**"


_HEAD: Final = """# Evidence

Written by `python -m validation.evidence docs/evidence.md` from the marks of the tests, and held to them by
`tests/test_evidence.py`, which fails where an arm or a formula has none. No machine of more than eight cells exists to
measure: arms are held against the reference simulator.

## Analog arms

Every arm runs in `test_arms.py`, which fails for an arm that the simulator does not run (`tests/solver/arms.py`): it
takes as long as the formulas of its own method say, is then as accurate as they were asked to make it, and trains
(`make test-slow`). Other tests look closer: blocks, noise, messages, conversions.
"""
_BETWEEN: Final = """
## Several devices

Each formula against two processes of `torch.distributed` with gloo, every word counted as it is sent.
"""


if __name__ == "__main__":
    write_text(Path(sys.argv[1]), page(list(marked())))
