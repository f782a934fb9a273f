"""The documentation site: guides, a page for every formula, the API and executed examples. ``make docs`` builds it."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import pkgutil
import re
import shutil
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from types import ModuleType
from typing import Final

import sympy as sp

from costmodel import formulas
from costmodel.formulas import Formula
from costmodel.formulas.kfac.factors import FactorConstruction
from costmodel.inputs.files import write_text
from costmodel.methods import METHODS
from costmodel.methods.registry import Build
from costmodel.views.table import escaped

ROOT: Final = Path(__file__).parents[1]
#: Commands whose output the site shows, run when it is built.
EXAMPLES: Final = (
    "project examples/vision.yaml",
    "project imagenet_vit --analog scaled",
    "counts gpt",
    "explain thermo.solve.settle.time",
    "predict cholesky --n 1024",
)
_CONFIG: Final = """\
site_name: costmodel
docs_dir: {docs}
site_dir: {site}
use_directory_urls: false
theme:
  name: mkdocs
  highlightjs: false
  color_mode: auto
plugins: [search]
nav: {nav}
markdown_extensions: [tables, fenced_code, toc]
validation:
  nav:
    omitted_files: ignore
  links:
    not_found: info
    unrecognized_links: info
"""


def main(arguments: list[str]) -> int:
    """Write the sources of the site into a folder and build it from them: ``python -m reports.site FOLDER``."""
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    folder = Path(arguments[0] if arguments else "site")
    source = folder / "source"
    shutil.rmtree(source, ignore_errors=True)
    write(source)
    config = folder / "mkdocs.yml"
    # Pages of formulas and modules are reached from their lists; in the navigation of every page they would fill 60 MB.
    lists = ["examples.md", "formulas.md", "api.md"]
    guides = sorted(file.name for file in source.glob("*.md") if file.name not in {"index.md", *lists})
    nav = ["index.md", {"Guides": guides}, *lists]
    write_text(config, _CONFIG.format(docs="source", site="html", nav=nav))
    build(load_config(str(config)))
    print(folder / "html" / "index.html")
    return 0


def write(folder: Path) -> None:
    """The pages of the site, as Markdown, and the files that they link to."""
    for name, text in pages():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, text)
    for name, origin in files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(origin, folder / name)


def files() -> Iterator[tuple[str, Path]]:
    """Path and origin of every file that is no page: pictures, schemas, examples, notebooks."""
    for pattern in ("docs/img/*", "docs/*.json", "examples/*.yaml", "notebooks/*.ipynb"):
        for file in sorted(ROOT.glob(pattern)):
            yield file.relative_to(ROOT).as_posix().removeprefix("docs/"), file


def pages() -> Iterator[tuple[str, str]]:
    """Path and text of every page."""
    for file in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        yield "index.md" if file.name == "README.md" else file.name, _moved(file.read_text(encoding="utf-8"))
    for file in sorted(ROOT.glob("validation/data/*/*.md")):
        yield file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")
    yield "examples.md", _examples()
    catalog = formulas.catalog()
    users = _users()
    lines = [f"- [{name}](formulas/{name}.md): {escaped(each.meaning)}" for name, each in catalog.items()]
    yield "formulas.md", "\n".join(["# Formulas", "", *lines, ""])
    for name, each in catalog.items():
        yield f"formulas/{name}.md", _formula(each, users.get(name, []))
    modules = list(_modules())
    yield "api.md", "\n".join(["# API", "", *(f"- [{each.__name__}](api/{each.__name__}.md)" for each in modules), ""])
    for module in modules:
        yield f"api/{module.__name__}.md", _module(module)


def _moved(text: str) -> str:
    """A text of README.md or of docs/ whose links lead to where the site has what they name."""
    for old, new in (("docs/", ""), ("../validation/", "validation/")):
        text = text.replace(f"]({old}", f"]({new}")
    return re.sub(r"\]\((\.\./)?(examples|notebooks)/?\)", "](examples.md)", text)


# --- formulas --------------------------------------------------------------------------------------------------------


def _users() -> dict[str, list[str]]:
    """Methods and phases that each formula is part of."""
    found: dict[str, dict[str, None]] = {}
    builds: list[Build] = list(METHODS.values())
    for build in builds:
        method = build(FactorConstruction.EXPAND)
        for phase, _, formula in method.formulas():
            found.setdefault(formula.name, {})[f"{method.name} ({phase.name})"] = None
    return {name: list(each) for name, each in found.items()}


def _formula(formula: Formula, users: list[str]) -> str:
    """A page of its own: the formula, what it means and rests on."""
    body = sp.mathml(formula.expression, printer="presentation")
    checked = formula.verified_by or ", ".join(formula.composed_of)
    how = "verified by" if formula.verified_by else "added up from"
    lines = [
        f"# {formula.name}",
        f"{escaped(formula.meaning)} In {escaped(formula.unit.name)}.",
        f'<div style="overflow-x:auto"><math display="block">{body}</math></div>',
        f"Source: {escaped(formula.source)}.",
        f"{how.capitalize()}: {escaped(str(checked))}." if checked else "",
        f"Used by {escaped(', '.join(users))}." if users else "",
    ]
    rows = [
        f"| {escaped(info.letter)} | {escaped(info.name)} | {escaped(info.unit.name)} | {escaped(info.domain)} "
        f"| {escaped(info.meaning)} |"
        for info in formula.symbols
    ]
    inside = [f"[{name}]({name}.md)" for name in formulas.inside(formula.name)]
    table = ["| symbol | name | unit | domain | meaning |", "| --- | --- | --- | --- | --- |", *rows]
    built = f"Built from {', '.join(inside)}." if inside else ""
    return "\n\n".join(each for each in (*lines, "\n".join(table), built, "") if each or each == "")


# --- API -------------------------------------------------------------------------------------------------------------


def _modules() -> Iterator[ModuleType]:
    """Every module of the package that loads without an extra."""
    import costmodel

    yield costmodel
    for found in pkgutil.walk_packages(costmodel.__path__, "costmodel."):
        if found.name.endswith("__main__"):
            continue
        try:
            yield importlib.import_module(found.name)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == "costmodel":
                raise


def _module(module: ModuleType) -> str:
    """What a module offers, by its docstrings."""
    parts = [f"# {module.__name__}", _text(module)]
    for name, each in vars(module).items():
        if name.startswith("_") or getattr(each, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(each):
            parts += [f"## class {name}", _text(each)]
            methods = ((key, own) for key, own in vars(each).items() if not key.startswith("_"))
            for key, own in methods:
                function = own.fget if isinstance(own, property) else getattr(own, "__func__", own)
                if inspect.isfunction(function):
                    parts += [f"### {name}.{key}{_signature(function, of=own)}", _text(function)]
        elif inspect.isfunction(each):
            parts += [f"## {name}{_signature(each)}", _text(each)]
    return "\n\n".join(parts) + "\n"


def _signature(function: object, of: object = None) -> str:
    if isinstance(of, property) or not callable(function):
        return ""
    return escaped(str(inspect.signature(function)))


def _text(thing: object) -> str:
    """A docstring as it is written."""
    return f"<pre>{escape(inspect.getdoc(thing) or '')}</pre>"


# --- examples --------------------------------------------------------------------------------------------------------


def _examples() -> str:
    """Commands with what they print, and files to start from."""
    parts = ["# Examples", "Run when this site was built."]
    for command in EXAMPLES:
        parts += [
            f"## {command.split()[0]}",
            f"```sh\npython -m costmodel {command}\n```",
            f"```text\n{_run(command)}\n```",
        ]
    given = [name for name, _ in files() if name.startswith(("examples/", "notebooks/"))]
    parts += ["## Files", "\n".join(f"- [{name}]({name})" for name in given)]
    return "\n\n".join(parts) + "\n"


def _run(command: str) -> str:
    from costmodel.cli import app

    output = io.StringIO()
    with contextlib.chdir(ROOT), contextlib.redirect_stdout(output):
        app(command.split(), standalone_mode=False)
    return output.getvalue().rstrip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
