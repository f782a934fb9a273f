"""The page in a browser: from disk, offline, its numbers those of ``project``."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import costmodel
from costmodel.machines.cards import AnalogCard, DigitalCard
from reports.page import Report

sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed, which drives the browser")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")

DRAWS = 32
#: Every slider, where it is moved to, and what the command line would say.
MOVES = {
    "model.kfac.damping": (700, "model.kfac.damping"),
    "model.kfac.condition_number": (300, "model.kfac.condition_number"),
    "analog.relaxation_time": (800, "analog.relaxation_time"),
    "analog.input_bits": (8, "analog.input_bits"),
    "analog.output_bits": (6, "analog.output_bits"),
    "analog.link_bandwidth": (100, "analog.link_bandwidth"),
    "analog.arrays": (500, "analog.arrays"),
    "batch": (400, "model.batch_size"),
    "refresh": (200, "model.kfac.refresh_interval"),
    "model.kfac.sampling_tolerance": (300, "model.kfac.sampling_tolerance"),
    "model.kfac.settling_tolerance": (300, "model.kfac.settling_tolerance"),
    "model.kfac.coupling_tolerance": (300, "model.kfac.coupling_tolerance"),
    "model.kfac.reading_tolerance": (300, "model.kfac.reading_tolerance"),
    "model.kfac.mismatch_tolerance": (300, "model.kfac.mismatch_tolerance"),
    "model.training.kfac_step_ratio": (900, "model.training.kfac_step_ratio"),
}
#: Without mismatch of the couplings its tolerance changes nothing.
MISMATCHED = {"analog.mismatch": 0.01}
UNITS = {"relaxation_time": "s", "bits": "bit", "bandwidth": "bit/s"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


def opened(browser: Any, file: Path, fragment: str = "", **options: Any) -> tuple[Any, list[str]]:
    """A page and what goes wrong on it: messages of the console, errors, requests that leave it."""
    page = browser.new_page(**options)
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(file.as_uri()) else faults.append(request.url))
    page.goto(file.as_uri() + fragment)
    return page, faults


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("report") / "report.html"
    digital, analog = costmodel.load_card("rtx-a6000"), costmodel.load_card("scaled")
    assert isinstance(digital, DigitalCard)
    assert isinstance(analog, AnalogCard)
    made = Report([costmodel.project("imagenet_vit", draws=DRAWS)], [digital], [analog])
    file.write_text(made.html(), encoding="utf-8")
    return file


SHOWN = "Object.fromEntries(Object.entries(shownNow.methods).map(([name, m]) => [name, [m.step.p05, m.step.median]]))"
TARGETS = "Object.fromEntries(Object.entries(shownNow.methods).map(([name, m]) => [name, m.to_target?.median]))"


def test_every_slider_changes_the_numbers_to_what_python_says(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(Report([costmodel.project("imagenet_vit", set=MISMATCHED, draws=DRAWS)]).html(), encoding="utf-8")
    page, faults = opened(browser, file)
    before = page.evaluate(SHOWN), page.evaluate(TARGETS)
    assert page.locator("#controls input[type=range]").count() == len(MOVES)
    for path, (position, name) in MOVES.items():
        page.evaluate("() => document.getElementById('reset').click()")
        control = page.locator(f"#{path.replace('.', '-')}")
        control.evaluate(
            "(own, at) => { own.value = at; own.dispatchEvent(new Event('input', { bubbles: true })); }", position
        )
        value = page.evaluate(f"() => new URLSearchParams(location.hash.slice(1)).get('{path}')")
        unit = next((unit for ending, unit in UNITS.items() if name.endswith(ending)), "")
        changed = MISMATCHED | {name: f"{value} {unit}".strip()}
        expected = costmodel.project("imagenet_vit", set=changed, draws=DRAWS)
        now, targets = page.evaluate(SHOWN), page.evaluate(TARGETS)
        assert (now, targets) != before, path
        for method, (p05, median) in now.items():
            step = expected.methods[method].step_time
            assert (p05, median) == pytest.approx((step.p05, step.median), rel=1e-9), (path, method)
            if (target := expected.methods[method].time_to_target) is not None:
                assert targets[method] == pytest.approx(target.median, rel=1e-9)
    assert faults == []


def test_cards_are_picked_and_the_address_brings_a_view_back(browser: Any, report: Path) -> None:
    page, faults = opened(browser, report)
    page.select_option("#digital", "rtx-a6000")
    page.select_option("#analog", "scaled")
    page.fill("#controls input[aria-label^='relaxation time']", "3 ns")
    page.keyboard.press("Enter")
    fragment = page.evaluate("location.hash")
    assert fragment == "#digital=rtx-a6000&analog=scaled&analog.relaxation_time=3e-9"
    again, more = opened(browser, report, fragment)
    expected = costmodel.project(
        "imagenet_vit", "rtx-a6000", "scaled", set={"analog.relaxation_time": "3 ns"}, draws=DRAWS
    )
    for method, (p05, median) in again.evaluate(SHOWN).items():
        step = expected.methods[method].step_time
        assert (p05, median) == pytest.approx((step.p05, step.median), rel=1e-9)
    assert faults == more == []


def test_a_number_opens_its_formulas_and_the_keyboard_closes_them(browser: Any, report: Path) -> None:
    page, faults = opened(browser, report)
    page.locator("tr[data-method='thermo.columns'] button").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("#behind").evaluate("own => own.open")
    page.locator("#behind details").nth(8).locator("summary").click()
    page.wait_for_selector("#behind math")
    page.keyboard.press("Escape")
    assert not page.locator("#behind").evaluate("own => own.open")
    assert faults == []


def test_tables_sort_and_filter_and_no_page_is_wider_than_a_phone(browser: Any, report: Path) -> None:
    page, faults = opened(browser, report, viewport={"width": 400, "height": 800})
    page.fill("input[data-table=layer-table]", "mlp3.linear1")
    assert page.locator("#layer-table tbody tr:visible").count() == 12
    page.click("#layer-table th:nth-child(3) button")
    first = page.locator("#layer-table tbody tr").first.locator("td").nth(2).inner_text()
    assert int(first) == min(
        each.layer.input_factor_dimension for each in costmodel.project("imagenet_vit", draws=1).layers
    )
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    assert faults == []


#: A letter or two of many scripts, with what HTML, JavaScript and a spreadsheet would take for their own.
NAMES = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(2)>",
    *("слой", "層", "طبقة", "שכבה", "परत", "ชั้น", "층", "στρώμα", "\U0001f9ea"),
    *("a&amp;b", "${x}", "{{plan}}"),
]


def test_names_are_text(browser: Any, tmp_path: Path) -> None:
    from dataclasses import replace

    workload = costmodel.load_workload("mlp", set={"parameters.depth": len(NAMES) - 1})
    layers = tuple(replace(each, name=name) for each, name in zip(workload.layers, NAMES, strict=True))
    workload = replace(workload, name=NAMES[0], title=NAMES[0], layers=layers)
    file = tmp_path / "report.html"
    file.write_text(Report([costmodel.project(workload, draws=16)]).html(), encoding="utf-8")
    page, faults = opened(browser, file)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    assert page.locator("h1").inner_text() == f"What K-FAC costs: {NAMES[0]}"
    assert page.locator("#layer-table tbody td:first-child").all_inner_texts() == NAMES
    assert page.title() == f"What K-FAC costs: {NAMES[0]}"
    assert dialogs == faults == []
