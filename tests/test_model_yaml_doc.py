"""docs/model-yaml.md says what the reader of model files does: its examples load, its messages are the real ones."""

import re
from pathlib import Path

import pytest
import yaml

from costmodel.inputs.faults import InputError
from costmodel.inputs.kinds import FAMILIES, LAYER_KINDS
from costmodel.inputs.loading import CATALOG, load_workload, split_settings
from costmodel.inputs.schema import Strict
from costmodel.inputs.workload_schema import KfacEntry, Repeat, Training, WorkloadFile
from tests.tolerances import NAMES

PAGE = (Path(__file__).parents[1] / "docs" / "model-yaml.md").read_text(encoding="utf-8")
MODELS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
FAULTS = re.findall(r"^\| `(.*?)` \| `(.*)` \|$", PAGE.split("## Common faults")[1], re.MULTILINE)
TINY = MODELS[0]


@pytest.mark.parametrize("model", MODELS)
def test_every_model_on_the_page_loads(model: str, tmp_path: Path) -> None:
    file = tmp_path / "model.yaml"
    file.write_text(model, encoding="utf-8")
    assert load_workload(file).parameters > 0


@pytest.mark.parametrize(("line", "message"), FAULTS)
def test_every_fault_on_the_page_reads_so(line: str, message: str, tmp_path: Path) -> None:
    key = line.split(":")[0]
    if line.startswith("- "):
        model = f"{TINY}  {line}\n"
    elif f"\n{key}:" in TINY:
        model = re.sub(rf"^{key}:.*$", line, TINY, flags=re.MULTILINE)
    else:
        model = TINY.replace("layers:", f"{line}\nlayers:")
    file = tmp_path / "tiny.yaml"
    file.write_text(model, encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_workload(file)
    assert message in [f"{fault.path} {fault.message}".strip() for fault in error.value.faults]


def test_every_setting_on_the_page_reaches_the_model() -> None:
    table = PAGE.split("## Changing a value")[1].split("\n## ")[0]
    settings = re.findall(r"^\| `(.*?)` \|", table, re.MULTILINE)[1:]
    assert len(split_settings(settings)["model"]) == len(settings) == 6


@pytest.mark.parametrize("name", ["damping", *NAMES, "drift", "factor_decay", "diagonal_peak"])
def test_defaults_on_the_page_are_those_of_the_catalog(name: str) -> None:
    """As 1e-3, or as 0.3 (0.2 to 0.5) where there is a range."""
    shown = re.findall(rf"^\| `{name}` \| ([^|]*) \|", PAGE, re.MULTILINE)
    entry = yaml.safe_load((CATALOG / "kfac.yaml").read_text(encoding="utf-8"))[name]
    expected = [float(entry[key]) for key in ("value", "low", "high") if key in entry]
    assert [[float(number) for number in re.findall(r"[\d.]+(?:e-\d+)?", text)] for text in shown] == [expected]


@pytest.mark.parametrize("name", [*LAYER_KINDS, *FAMILIES, *KfacEntry.model_fields])
def test_nothing_is_left_out(name: str) -> None:
    assert f"`{name}`" in PAGE


SCHEMAS = [kind.schema for kind in (*LAYER_KINDS.values(), *FAMILIES.values())]


@pytest.mark.parametrize("model", [WorkloadFile, Training, Repeat, *SCHEMAS])
def test_no_key_is_left_out(model: type[Strict]) -> None:
    for name, field in model.model_fields.items():
        assert f"`{field.alias or name}`" in PAGE
