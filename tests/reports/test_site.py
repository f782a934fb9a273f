"""The documentation site's pages."""

import re
from posixpath import dirname, normpath

from costmodel import formulas
from reports.site import EXAMPLES, files, pages


def test_every_formula_and_module_has_a_page_and_no_link_leads_nowhere() -> None:
    found = dict(pages())
    assert {f"formulas/{name}.md" for name in formulas.catalog()} <= set(found)
    assert {"api/costmodel.api.md", "api/costmodel.projection.project.md"} <= set(found)
    targets = {*found, *(name for name, _ in files())}
    for name, text in found.items():
        for link in re.findall(r"\]\(((?!\w+:)[\w./-]+)(?:#[\w-]+)?\)", text):
            assert normpath(f"{dirname(name)}/{link}".lstrip("/")) in targets, (name, link)
    assert "img/answer.png" in found["index.md"]
    page = found["formulas/thermo.solve.settle.time.md"]
    assert "<math" in page
    assert "relaxation\\_time" in page or "relaxation_time" in page
    for command in EXAMPLES:
        assert f"python -m costmodel {command}" in found["examples.md"]
    assert "over" in found["examples.md"]
