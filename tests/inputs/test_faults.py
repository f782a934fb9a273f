"""Every kind of bad input gives its line, its path and what would be right; the messages are part of the interface."""

from pathlib import Path

import pytest

from costmodel.inputs.faults import InputError
from costmodel.inputs.loading import load_card, load_workload, split_settings
from costmodel.inputs.yaml_reader import parse_yaml

MODEL = """\
schema: 1
name: net
batch_size: 8
layers:
  - {name: fc, kind: linear, d_in: 3, d_out: 4}
"""

CARD = """\
schema: 1
kind: analog
name: box
title: a box
source: made up
arrays: 1
relaxation_time: 1 us
input_bits: 16 bit
output_bits: 16 bit
link_bandwidth: 50 Gbit/s
link_latency: 1 us
row_write_time: 0 s
conversion_rate: 5 MHz
noise_to_signal: 4e-12
"""


def faults(load: object, file: Path) -> list[str]:
    """What is wrong with a file, its folder left out."""
    with pytest.raises(InputError) as error:
        load(file)  # type: ignore[operator]
    return [line.replace(f"{file.parent}/", "") for line in str(error.value).splitlines()]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("batch_size: 8", "bach_size: 8", ["m.yaml:3:1 bach_size unknown key 'bach_size'; did you mean 'batch_size'?",
                                           "m.yaml:1:1 batch_size is missing"]),
        ("d_in: 3", "d_in: three", ["m.yaml:5:30 layers.0.d_in expected a whole number, found 'three'"]),
        ("d_in: 3", "d_in: 3.5", ["m.yaml:5:30 layers.0.d_in expected a whole number, found 3.5"]),
        ("d_in: 3", "d_in: 0", ["m.yaml:5:30 layers.0.d_in 0 is not at least 1"]),
        ("d_in: 3", "d_in: -3", ["m.yaml:5:30 layers.0.d_in -3 is not at least 1"]),
        ("d_in: 3", "d_in: true", ["m.yaml:5:30 layers.0.d_in expected a whole number, found true"]),
        ("d_in: 3", "d_in: ~", ["m.yaml:5:30 layers.0.d_in expected a whole number, found nothing"]),
        ("d_in: 3", "d_in: .nan", ["m.yaml:5:36 layers.0.d_in .nan is not a finite number"]),
        ("d_in: 3", "d_in: .inf", ["m.yaml:5:36 layers.0.d_in .inf is not a finite number"]),
        ("d_in: 3", "d_in: 3, d_in: 4", ["m.yaml:5:39 layers.0.d_in 'd_in' is given twice"]),
        ("d_in: 3, ", "", ["m.yaml:5:5 layers.0.d_in is missing"]),
        ("kind: linear", "kind: liner", ["m.yaml:5:16 layers.0.kind unknown kind 'liner'; did you mean 'linear'?"]),
        ("kind: linear, ", "", ["m.yaml:5:5 layers.0.kind is missing"]),
        ("schema: 1", "schema: 2", ["m.yaml:1:1 schema 2 is none of 1"]),
        ("  - {name: fc, kind: linear, d_in: 3, d_out: 4}", "  - linear",
         ["m.yaml:5:5 layers.0 expected keys and values, found 'linear'"]),
        ("batch_size: 8", "batch_size: 8\nfamily: mlp", ["m.yaml:1:1 needs either 'layers' or 'family'"]),
        ("batch_size: 8", "batch_size: 8\nkfac: {damping: -1}",
         ["m.yaml:4:8 kfac.damping damping = -1 is outside its domain 0 < lambda"]),
        ("batch_size: 8", "batch_size: 8\nkfac: {settling_tolerance: 1.5}",
         ["m.yaml:4:8 kfac.settling_tolerance settling_tolerance = 1.5 is outside its domain 0 < T_t < 1"]),
        ("batch_size: 8", "batch_size: 8\nkfac: {relative_error: 0.1}",
         ["m.yaml:4:8 kfac.relative_error unknown key 'relative_error'; in its place there is one for each flaw: "
          "sampling_tolerance, settling_tolerance, coupling_tolerance, reading_tolerance, mismatch_tolerance"]),
        ("batch_size: 8", "batch_size: 8\nhost_time: 0.2",
         ["m.yaml:4:1 host_time missing unit: 0.2 needs one, like '1 us'"]),
        ("layers:", "layers:\n  - {name: fc, kind: linear, d_in: 3, d_out: 4}",
         ["m.yaml:6:6 layers.1.name layer name 'fc' is used twice"]),
    ],
)  # fmt: skip
def test_model_faults(old: str, new: str, expected: list[str], tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(MODEL.replace(old, new))
    assert sorted(faults(load_workload, file)) == sorted(expected)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("relaxation_time: 1 us", "relaxation_time: 1e-6",
         ["c.yaml:7:1 relaxation_time missing unit: 1e-06 needs one, like '1 us'"]),
        ("relaxation_time: 1 us", "relaxation_time: 1 Hz",
         ["c.yaml:7:1 relaxation_time '1 Hz' is not in s; write it like '1 us'"]),
        ("relaxation_time: 1 us", "relaxation_time: 0 s",
         ["c.yaml:7:1 relaxation_time relaxation_time = 0 is outside its domain 0 < tau"]),
        ("relaxation_time: 1 us", "relaxation_time: [1 us]",
         ["c.yaml:7:1 relaxation_time expected a number with a unit, like '1 us'"]),
        ("relaxation_time: 1 us",
         "relaxation_time: {value: 1 us, low: 3 us, high: 2 us, status: assumed, source: x}",
         ["c.yaml:7:1 relaxation_time low 3e-06 is above high 2e-06"]),
        ("relaxation_time: 1 us",
         "relaxation_time: {value: 1 us, low: 2 us, high: 3 us, status: assumed, source: x}",
         ["c.yaml:7:1 relaxation_time value 1e-06 is outside low 2e-06 to high 3e-06"]),
        ("relaxation_time: 1 us", "relaxation_time: {value: 1 us, low: 1 us, status: assumed, source: x}",
         ["c.yaml:7:1 relaxation_time low and high go together"]),
        ("relaxation_time: 1 us", "relaxation_time: {value: 1 us, status: guessed, source: x}",
         ["c.yaml:7:32 relaxation_time.status status 'guessed' is none of measured, interpolated, extrapolated, "
          "sourced, assumed"]),
        ("relaxation_time: 1 us", "relaxation_time: {value: 1 us, status: assumed}",
         ["c.yaml:7:1 relaxation_time.source is missing"]),
        ("input_bits: 16 bit", "input_bits: 0 bit",
         ["c.yaml:8:1 input_bits input_bits = 0 is outside its domain 2 <= b_in"]),
        ("arrays: 1", "arrays: 1.5", ["c.yaml:6:1 arrays 1.5 is not a whole number"]),
        ("kind: analog", "kind: analogue",
         ["c.yaml:2:1 kind unknown kind of card 'analogue'; did you mean 'analog'?"]),
        ("kind: analog\n", "", ["c.yaml:1:1 kind is missing; a card is 'digital' or 'analog'"]),
    ],
)  # fmt: skip
def test_card_faults(old: str, new: str, expected: list[str], tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(CARD.replace(old, new))
    assert faults(load_card, file) == expected


def test_all_faults_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(
        "schema: 1\nname: net\nbatch_size: 0\nkfac: {refresh: 3}\nlayers:\n"
        "  - {name: a, kind: linear, d_in: 3, d_out: x}\n"
        "  - {name: b, kind: linear, d_in: .inf, d_out: 4}\n"
        "  - {repeat: 3, name: c, layers: [{name: d, kind: linear, d_in: 0, d_out: 4}]}\n"
    )
    assert faults(load_workload, file) == [
        "m.yaml:3:1 batch_size 0 is not at least 1",
        "m.yaml:4:8 kfac.refresh unknown key 'refresh'; did you mean 'refresh_interval'?",
        "m.yaml:6:38 layers.0.d_out expected a whole number, found 'x'",
        "m.yaml:7:35 layers.1.d_in .inf is not a finite number",
        "m.yaml:8:59 layers.2.layers.0.d_in 0 is not at least 1",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "f:1:1 empty file; it needs at least a 'schema' and a 'name'"),
        ("# only a comment\n", "f:1:1 empty file; it needs at least a 'schema' and a 'name'"),
        ("a: {b: 1\n", "f:2:1 not valid YAML: did not find expected ',' or '}'"),
        ("a: *nowhere\n", "f:1:4 not valid YAML: found undefined alias 'nowhere'"),
        ("%YAML 1.1\n---\na: yes\n", "f:1:1 not valid YAML: written for YAML 1.1; only YAML 1.2 is read"),
        ("a: 1\n---\nb: 1\n", "f:2:1 not valid YAML: a second document begins here; a file holds one"),
        ('a: "\\Uffffffff"\n', "f:1:7 not valid YAML: found invalid Unicode character escape code"),
        ("é: 1\na: \x01\n", "f:2:4 not valid YAML: control characters are not allowed"),
        ("a: \ud800\n", "f:1:1 not valid YAML: half of a surrogate pair is no character"),
        ("a: " + "[" * 40 + "]" * 40, "f:1:33 nested more than 30 levels deep"),
        ("\ta: 1\n", "f:1:1 not valid YAML: found character that cannot start any token"),
    ],
)
def test_what_is_no_yaml(text: str, expected: str) -> None:
    with pytest.raises(InputError) as error:
        parse_yaml(text, "f")
    assert str(error.value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &x [*x]\n", "f:1:4 a.0 an alias that contains itself; write the value out"),
        ("a: &x {b: {c: *x}}\n", "f:1:4 a.b.c an alias that contains itself; write the value out"),
        ("a: !!python/object:os.system ls\n",
         "f:1:4 a a tag 'tag:yaml.org,2002:python/object:os.system' is not supported; the file is read as plain data"),
        ("<<: {a: 1}\n", "f:1:1 merge keys (<<) are not supported; write the keys out"),
        ("? [1]\n: 2\n", "f:1:3 a key must be a plain word"),
    ],
)  # fmt: skip
def test_yaml_that_is_refused(text: str, expected: str) -> None:
    assert [str(fault) for fault in parse_yaml(text, "f").faults] == [expected]


