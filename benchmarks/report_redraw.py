"""How long a report takes to make, and its page to follow a slider: ``python -m benchmarks.report_redraw``.

The page is driven in Chromium, for ViT-S/16 and for a model of a thousand layers.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import costmodel
from costmodel.workloads.workload import Workload
from reports.document import pdf
from reports.page import Report
from reports.plan import draws_for

#: Milliseconds in which a page should follow.
TARGET = 50
_SLIDERS = ("analog-relaxation_time", "model-kfac-damping", "analog-input_bits", "refresh")
_MOVE = """([id, at]) => {
  const own = document.getElementById(id);
  own.value = Number(own.min) + at * (own.max - own.min);
  own.dispatchEvent(new Event("input", { bubbles: true }));
  return redrawTook;
}"""


def thousand() -> Workload:
    """A perceptron of a thousand layers."""
    return costmodel.load_workload("mlp", set={"parameters.depth": 999})


def main() -> int:
    """Print a line for each model; exit 1 where there is no browser."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("no chromium on PATH")
        return 1
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, workload in (("ViT-S/16", costmodel.load_workload("imagenet_vit")), ("1000 layers", thousand())):
            start = time.perf_counter()
            report = Report([costmodel.project(workload, draws=draws_for(workload))])
            text = report.html()
            size = len(pdf(report))
            made = time.perf_counter() - start
            file = Path(folder, "report.html")
            file.write_text(text, encoding="utf-8")
            page = browser.new_page()
            page.goto(file.as_uri())
            found = []
            for slider in _SLIDERS:
                took = [page.evaluate(_MOVE, [slider, 0.3 + 0.02 * turn]) for turn in range(12)]
                found.append(f"{slider} {statistics.median(took):.0f} ms")
            print(f"{name}: made in {made:.1f} s, {len(text) / 1e6:.2f} MB and {size / 1e6:.2f} MB; {', '.join(found)}")
            page.close()
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
