"""Colours of the page: texts stand out from what is behind them, on light and on dark."""

import re

import pytest

from reports.scripts import asset

#: WCAG 2.2, level AA: texts of normal size, and parts of a picture.
TEXT, PICTURE = 4.5, 3.0
SCHEMES = re.findall(r":root \{(.*?)\}", asset("page.css"), re.S)


def luminance(colour: str) -> float:
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", range(2))
def test_texts_and_pictures_stand_out(scheme: int) -> None:
    assert len(SCHEMES) == 2
    colours = dict(re.findall(r"--(\w+): (#\w{6})", SCHEMES[scheme]))
    for paper in ("paper", "raised"):
        for text in ("ink", "soft", "accent"):
            assert contrast(colours[text], colours[paper]) >= TEXT, (text, paper)
    for part in ("wins", "loses", "focus"):
        assert contrast(colours[part], colours["paper"]) >= PICTURE, part
