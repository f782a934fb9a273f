"""The package as a notebook uses it: names, files or objects in, readable objects out, faults in Python's words."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import costmodel
from costmodel import InputError, Projection, Workload, count, load_card, load_workload, predict, project
from costmodel.projection.project import project as project_objects
from costmodel.quantities.units import flop_per_second


def faults(call: Any) -> list[str]:
    """The lines of the InputError that a call raises."""
    with pytest.raises(InputError) as error:
        call()
    return str(error.value).splitlines()


def test_every_public_name_is_listed_and_leads_somewhere() -> None:
    assert dir(costmodel) == sorted(costmodel.__all__)
    for name in costmodel.__all__:
        assert getattr(costmodel, name) is not None
    assert costmodel.units.flop_per_second is flop_per_second
    assert costmodel.symbols.info("tau").unit.name == "s"
    with pytest.raises(AttributeError) as error:
        costmodel.projct  # noqa: B018 -- the access is the test
    assert str(error.value) == "module 'costmodel' has no attribute 'projct'"


def test_every_public_name_stands_in_the_docstring() -> None:
    rows = [line.split("  ")[0] for line in str(costmodel.__doc__).splitlines()]
    assert [name for name in costmodel.__all__ if name not in rows] == []


def test_the_package_alone_imports_nothing_heavy() -> None:
    program = "import sys, costmodel; print(sorted({'numpy', 'sympy', 'pandas', 'pydantic'} & set(sys.modules)))"
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout
    assert output == "[]\n"


def test_the_package_is_marked_as_typed() -> None:
    assert (Path(costmodel.__file__).parent / "py.typed").is_file()


def test_names_give_what_loaded_objects_give() -> None:
    named = project("mlp", "rtx-a6000", "scaled", draws=50, seed=3)
    objects = (load_workload("mlp"), load_card("rtx-a6000"), load_card("scaled"))
    assert named == project(*objects, draws=50, seed=3) == project_objects(*objects, draws=50, seed=3)


def test_a_file_by_path(tmp_path: Path) -> None:
    model = tmp_path / "net.yaml"
    model.write_text("{schema: 1, name: net, batch_size: 4, layers: [{name: a, kind: linear, d_in: 9, d_out: 5}]}")
    # 6 M d g; the bias is no product
    assert count(model).forward_backward == count(str(model)).forward_backward == 4 * 4 * 9 * 5


def test_a_model_as_a_dict() -> None:
    net = {
        "schema": 1,
        "name": "net",
        "batch_size": 4,
        "layers": [{"name": "a", "kind": "linear", "d_in": 9, "d_out": 5}],
    }
    assert count(net).forward_backward == 4 * 4 * 9 * 5
    assert count(net, set={"batch_size": 8}).forward_backward == 4 * 8 * 9 * 5
    assert faults(lambda: count({**net, "name": 3, "batch_size": 0}, set={"layers.0.d_in": 0})) == [
        "model: batch_size 0 is not at least 1",
        "model: name expected text, found 3",
        'set["layers.0.d_in"]: 0 is not at least 1',
    ]


def test_defaults_are_those_of_the_command_line() -> None:
    result = project(draws=20)
    assert (result.workload.name, result.digital.name, result.analog.name) == ("imagenet_vit", "h100-sxm", "tngd-2024")


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("analog.relaxation_time", "2 ns", 2e-9),  # a text as --set takes it
        ("relaxation_time", {"value": "2 ns", "low": "1 ns", "high": "3 ns", "status": "sourced", "source": "x"}, 2e-9),
        ("analog.relaxation_time.value", "2 ns", 2e-9),
        ("analog.arrays", 64, 64.0),
        ("analog.arrays", np.int64(64), 64.0),
        ("kfac.damping", 1e-7, 1e-7),
        ("model.kfac.damping", "1e-7", 1e-7),
        ("kfac", {"damping": np.float32(0.5)}, 0.5),
    ],
)
def test_set_changes_what_is_read(path: str, value: object, expected: float) -> None:
    result = project("mlp", set={path: value}, draws=20)
    key = "model.kfac.damping" if "kfac" in path else "analog.arrays" if "arrays" in path else "analog.relaxation_time"
    assert result.assumptions[key].value == expected


def test_set_reaches_model_cards_counts_and_predictions() -> None:
    assert load_workload("mlp", set={"batch_size": 3, "kfac.factor_interval": 7}).kfac.factor_interval == 7
    assert load_card("h100-sxm", set={"digital.title": "mine"}).title == "mine"
    # n^3 for each factor of 784 -> 1024 -> 10 with biases
    assert count("mlp", set={"parameters.depth": 1}).inversion_cholesky == 785**3 + 1024**3 + 1025**3 + 10**3
    fast, slow = (predict("h100-sxm", "gemm", 4096, set={"power": f"{watts} W"}) for watts in (1, 700))
    assert fast == slow  # power is no part of a time, and the card is still read


def test_faults_name_the_argument_and_come_together() -> None:
    assert faults(
        lambda: project(
            "imagenet_vti",
            "h100-sxm",
            "h100-sxm",
            set={"digital.power": 3, "arrays": float("nan"), "cells": object(), "input_bits": " ", "a=b": 1, 3: 4},
            scenario="nomnal",
            draws=0,
            seed=-1,
        )
    ) == [
        "analog: 'h100-sxm' is a digital card",
        "draws: 0 is not a whole number of at least 1",
        "imagenet_vti: unknown model 'imagenet_vti'; did you mean 'imagenet_vit'?",
        "scenario: unknown scenario 'nomnal'; did you mean 'nominal'?",
        "seed: -1 is not a whole number of at least 0",
        "set[\"a=b\"]: is not a path, like 'kfac.damping'",
        'set["arrays"]: holds a number that is not finite, or itself',
        'set["cells"]: cannot be of type object; a file could not hold it',
        "set[\"digital.power\"]: missing unit: 3 needs one, like '40 mW'",
        'set["input_bits"]: is an empty text',
        "set[3]: is not a path, like 'kfac.damping'",
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"relaxation_time": 3}, "set[\"relaxation_time\"]: missing unit: 3 needs one, like '1 us'"),
        ({"analog.relaxation_time": "-1 us"},
         'set["analog.relaxation_time"]: relaxation_time = -1e-06 is outside its domain 0 < tau'),
        ({"kfac": {"damping": -1}}, 'set["kfac"]: damping damping = -1 is outside its domain 0 < lambda'),
        ({"kfac.dampin": 1}, "set[\"kfac.dampin\"]: unknown key 'dampin'; did you mean 'damping'?"),
        ({"bach_size": 1}, "set[\"bach_size\"]: unknown key 'bach_size'; did you mean 'batch_size'?"),
        ([("batch_size", 1)], "set: expected a dict of values by path, found a list"),
    ],
)  # fmt: skip
def test_a_fault_of_a_setting_stands_at_its_key(settings: Any, message: str) -> None:
    assert faults(lambda: project("mlp", set=settings)) == [message]


def test_equal_keys_of_two_cards_are_told_apart() -> None:
    assert faults(lambda: project("mlp", set={"digital.title": 3, "analog.title": 4})) == [
        'set["analog.title"]: expected text, found 4',
        'set["digital.title"]: expected text, found 3',
    ]


def test_what_is_loaded_cannot_be_set() -> None:
    net, analog = load_workload("mlp"), load_card("scaled")
    assert faults(lambda: project(net, "h100-sxm", analog, set={"kfac.damping": 1, "arrays": 2})) == [
        'set["arrays"]: analog is loaded already; give its name or its file, set changes what is read',
        'set["kfac.damping"]: model is loaded already; give its name or its file, set changes what is read',
    ]
    assert project(net, "h100-sxm", analog, set={"digital.title": "mine"}, draws=20).digital.title == "mine"


def test_arguments_in_the_wrong_place() -> None:
    net, card = load_workload("mlp"), load_card("h100-sxm")
    assert faults(lambda: project(card, "scaled", net)) == [
        "analog: expected an analog card, found a workload, 'mlp'",
        "digital: 'scaled' is an analog card",
        "model: expected a workload, found a digital card, 'h100-sxm'",
    ]
    assert faults(lambda: project(3)) == ["model: expected a workload, its name or its file, found a value of type int"]


def test_settings_of_what_is_not_read() -> None:
    assert faults(lambda: count("mlp", set={"relaxation_time": "1 ns"})) == [
        'set["relaxation_time"]: is a key of the analog card; only the model is read here'
    ]
    assert faults(lambda: load_card("scaled", set={"batch_size": 3})) == [
        'set["batch_size"]: is a key of the model; only a card is read here'
    ]
    assert faults(lambda: predict("h100-sxm", "eigh", 8, set={"analog.arrays": 3})) == [
        'set["analog.arrays"]: is a key of the analog card; only a digital card is read here'
    ]


def test_sizes_and_card_of_a_prediction() -> None:
    assert faults(lambda: predict("tngd-2024", "eigh", 0, batch=1.5)) == [
        "batch: 1.5 is not a whole number of at least 1",
        "card: 'tngd-2024' is an analog card",
        "n: 0 is not a whole number of at least 1",
    ]
    assert faults(lambda: predict("epyc-milan-1-thread", "eigh", 64, m=32)) == [
        "m: eigh is of square matrices; leave it out"
    ]


def test_objects_read_well() -> None:
    result: Projection = project("mlp", "h100-sxm", "tngd-2024", draws=50)
    head, verdict = repr(result).split("\n")
    assert head == "Projection of mlp on h100-sxm and tngd-2024, nominal scenario, 50 draws"
    assert verdict == result.verdict()
    assert repr(result.digital).splitlines()[0] == f"DigitalCard h100-sxm: {result.digital.title}"
    assert repr(result.analog).splitlines() == [
        f"AnalogCard tngd-2024: {result.analog.title}",
        "9 values, 5 sourced and 4 assumed",
    ]
    # 784 -> 1024 -> 10 with biases, one row: 6 d g; 2 (a^2 + g^2); a^3 + g^3, nine times that; 2 a g (a + g)
    assert repr(count("mlp", set={"parameters.depth": 1, "batch_size": 1})).splitlines() == [
        "Counts of one step of mlp, batch 1, 2 factored layers: 3.27e+06 FLOP forward and backward",
        "factors 5.43e+06 (expand) or 5.43e+06 (reduce), inversion 2.63e+09 (Cholesky) or 2.37e+10 (eigh), "
        "precondition 2.93e+09 FLOP",
    ]
    called = predict("epyc-milan-1-thread", "cholesky", 512)
    assert repr(called).startswith("Prediction of cholesky of 512 x 512, float32, on epyc-milan-1-thread: ")
    assert repr(called).endswith("], interpolated")


def test_html_shows_texts_as_they_are() -> None:
    card = load_card(
        "scaled", set={"analog.title": "<b>fast</b>", "arrays": {"value": 3, "status": "assumed", "source": "<i>"}}
    )
    html = card._repr_html_()
    assert html.startswith("<p>scaled: &lt;b&gt;fast&lt;/b&gt;</p><table>")
    assert "<tr><td>arrays</td><td>3</td><td>3</td><td>3</td><td>1</td><td>assumed</td><td>&lt;i&gt;</td></tr>" in html
    result = project("mlp", analog="scaled", set={"digital.name": "<i>mine</i>"}, draws=20)
    shown = result._repr_html_()
    assert "on &lt;i&gt;mine&lt;/i&gt;" in shown
    assert "<i>" not in shown
    idle = [found for found in result.feasibility.values() if found.missing]
    assert idle
    assert shown.count("<tr>") == 1 + len(result.methods) - len(idle)


def test_tables_of_a_projection() -> None:
    result = project("mlp", "h100-sxm", "tngd-2024", draws=50)
    methods = result.table()
    speedup = result.speedup["thermo.solve"]["kfac.best"]
    row = methods.loc["thermo.solve"]
    assert [row[f"speedup over kfac.best{end}"] for end in ("", " p05", " p95", " status")] == [
        speedup.median, speedup.p05, speedup.p95, speedup.status.value,
    ]  # fmt: skip
    assert row["speedup over adam p05"] == result.speedup["thermo.solve"]["adam"].p05

    phases = result.phases_table()
    assert list(phases.columns) == ["method", "phase", "median_s", "p05_s", "p95_s", "status", "share", "energy_j"]
    assert not phases.duplicated(["method", "phase"]).any()
    settle = phases[(phases.method == "thermo.solve") & (phases.phase == "settle")].iloc[0]
    assert settle.median_s == result.methods["thermo.solve"].phases["settle"].median
    assert settle.share == settle.median_s / result.methods["thermo.solve"].step_time.median

    layers = result.layers_table()
    assert len(layers) == len(result.layers) * len(result.methods)
    first = layers[(layers.name == result.layers[0].layer.name) & (layers.method == "adam")].iloc[0]
    assert first.median_s == result.layers[0].step_time["adam"]

    assumptions = result.assumptions_table().set_index("path")
    assert assumptions.loc["analog.relaxation_time", "value"] == 1e-6
    assert len(assumptions) == len(result.assumptions)


def test_table_of_counts() -> None:
    net: Workload = load_workload("mlp")
    table = count(net).table().set_index("name")
    assert list(table.index) == [layer.name for layer in net.layers]
    assert table.inversion_cholesky_flops.sum() == count(net).inversion_cholesky
