"""Repeats, and text that reads as what was written."""

import random
from typing import Any

import yaml

from costmodel.tracing.grouping import grouped
from costmodel.tracing.writing import model_text


def written_out(entries: list[dict[str, Any]], prefix: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for entry in entries:
        if "repeat" in entry:
            start = entry.get("start", 0)
            for index in range(start, start + entry["repeat"]):
                found += written_out(entry["layers"], f"{prefix}{entry['name'].replace('{i}', str(index))}.")
        else:
            found.append({**entry, "name": prefix + entry["name"]})
    return found


def test_stages_of_blocks_are_grouped_twice() -> None:
    entries = [
        {"name": f"stage.{stage}.block.{block}.{layer}", "d": layer}
        for stage in range(3)
        for block in range(2)
        for layer in ("a", "b")
    ]
    assert grouped(entries) == [
        {"repeat": 3, "name": "stage.{i}", "layers": [
            {"repeat": 2, "name": "block.{i}", "layers": [{"name": "a", "d": "a"}, {"name": "b", "d": "b"}]},
        ]},
    ]  # fmt: skip


def test_groups_written_out_are_the_entries() -> None:
    """Random nests of numbered names with blocks that differ here and there; seeds are fixed."""
    for seed in range(200):
        draw = random.Random(seed)
        names = {f"m.{draw.randrange(3)}.n.{draw.randrange(3)}.{draw.choice('xyz')}" for _ in range(12)}
        names |= {f"m.{draw.randrange(3)}", "1", "2.w", "3.w"}
        entries = [{"name": name, "d": draw.randrange(2)} for name in sorted(names)]
        assert written_out(grouped(entries)) == entries


def test_text_reads_as_it_was_meant() -> None:
    model = {
        "schema": 1, "name": "no: 'one'", "batch_size": 4,
        "layers": [{"name": "true", "kind": "linear", "kernel": [3, 3], "positions": 1.5, "bias": False},
                   {"repeat": 2, "name": "b.{i}", "layers": [{"name": "1e3", "d_in": 4}]}],
    }  # fmt: skip
    assert yaml.safe_load(model_text(model, ["a comment: {"])) == model
