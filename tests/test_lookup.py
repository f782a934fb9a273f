"""Explain puts numbers into formulas, and finds whatever name was printed."""

import math

import pytest

from costmodel import load_workload, project
from costmodel.cli_inputs import load
from costmodel.inputs.faults import InputError
from costmodel.projection.draws import quantities
from costmodel.questions.evaluated import plain
from costmodel.questions.lookup import Found, look_up
from costmodel.views.explain import ExplainReport

LOADED = load("mlp", "h100-sxm", "tngd-2024", [])
FOUND = quantities(*LOADED)


def looked_up(name: str) -> Found:
    return look_up(name, LOADED[0], FOUND)


def test_a_formula_is_evaluated_where_it_is_largest() -> None:
    """The widest factor of the perceptron is 1024 wide with its bias: 1025 cubed."""
    value = looked_up("kfac.cholesky.refresh.flops").evaluated["kfac.cholesky.refresh.flops"]
    assert (value.substituted, value.value) == ("1025**3", 1025**3)
    assert value.smallest == 10**3  # the ten classes
    assert value.where.startswith("factor A of ")


def test_the_numbers_put_in_give_the_value() -> None:
    value = looked_up("thermo.solve.settle.time").evaluated["thermo.solve.settle.time"]
    names = {"log": math.log, "ceiling": math.ceil}
    assert eval(value.substituted, names) == pytest.approx(value.value, rel=1e-4)
    assert value.values["tau"] == 1e-6


def test_a_method_stands_for_epsilon_by_its_own_tolerance() -> None:
    """Epsilon is what the phase is given of the error, 1 - sqrt(1 - T) where two factors leave out T."""
    alone = looked_up("thermo.solve.settle.time").evaluated["thermo.solve.settle.time"]
    inside = looked_up("thermo.solve settle").evaluated["thermo.solve.settle.time"]
    assert inside == alone
    assert 0 < inside.values["epsilon"] <= 1 - math.sqrt(1 - LOADED[0].kfac.settling_tolerance.value)


def test_a_formula_that_no_method_uses_has_no_error_to_be_evaluated_at() -> None:
    found = looked_up("thermo.mismatch.tolerance")
    assert [each.formula.name for each in found.explanations] == ["thermo.mismatch.tolerance"]
    assert found.evaluated == {}


@pytest.mark.parametrize("name", [
    "kfac.cholesky inversion", "kfac.cholesky.inversion", "kfac.cholesky: inversion", "inversion of kfac.cholesky",
])  # fmt: skip
def test_a_phase_is_found_as_it_is_typed(name: str) -> None:
    found = looked_up(name)
    assert found.phase is not None
    assert (found.phase.method.name, found.phase.phase.name) == ("kfac.cholesky", "inversion")
    assert "kfac.cholesky.refresh.flops" in found.evaluated


@pytest.mark.parametrize(("name", "letter"), [
    ("kappa", "kappa"), ("condition_number", "kappa"), ("damping", "lambda"), ("lambda", "lambda"),
    ("kfac.damping", "lambda"), ("model.kfac.damping", "lambda"), ("analog.relaxation_time", "tau"),
])  # fmt: skip
def test_a_symbol_is_found_by_letter_name_and_path(name: str, letter: str) -> None:
    found = looked_up(name)
    assert found.symbol is not None
    assert found.symbol.info.letter == letter
    assert found.symbol.quantities


def test_a_value_without_a_symbol_is_found_by_its_path() -> None:
    assert looked_up("memory").path == ("digital.memory", FOUND["digital.memory"])


@pytest.mark.parametrize(("name", "nearest"), [
    ("thermo.sovle", "thermo.solve"), ("kapa", "kappa"), ("kfac.cholesky inversoin", "kfac.cholesky inversion"),
])  # fmt: skip
def test_a_name_that_nobody_has(name: str, nearest: str) -> None:
    with pytest.raises(InputError) as error:
        looked_up(name)
    assert str(error.value) == f"{name}: unknown name '{name}'; did you mean '{nearest}'?"


def test_every_name_that_project_prints_is_explained() -> None:
    """Methods, phases, paths of assumptions and families of the screen."""
    result = project("mlp", draws=5)
    workload = load_workload("mlp")
    names = [*result.methods, *result.assumptions]
    names += [
        f"{name} {phase}" for name in ("kfac.cholesky", "thermo.columns") for phase in result.methods[name].phases
    ]
    missing = []
    for name in names:
        try:
            look_up(name, workload, FOUND)
        except InputError:
            missing.append(name)
    assert missing == []


def test_records_have_one_meaning_a_row() -> None:
    report = ExplainReport(looked_up("kappa"))
    rows = report.records()
    assert len({tuple(row) for row in rows}) == 1  # the same columns
    assert {row["symbol"] for row in rows} == {"kappa", "lambda", "n", "s_r", "theta"}
    assert [row["quantity_value"] for row in rows if row["symbol"] == "lambda"] == [1e-3]
    (formula,) = report.as_dict()["formulas"]
    value = formula["value"]
    own = value["symbols"]
    by_hand = 1 + own["n"] * math.sqrt(own["theta"]) / (math.sqrt(own["lambda"]) * own["s_r"])
    assert value["value"] == pytest.approx(by_hand)


@pytest.mark.parametrize(("value", "text"), [(1e-6, "1e-6"), (1537.0, "1537"), (2.5e13, "2.5e13"), (0.3, "0.3")])
def test_a_number_as_people_write_it(value: float, text: str) -> None:
    assert plain(value) == text
