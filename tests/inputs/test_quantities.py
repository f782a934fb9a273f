"""Quantities of a file: their bounds, their domain, and how large they may be."""

from typing import Any

import pytest

from costmodel.inputs.faults import InputError
from costmodel.inputs.loading import load_card, load_workload
from tests.inputs.test_faults import CARD


def faults(model: dict[str, Any], **kfac: Any) -> list[str]:
    """What is wrong with the model with some settings of K-FAC."""
    with pytest.raises(InputError) as error:
        load_workload({**model, "kfac": kfac})
    return [f"{fault.path} {fault.message}" for fault in error.value.faults]


def entry(**keys: Any) -> dict[str, Any]:
    """A quantity in long form."""
    return {"status": "assumed", "source": "x", **keys}


@pytest.mark.parametrize("name", ["condition_number", "rank", "input_stable_rank", "block_size"])
def test_a_standard_error_may_be_smaller_than_the_domain(name: str, model: dict[str, Any]) -> None:
    quantity = getattr(load_workload({**model, "kfac": {name: entry(value=100, standard_error=0.5)}}).kfac, name)
    # 100 exp(-+ 1.6449 * 0.5 / 100), the deviate of the 95th percentile
    assert (quantity.low, quantity.high) == pytest.approx((99.1809, 100.8258), rel=1e-6)


def test_a_standard_error_has_the_unit_of_its_value() -> None:
    bits = "{value: 16 bit, standard_error: 0.1 bit, status: assumed, source: x}"
    arrays = "{value: 4, standard_error: 0, status: assumed, source: x}"
    card = load_card("tngd-2024", [f"input_bits={bits}", f"arrays={arrays}"])
    assert card.input_bits.high == pytest.approx(16.165334, rel=1e-6)  # type: ignore[union-attr]
    assert card.arrays.low == card.arrays.high == 4  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"standard_error": 1001},
         ["kfac.condition_number standard_error 1001 is more than 10 times the value 100; write low and high"]),
        ({"standard_error": -1}, ["kfac.condition_number.standard_error -1 is below 0"]),
        ({"standard_error": 1001, "low": 50},
         ["kfac.condition_number give either standard_error or low and high",
          "kfac.condition_number standard_error 1001 is more than 10 times the value 100; write low and high"]),
        ({"low": 0.5, "high": 200},
         ["kfac.condition_number.low condition_number = 0.5 is outside its domain 1 <= kappa"]),
        ({"domain": [5000, 1]},
         ["kfac.condition_number.domain expected the smallest and the largest size, like [64, 4096]"]),
        *(({"domain": domain},
           ["kfac.condition_number.domain expected the smallest and the largest size, like [64, 4096]"])
          for domain in ([64], [], [None, 1], [-5, 10], [1, 2, 3], [True, 2], ["1", 2], 64, "64")),
        ({"status": "gu\nessed"},
         ["kfac.condition_number.status status 'gu\nessed' is none of measured, interpolated, extrapolated, sourced, "
          "assumed"]),
    ],
)  # fmt: skip
def test_long_forms_that_do_not_hold_together(keys: dict[str, Any], expected: list[str], model: dict[str, Any]) -> None:
    assert faults(model, condition_number=entry(value=100, **keys)) == expected


def test_a_domain_is_kept(model: dict[str, Any]) -> None:
    kfac = {"condition_number": entry(value=100, domain=[64, 4096])}
    quantity = load_workload({**model, "kfac": kfac}).kfac.condition_number
    assert quantity is not None
    assert quantity.domain == (64.0, 4096.0)


def test_magnitudes_no_product_of_which_is_a_number_are_refused(model: dict[str, Any]) -> None:
    assert faults(model, settling_tolerance=1e-300, condition_number=1e200) == [
        "kfac.condition_number 1e+200 is not between 1e-30 and 1e+30",
        "kfac.settling_tolerance 1e-300 is not between 1e-30 and 1e+30",
    ]
    with pytest.raises(InputError) as error:
        load_workload({**model, "host_time": "1e40 s"})
    assert str(error.value) == "<mapping>: host_time 1e+40 s is not between 1e-30 and 1e+30 s"


@pytest.mark.parametrize("key", ["input_bits", "output_bits"])
def test_one_bit_is_a_sign_without_a_step(key: str) -> None:
    with pytest.raises(InputError) as error:
        load_card("tngd-2024", [f"{key}=1 bit"])
    letter = {"input_bits": "b_in", "output_bits": "b_out"}[key]
    assert str(error.value) == f"--set: {key} {key} = 1 is outside its domain 2 <= {letter}"


@pytest.mark.parametrize("version", ["true", "1.0", "'1'"])
def test_the_version_is_a_whole_number(version: str, tmp_path: Any) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(CARD.replace("schema: 1", f"schema: {version}"))
    with pytest.raises(InputError) as error:
        load_card(file)
    assert str(error.value) == f"{file}:1:1 schema expected the whole number 1, found {version}"


def test_a_mistyped_key_is_told_by_the_name_that_files_use(model: dict[str, Any]) -> None:
    model["shema"] = model.pop("schema")
    with pytest.raises(InputError) as error:
        load_workload(model)
    assert str(error.value).splitlines() == [
        "<mapping>: schema is missing",
        "<mapping>: shema unknown key 'shema'; did you mean 'schema'?",
    ]
