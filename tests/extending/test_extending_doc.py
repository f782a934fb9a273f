"""docs/extending.md is run as it stands: five additions outside the package, and everything that shows them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from costmodel.formulas.registry import unregister as forget_formula  # noqa: E402
from costmodel.inputs.kinds import LAYER_KINDS  # noqa: E402
from costmodel.machines.operations import OPERATIONS  # noqa: E402
from costmodel.methods import METHODS  # noqa: E402
from costmodel.methods import unregister as forget_method  # noqa: E402
from costmodel.projection.predict import predict  # noqa: E402
from costmodel.projection.project import Projection  # noqa: E402
from tests.test_cli import run  # noqa: E402
from validation.measure.primitives import BUILDERS, prepare  # noqa: E402

PAGE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCKS = [part.split("```")[0] for part in PAGE.split("```python\n")[1:]]


@pytest.fixture(scope="module")
def page() -> Iterator[dict[str, Any]]:
    """Names that the page's code leaves, with everything it registered forgotten afterwards."""
    names: dict[str, Any] = {}
    for block in BLOCKS:
        exec(compile(block, "docs/extending.md", "exec"), names)
    yield names
    for name in ("thermo.trimmed", "kfac.ldl"):
        forget_method(name)
    for name in ("example.trim.time", "example.ldl.flops"):
        forget_formula(name)
    del OPERATIONS["ldl"], BUILDERS["ldl"], LAYER_KINDS["bilinear"]
    assert "kfac.ldl" not in METHODS


def test_the_methods_are_in_the_answer(page: dict[str, Any]) -> None:
    result: Projection = page["result"]
    assert {"thermo.trimmed", "kfac.ldl"} <= set(result.methods)
    assert set(result.feasibility) >= {"thermo.trimmed"}
    # four slices of 256 and of 128, each row trimmed in 100 ns (10 ns to 1 us) every 100 steps, on one array. The
    # median of 200 draws whose logarithm has a standard deviation of 1.4 is known to 13 %: four of these
    trim = result.methods["thermo.trimmed"].phases["trim"]
    assert trim.median == pytest.approx(4 * (256 + 128) * 100e-9 / 100, rel=0.6)
    inversion = result.methods["kfac.ldl"].phases["inversion"]
    halves = result.methods["kfac.cholesky_solve"].phases["inversion"]
    # no card has timed it, so a Cholesky factor takes its place
    assert inversion.status.value == "assumed"
    assert inversion.median == pytest.approx(halves.median)
    assert inversion.median > 0
    assert "kfac.ldl" in str(result.table().to_string())
    assert "thermo.trimmed" in result.as_dict()["methods"]
    assert result.verdict()


def test_the_new_layer_is_counted(page: dict[str, Any]) -> None:
    result: Projection = page["result"]
    assert [layer.layer.pairs for layer in result.layers] == [4]
    assert result.workload.parameters == 4 * 256 * 128


def test_a_card_that_has_timed_the_operation_is_asked(page: dict[str, Any]) -> None:
    from costmodel.inputs.loading import load_digital

    card = load_digital("h100-sxm", ["operations.ldl.rate=1 TFLOP/s"])
    assert predict(card, "ldl", 300).time.median == pytest.approx(300**3 / 3 / 1e12)
    assert predict(load_digital("h100-sxm"), "ldl", 300).laws == ("cholesky",)


def test_the_operation_can_be_timed(page: dict[str, Any]) -> None:
    from costmodel.machines.sizes import Size

    factor = prepare("ldl", Size(12, 12), torch.float32, torch.device("cpu"))()
    assert torch.isfinite(factor[0]).all()


def test_explain_finds_them(page: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "explain", "example.ldl.flops")
    assert (code, err) == (0, "")
    assert "kfac.ldl" in out
    code, out, err = run(capsys, "explain", "thermo.trimmed")
    assert (code, err) == (0, "")
    assert "example.trim.time" in out


def test_tables_show_them(page: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "project", "mlp", "--draws", "20", "--set", "parameters.depth=1")
    assert (code, err) == (0, "")
    assert "kfac.ldl" in out
    assert "\n.trimmed " in out
