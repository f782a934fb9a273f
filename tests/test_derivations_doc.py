"""docs/derivations.md has a section for every derived formula and names only tests that exist."""

import re
from pathlib import Path

from costmodel import formulas
from costmodel.formulas.verification import Check, evidence

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "derivations.md").read_text()
SECTIONS = {title.casefold() for title in re.findall(r"^## (.+)$", TEXT, re.M)}
SOURCE = re.compile(r"derived: docs/derivations\.md, ([^;]+)")


def test_every_derived_formula_has_its_section() -> None:
    named = {name: found[1] for name, formula in formulas.catalog().items() if (found := SOURCE.match(formula.source))}
    assert len(named) > 60
    assert {section for section in named.values() if section.casefold() not in SECTIONS} == set()


def test_every_section_but_the_last_says_how_it_is_checked() -> None:
    for section in TEXT.split("\n## ")[1:-1]:
        assert "\nChecked in `test_" in section, section.splitlines()[0]


def test_tests_named_exist() -> None:
    for name in set(re.findall(r"`(test_\w+\.py)`", TEXT)):
        assert list((ROOT / "tests").rglob(name)), name


def test_formulas_are_balanced() -> None:
    for paragraph in TEXT.split("\n\n"):
        assert paragraph.count("$") % 2 == 0, paragraph


def test_every_thermodynamic_formula_is_checked() -> None:
    names = [name for name in formulas.catalog() if name.startswith(("thermo.", "crossover."))]
    assert {name for name in names if evidence(name).check is Check.UNVERIFIED} == set()