def test_aliases_that_multiply_are_stopped() -> None:
    bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    for level in range(1, 9):
        bomb += f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n"
    with pytest.raises(InputError) as error:
        parse_yaml(bomb, "f")
    assert str(error.value) == "f: more than 500000 values once its aliases are followed"


def test_a_large_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(MODEL + "#" * 10_000_000)
    assert faults(load_workload, file) == ["m.yaml: file of 10.0 MB; at most 2 MB are read (use 'repeat' for layers)"]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert faults(load_workload, tmp_path / "none.yaml") == ["none.yaml: cannot be read: No such file or directory"]
    binary = tmp_path / "b.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    assert faults(load_workload, binary) == ["b.yaml: cannot be read: not UTF-8 text"]


def test_numbers_as_yaml_1_2_has_them() -> None:
    data = parse_yaml("{a: 1e-6, b: no, c: 0x10, d: 1_000, e: 010, f: true, g: 2024-01-01, h: ~}", "f").data
    assert data == {"a": 1e-6, "b": "no", "c": 16, "d": 1000, "e": 10, "f": True, "g": "2024-01-01", "h": None}


@pytest.mark.parametrize(
    ("load", "name", "message"),
    [
        (load_workload, "imagenet_vti", "imagenet_vti: unknown model 'imagenet_vti'; did you mean 'imagenet_vit'?"),
        (load_card, "h100-smx", "h100-smx: unknown card 'h100-smx'; did you mean 'h100-sxm'?"),
    ],
)
def test_unknown_names(load: object, name: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        load(name)  # type: ignore[operator]
    assert str(error.value) == message


def test_settings() -> None:
    assert split_settings(["kfac.damping=1e-2", "relaxation_time=10 ns", "analog.arrays=4"]) == {
        "model": ["kfac.damping=1e-2"],
        "digital": [],
        "analog": ["relaxation_time=10 ns", "arrays=4"],
        "solver": [],
    }
    workload = load_workload("imagenet_vit", ["kfac.damping=1e-2", "batch_size=32"])
    assert (workload.kfac.damping.value, workload.batch_size) == (1e-2, 32)
    assert load_workload("mlp", ["parameters.width=77"]).layers[1].input_factor_dimension == 78


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("kfac.damping", "--set: kfac.damping is not path=value, like kfac.damping=1e-2"),
        ("kfac.damping=", "--set: kfac.damping= is not path=value, like kfac.damping=1e-2"),
        ("bach_size=3", "--set: bach_size unknown key 'bach_size'; did you mean 'batch_size'?"),
    ],
)
def test_settings_that_lead_nowhere(setting: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        split_settings([setting])
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("kfac.dampin=3", "--set: kfac.dampin unknown key 'dampin'; did you mean 'damping'?"),
        ("kfac.damping=-1", "--set: kfac.damping damping = -1 is outside its domain 0 < lambda"),
        ("layers.999.d_in=3", "--set: layers.999 leads nowhere: the list has 5 entries"),
        ("layers.0.kind=liner", "--set: layers.0.kind unknown kind 'liner'; did you mean 'linear'?"),
        ("batch_size=1e400", "--set: batch_size 1e400 is not a finite number"),
        ("kfac=3", "--set: kfac expected keys and values, found 3"),
    ],
)
def test_settings_with_wrong_values(setting: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        load_workload("imagenet_vit", [setting])
    assert str(error.value) == message
