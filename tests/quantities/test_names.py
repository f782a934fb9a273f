"""Messages for names that nobody knows hold whole names, however many there are."""

import re

from costmodel import formulas
from costmodel.quantities.names import unknown


def test_a_list_ends_at_a_name_and_says_how_many_are_left() -> None:
    names = sorted(formulas.catalog())
    message = unknown("formula", "zzzzzz", names)
    found = re.fullmatch(r"unknown formula 'zzzzzz'; known are (.*) and (\d+) more", message)
    assert found is not None
    listed = found[1].split(", ")
    assert listed == names[: len(listed)]
    assert len(listed) + int(found[2]) == len(names)
    assert 300 < len(message) < 500


def test_a_short_list_is_whole() -> None:
    assert unknown("kind", "zzz", ["b", "a"]) == "unknown kind 'zzz'; known are a, b"
