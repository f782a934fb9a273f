"""``report`` on the command line."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from costmodel.cli import app
from costmodel.inputs.faults import InputError

#: Bytes that a page may have.
LARGEST = 3_000_000


def verb(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["report", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_page_and_a_document_are_written_and_the_page_asks_for_nothing(tmp_path: Path) -> None:
    output = verb("imagenet_vit", "--out", str(tmp_path / "new"))
    page, document = tmp_path / "new" / "report.html", tmp_path / "new" / "report.pdf"
    assert output.split() == [str(page), str(document)]
    text = page.read_text(encoding="utf-8")
    assert len(text.encode()) < LARGEST
    assert not re.search(r"""(src|href)\s*=\s*["']?(?!data:)[^"'\s>]*//""", text)
    assert "{{" not in text.replace("${{", "").split("<script")[0]
    assert document.read_bytes().startswith(b"%PDF-")
    assert b"/Subtype /Image" not in document.read_bytes()  # plots are vectors


@pytest.mark.slow
def test_a_thousand_layers_of_a_few_shapes_fit(tmp_path: Path) -> None:
    verb("mlp", "--set", "parameters.depth=999", "--out", str(tmp_path))
    assert (tmp_path / "report.html").stat().st_size < LARGEST


def test_models_side_by_side(tmp_path: Path) -> None:
    found = verb(
        "imagenet_vit", "mlp", "--analog", "tngd-2024", "--analog", "scaled", "--format", "markdown", "--draws", "16"
    )
    rows = [line for line in found.splitlines() if line.startswith("| ")]
    assert [tuple(cell.strip() for cell in row.split("|")[1:4]) for row in rows[2:]] == [
        ("imagenet_vit", "h100-sxm", "tngd-2024"),
        ("imagenet_vit", "h100-sxm", "scaled"),
        ("mlp", "h100-sxm", "tngd-2024"),
        ("mlp", "h100-sxm", "scaled"),
    ]
    assert "python -m costmodel report imagenet_vit mlp" in found


@pytest.mark.slow
def test_equal_input_gives_equal_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        verb("mlp", "--out", str(tmp_path / name), "--draws", "16")
    for file in ("report.html", "report.pdf"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mlp",), "report: give --out, the folder to write into"),
        (("mlp", "--format", "word"), "--format: unknown format 'word'; one of html, markdown"),
    ],
)
def test_what_is_missing_is_said(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError) as caught:
        verb(*arguments)
    assert str(caught.value) == message


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError) as caught:
        verb("mlp", "--out", str(tmp_path / "taken"), "--draws", "16")
    assert str(caught.value) == f"--out: {tmp_path / 'taken'}: File exists"
