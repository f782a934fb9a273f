"""The documentation site's pages."""

import re

from costmodel import formulas
from reports.site import EXAMPLES, pages


def test_every_formula_and_module_has_a_page_and_no_link_leads_nowhere() -> None:
    found = dict(pages())
    assert {f"formulas/{name}.md" for name in formulas.catalog()} <= set(found)
    assert {"api/costmodel.api.md", "api/costmodel.projection.project.md"} <= set(found)
    for name, text in found.items():
        if name.startswith(("formulas", "api")):
            folder = "" if "/" not in name else name.partition("/")[0] + "/"
            for link in re.findall(r"\]\(([\w./-]+\.md)\)", text):
                assert folder + link in found, (name, link)
    page = found["formulas/thermo.solve.settle.time.md"]
    assert "<math" in page
    assert "relaxation\\_time" in page or "relaxation_time" in page
    for command in EXAMPLES:
        assert f"python -m costmodel {command}" in found["examples.md"]
    assert "over" in found["examples.md"]
