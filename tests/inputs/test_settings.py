"""``--set``: every setting is applied or said to be wrong, and none hides another."""

import pytest

from costmodel.inputs.faults import InputError
from costmodel.inputs.loading import load_card, load_workload, sort_settings, split_settings

#: What took the place of an older key.
SUCCESSORS = (
    "kfac.sampling_tolerance, kfac.settling_tolerance, kfac.coupling_tolerance, kfac.reading_tolerance, "
    "kfac.mismatch_tolerance"
)


def test_all_faults_of_settings_at_once() -> None:
    settings = [
        "kfac.dampin=3", "layers.²=1", "layers.7.d_in=1", f"layers.{'9' * 5000}.d_in=1", "batch_size=!!int 5",
        "title='", "name.x=3", "host_time=1e308 Ps", f"kfac.rank={'1' * 400}", "source=\udc80",
        "schema=# nothing", "batch_size=0",
    ]  # fmt: skip
    with pytest.raises(InputError) as error:
        load_workload("imagenet_vit", settings)
    assert str(error.value).splitlines() == [
        "--set: batch_size a tag 'tag:yaml.org,2002:int' is not supported; the file is read as plain data",
        "--set: host_time '1e308 Ps' is too large a number",
        "--set: kfac.dampin unknown key 'dampin'; did you mean 'damping'?",
        "--set: kfac.rank 1111111111111 ... 111111111111 is too large a number",
        "--set: layers.7 leads nowhere: the list has 5 entries",
        f"--set: layers.{'9' * 91} ... {'9' * 97} leads nowhere: the list has 5 entries",
        "--set: layers.² leads nowhere: the list has 5 entries",
        "--set: name expected text, found keys and values",
        "--set: schema has no value",
        "--set: source not valid YAML: half of a surrogate pair is no character",
        "--set: title not valid YAML: found unexpected end of stream",
    ]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("damping", "did you mean 'kfac.damping'?"),
        ("dampin", "did you mean 'kfac.damping'?"),
        ("settling_tolerance", "did you mean 'kfac.settling_tolerance'?"),
        ("relative_error", f"in its place there is one for each flaw: {SUCCESSORS}"),
        ("adam_steps", "did you mean 'training.adam_steps'?"),
        ("name", "did you mean 'model.name' or 'digital.name' or 'analog.name'?"),
        ("bach_size", "did you mean 'batch_size'?"),
        ("relaxation_tiem", "did you mean 'relaxation_time'?"),
    ],
)
def test_a_key_that_is_found_elsewhere(key: str, hint: str) -> None:
    with pytest.raises(InputError) as error:
        split_settings([f"{key}=1e-2"])
    assert str(error.value) == f"--set: {key} unknown key '{key}'; {hint}"


def test_settings_that_are_for_something_are_sorted_beside_those_that_are_for_nothing() -> None:
    sorted_, faults = sort_settings(["kfac.damping=1", "nothing", "zzzz=1", "arrays=2"])
    assert sorted_ == {"model": ["kfac.damping=1"], "digital": [], "analog": ["arrays=2"], "solver": []}
    assert [fault.path for fault in faults] == ["nothing", "zzzz"]


@pytest.mark.parametrize("name", ["x" * 300, "x" * 5000, "a\0b", ""])
def test_names_that_no_file_can_have(name: str) -> None:
    for load in (load_workload, load_card):
        with pytest.raises(InputError) as error:
            load(name)
        (line,) = str(error.value).splitlines()
        assert len(line) < 800
        assert "known are" in line
