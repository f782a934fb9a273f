"""Running JavaScript in node."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="no node on PATH, which runs the page's JavaScript")


def run(folder: Path, library: str, body: str, given: Any) -> Any:
    """What ``body`` hands to ``output``, given ``input``."""
    assert NODE is not None
    (folder / "input.json").write_text(json.dumps(given), encoding="utf-8")
    given_in = json.dumps(str(folder / "input.json"))
    head = f'const fs = require("fs"); const input = JSON.parse(fs.readFileSync({given_in}));'
    tail = f"function output(x) {{ fs.writeFileSync({json.dumps(str(folder / 'output.json'))}, JSON.stringify(x)); }}"
    (folder / "program.js").write_text(f"{library}\n{head}\n{tail}\n{body}", encoding="utf-8")
    done = subprocess.run([NODE, str(folder / "program.js")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((folder / "output.json").read_text(encoding="utf-8"))
