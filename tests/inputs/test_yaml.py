"""YAML is plain data by the rules of YAML 1.2; what is not is refused and never guessed at."""

import os
from pathlib import Path

import pytest

from costmodel.inputs.faults import Fault, InputError
from costmodel.inputs.loading import load_workload
from costmodel.inputs.yaml_reader import MAXIMUM_BYTES, parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("True", True), ("FALSE", False), ("tRue", "tRue"),
        ("Null", None), ("''", ""), ("'5'", "5"), ('"1e3"', "1e3"), ("|\n  5", "5"),
        ("010", 10), ("0o17", 15), ("0xff", 255), ("0x_", "0x_"), ("0b11", "0b11"), ("1:30", "1:30"),
        ("+5", 5), ("-5", -5), ("1_000", 1000), ("1_", "1_"), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0),
        ("1E-3", 1e-3), ("1e", "1e"), ("0e-400", 0.0), ("2024-01-01", "2024-01-01"), ("٣", "٣"),
    ],
)  # fmt: skip
def test_scalars(text: str, value: object) -> None:
    document = parse_yaml(f"a: {text}", "f")
    assert (document.faults, document.data) == ((), {"a": value})
    assert type(document.data["a"]) is type(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: !!bool maybe", "f:1:4 a a tag 'tag:yaml.org,2002:bool' is not supported; the file is read as plain data"),
        ("a: !!int x", "f:1:4 a a tag 'tag:yaml.org,2002:int' is not supported; the file is read as plain data"),
        ("a: !x:int 5", "f:1:4 a a tag '!x:int' is not supported; the file is read as plain data"),
        ("a: ! 5", "f:1:4 a a tag '!' is not supported; the file is read as plain data"),
        ("a: !!seq [1]", "f:1:4 a a tag 'tag:yaml.org,2002:seq' is not supported; the file is read as plain data"),
        ("a: !m {b: 1}", "f:1:4 a a tag '!m' is not supported; the file is read as plain data"),
        ("!!str a: 1", "f:1:1 a tag 'tag:yaml.org,2002:str' is not supported; the file is read as plain data"),
        ("a: " + "1" * 4301, "f:1:4 a 1111111111111 ... 111111111111 is too large a number"),
        ("a: 0x" + "f" * 300, "f:1:4 a 0xfffffffffff ... ffffffffffff is too large a number"),
        ("a: 1e400", "f:1:4 a 1e400 is not a finite number"),
        ("a: 1e-400", "f:1:4 a 1e-400 is too small a number"),
    ],
)  # fmt: skip
def test_values_that_are_refused(text: str, expected: str) -> None:
    assert [str(fault) for fault in parse_yaml(text, "f").faults] == [expected]


def test_what_a_tag_stands_before_is_still_read(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text("schema: 1\nname: x\nbatch_size: 8\nlayers: !l\n  - {name: a, kind: linear, d_in: 0, d_out: 1}\n")
    with pytest.raises(InputError) as error:
        load_workload(file)
    assert [(fault.line, fault.path) for fault in error.value.faults] == [(4, "layers"), (5, "layers.0.d_in")]


def test_aliases_nest_no_deeper_than_what_is_written_out() -> None:
    steps = ["a: &a0 [1]", *(f"b{level}: &a{level} [*a{level - 1}]" for level in range(1, 40))]
    faults = parse_yaml("\n".join(steps), "f").faults
    assert {fault.message for fault in faults} == {"nested more than 30 levels deep"}


def test_ten_thousand_brackets_end_with_the_first_that_are_too_many() -> None:
    with pytest.raises(InputError) as error:
        parse_yaml("a: " + "[" * 10_000, "f")
    (fault,) = error.value.faults
    assert fault.column <= 1_004  # libyaml looks a thousand characters ahead


@pytest.mark.parametrize("kind", ["directory", "pipe", "device"])
def test_what_is_no_file_is_not_read(kind: str, tmp_path: Path) -> None:
    path = {"directory": tmp_path, "pipe": tmp_path / "pipe.yaml", "device": Path("/dev/zero")}[kind]
    if kind == "pipe":
        os.mkfifo(path)
    what = "a directory" if kind == "directory" else "not a regular file"
    with pytest.raises(InputError) as error:
        read_yaml(path)
    assert str(error.value) == f"{path}: cannot be read: it is {what}"


def test_a_file_that_hides_its_size_is_read_no_further_than_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "m.yaml"
    file.write_text("#" * (MAXIMUM_BYTES + 1))
    small = tmp_path / "small"
    small.write_text("")
    stat = small.stat()
    monkeypatch.setattr(Path, "stat", lambda *_, **__: stat)
    with pytest.raises(InputError) as error:
        read_yaml(file)
    assert str(error.value) == f"{file}: file of 2.0 MB; at most 2 MB are read (use 'repeat' for layers)"


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_yaml(file).data == {"a": 1}


def test_a_key_cannot_forge_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text('schema: 1\nname: x\nbatch_size: 8\n"a\\nm.yaml:1:1 forged \\e[31m": 1\n')
    with pytest.raises(InputError) as error:
        load_workload(file)
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"{file}:4:1 a\\nm.yaml:1:1 forged \\x1b[31m unknown key")


def test_long_paths_and_messages_are_cut_in_the_middle() -> None:
    text = str(Fault("f", 1, 1, "p" * 10_000, "m" * 10_000))
    assert text == f"f:1:1 {'p' * 98} ... {'p' * 97} {'m' * 248} ... {'m' * 247}"
