"""Imports run one way: a package of costmodel knows those below it alone, and no module imports itself by a detour."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: From the ground up. A package may import, when it is loaded, from itself and from those before it.
LAYERS = (
    "costmodel.quantities", "costmodel.curvature", "costmodel.defaults", "costmodel.formulas", "costmodel.machines",
    "costmodel.methods", "costmodel.workloads", "costmodel.projection", "costmodel.inputs", "costmodel.tracing",
    "costmodel.questions", "costmodel.views", "costmodel.api", "costmodel.cli", "solver", "validation", "reports",
    "paper_figures",
)  # fmt: skip
#: Only these know what reads YAML or a command line.
KNOWS = {
    "pydantic": "costmodel.inputs",
    "yaml": "costmodel.inputs",
    "typer": "costmodel.cli",
    "torch": "costmodel.tracing",
}


def modules() -> dict[str, Path]:
    tops = ("costmodel", "solver", "validation", "reports", "paper_figures")
    files = (file for top in tops for file in (ROOT / top).rglob("*.py"))
    return {".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


MODULES = modules()


def loaded_with(file: Path) -> Iterator[str]:
    """Modules that are imported when a file is, not those that a function asks for later."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (each if each in MODULES else node.module for each in inner)


def layer(name: str) -> int | None:
    found = [index for index, each in enumerate(LAYERS) if name == each or name.startswith(f"{each}.")]
    return found[0] if found else None


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_run_one_way(name: str) -> None:
    own = layer(name)
    for imported in loaded_with(MODULES[name]):
        rank = layer(imported)
        if own is not None and rank is not None:
            assert rank <= own, f"{name} imports {imported}"
        for library, owner in KNOWS.items():
            if imported.split(".")[0] == library and name.startswith("costmodel."):
                assert name.startswith(owner), f"{name} imports {library}"


def test_the_simulator_knows_nobody() -> None:
    for name, file in MODULES.items():
        if name.split(".")[0] == "solver":
            assert not [each for each in loaded_with(file) if each.split(".")[0] in {"costmodel", "validation"}]


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = {name: {each for each in loaded_with(file) if each in MODULES} for name, file in MODULES.items()}
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join((*above[above.index(name) :], name))
        if name not in done:
            for each in sorted(graph[name]):
                visit(each, (*above, name))
            done.add(name)

    for name in graph:
        visit(name, ())
