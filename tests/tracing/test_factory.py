"""What ``--torch`` and ``trace`` take, and the one line that each mistake gets."""

import sys
from pathlib import Path

import pytest

from costmodel.cli import main
from costmodel.inputs.faults import InputError
from costmodel.inputs.loading import load_workload
from costmodel.tracing.factory import read_factory

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _beside_the_factories(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["costmodel", *arguments])
    code = 0
    try:
        main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_factory_gives_a_network_with_its_inputs() -> None:
    traced = read_factory("factories:perceptron")
    assert (traced.name, traced.batch_size, [layer.shape.output_dimension for layer in traced.layers]) == (
        "perceptron", 4, [8, 3],
    )  # fmt: skip


def test_arguments_of_a_factory_are_plain_values() -> None:
    assert len(read_factory("factories:wide(6, depth=3)").layers) == 3
    with pytest.raises(InputError) as error:
        read_factory("factories:wide(6, depth=open('x'))")
    assert str(error.value) == (
        "factories:wide(6, depth=open('x')): arguments of a factory are plain values, like ('vit_small', depth=12)"
    )


def test_inputs_of_a_module_that_comes_alone() -> None:
    assert read_factory("factories:alone", ["16x12"]).batch_size == 16
    assert read_factory("factories:alone", ["input=16x3x12"], examples=8).layers[0].positions == 6


@pytest.mark.parametrize(
    ("factory", "inputs", "message"),
    [
        ("factories:ends_python", (), "factories:ends_python: raised SystemExit: 0 (factories.py:56)"),
        (
            "factories:raises_without_text",
            (),
            "factories:raises_without_text: raised UnprintableError (factories.py:65)",
        ),
        ("factories:raises", (), "factories:raises: raised ValueError: the width is wrong (factories.py:22)"),
        (
            "factories:wrong_shape",
            (),
            "factories:wrong_shape: raised RuntimeError: mat1 and mat2 shapes cannot be multiplied (3x7 and 4x5)",
        ),
        (
            "factories:nothing_covered",
            (),
            "factories:nothing_covered: has no layer with Kronecker factors; its 8 parameters are in LayerNorm",
        ),
        ("factories:number", (), "factories:number: gave a int, expected a torch module or a tuple (module, inputs)"),
        ("factories:absent", (), "factories:absent: module 'factories' has no 'absent'"),
        ("no_such_module:f", (), "no_such_module:f: there is no module 'no_such_module', here or installed"),
        ("factories", (), "factories: is not of the form package.module:factory"),
        (
            "factories:alone",
            (),
            "factories:alone: gives a module without inputs; say which, like --input 8x3x224x224",
        ),
        ("factories:perceptron", ("4x12",), "--input: factories:perceptron gives inputs itself"),
        (
            "factories:alone",
            ("4by12",),
            "--input: '4by12' is no shape; like 8x3x224x224, 8x128:int or input_ids=8x128:int, types float, float32, "
            "float16, bfloat16, int, bool",
        ),
        ("factories:alone", ("0x12",), "--input: '0x12' holds nothing"),
        (
            "factories:alone",
            ("8x9999999999x9999999999",),
            "--input: raised RuntimeError: Storage size calculation overflowed with sizes=[8, 9999999999, 9999999999]",
        ),
        ("factories:alone", ("4x12", "x=4x12"), "--input: either all inputs have names, or none"),
    ],
)
def test_a_mistake_gets_one_line_and_exit_2(
    factory: str,
    inputs: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = [word for each in inputs for word in ("--input", each)]
    code, out, err = run(capsys, monkeypatch, "counts", "--torch", factory, *given)
    assert (code, out, err) == (2, "", f"{message}\n")


def test_an_import_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_factories.py").write_text("import torch\n\n1 / 0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InputError) as error:
        read_factory("broken_factories:f")
    assert str(error.value) == (
        "broken_factories:f: importing it raised ZeroDivisionError: division by zero (broken_factories.py:3)"
    )


def test_options_of_torch_without_it(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(capsys, monkeypatch, "project", "mlp", "--input", "3", "--adam", "x")[::2] == (
        2, "--adam: belongs to --torch\n--input: belongs to --torch\n",
    )  # fmt: skip
    assert run(capsys, monkeypatch, "project")[::2] == (
        2, "MODEL: is missing: a catalog name, a model.yaml, or --torch\n",
    )  # fmt: skip
    assert run(capsys, monkeypatch, "project", "mlp", "--torch", "factories:perceptron")[::2] == (
        2, "--torch: stands for a model; 'mlp' is one too\n",
    )  # fmt: skip


def test_trace_writes_what_counts_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "net.yaml"
    code, out, err = run(capsys, monkeypatch, "trace", "factories:perceptron", "--out", str(file))
    assert (code, out) == (0, "")
    assert err == (
        f"factored: 100 % of the parameters, 100 % of the FLOPs\nwritten; project it with: costmodel project {file}\n"
    )
    assert load_workload(file).layers == read_factory("factories:perceptron").layers
    _, direct, _ = run(capsys, monkeypatch, "counts", "--torch", "factories:perceptron", "--format", "csv")
    _, from_file, _ = run(capsys, monkeypatch, "counts", str(file), "--format", "csv")
    assert direct == from_file
    code, _, err = run(capsys, monkeypatch, "trace", "factories:perceptron", "--out", str(tmp_path / "no" / "x.yaml"))
    assert (code, err) == (2, f"{tmp_path / 'no' / 'x.yaml'}: cannot be written: No such file or directory\n")
