"""Models and cards from Python mappings: the same answers as from a file, faults by path."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from costmodel.inputs.faults import InputError
from costmodel.inputs.loading import CATALOG, load_card, load_workload
from costmodel.inputs.yaml_reader import read_yaml
from costmodel.quantities.estimate import Status


@pytest.mark.parametrize("name", ["imagenet_vit", "fastmri", "mlp"])
def test_a_mapping_is_the_file_that_holds_it(name: str) -> None:
    data = read_yaml(CATALOG / "models" / f"{name}.yaml").data
    assert load_workload(data) == load_workload(name)


def test_a_card_as_a_mapping() -> None:
    data = read_yaml(CATALOG / "cards" / "tngd-2024.yaml").data
    assert load_card(data) == load_card("tngd-2024")


def test_settings_leave_the_mapping_as_it_is(model: dict[str, Any]) -> None:
    assert load_workload(model, ["batch_size=16", "layers.0.d_in=5"]).layers[0].input_dimension == 5
    assert (model["batch_size"], model["layers"][0]["d_in"]) == (8, 3)


def test_numbers_of_python_and_numpy(model: dict[str, Any]) -> None:
    layers = ({"name": "c", "kind": "convolution", "d_in": np.int64(3), "d_out": 4, "kernel": (3, 3), "positions": 9},)
    damping = {"value": np.float32(0.5), "low": Fraction(1, 4), "high": 1, "status": Status.ASSUMED, "source": "x"}
    workload = load_workload({**model, "layers": layers, "kfac": {"damping": damping}})
    assert workload.layers[0].input_dimension == 27
    assert (workload.kfac.damping.low, workload.kfac.damping.value) == (0.25, 0.5)


def test_what_no_file_could_hold(model: dict[str, Any]) -> None:
    nested: Any = 1
    for _ in range(40):
        nested = [nested]
    changes = {"host_time": float("nan"), "batch_size": 10**400, "title": b"x", "training": {1: 2}, "source": nested}
    with pytest.raises(InputError) as error:
        load_workload({**model, **changes})
    assert [(fault.path, fault.message) for fault in error.value.faults if "missing" not in fault.message] == [
        ("batch_size", "too large a number"),
        ("host_time", "nan is not a finite number"),
        ("source", "expected text, found a list"),
        (".".join(["source", *["0"] * 30]), "nested more than 30 levels deep"),
        ("title", "a bytes is no value of a file; give text, a number or a list"),
        ("training", "a key must be text, found 1"),
    ]


def test_a_mapping_that_holds_itself(model: dict[str, Any]) -> None:
    model["kfac"] = model
    with pytest.raises(InputError) as error:
        load_workload(model)
    assert any(fault.message == "nested more than 30 levels deep" for fault in error.value.faults)
