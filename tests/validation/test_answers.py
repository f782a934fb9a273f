"""docs/answers.md is what its command writes, from answers of an earlier version that are kept."""

import json
from pathlib import Path

import pytest

from costmodel.inputs.loading import load_workload
from validation import answers

PAGE = Path(__file__).parents[2] / "docs" / "answers.md"


def test_what_is_kept_of_the_earlier_version_says_whose_it_is() -> None:
    data = json.loads(answers.BEFORE.read_text(encoding="utf-8"))
    assert "earlier version" in data["label"]
    assert len(data["commit"]) == 40
    assert int(data["commit"], 16)
    assert len(data["workloads"]) == 8
    for name, kept in data["workloads"].items():
        assert load_workload(name).name == name
        assert kept["answer"] in {"yes", "no", "undecided"}
        assert kept["best_thermodynamic"] in kept["methods"]
        for each in kept["methods"].values():
            for numbers in (each["step_time_s"], each["speedup_over_best_digital"]):
                assert 0 < numbers["p05"] <= numbers["median"] <= numbers["p95"]


def test_every_network_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert answers.before().commit[:12] in page
    for name in answers.before().workloads:
        assert f"### {name}\n" in page
        assert page.count(f"| {name} |") >= 3


def test_inputs_of_the_earlier_version_are_those_of_its_file() -> None:
    earlier = answers.before()
    _, names, layers, _ = answers.STEPS[0]
    kfac = load_workload("ogbg", answers.settings(earlier, names, layers)).kfac
    assert kfac.mean_curvature is not None
    assert (kfac.mean_curvature.low, kfac.mean_curvature.high) == (1e-6, 0.06)
    assert (kfac.coupling_tolerance.value, kfac.settling_tolerance.value) == (0.1, 0.1)
    assert load_workload("ogbg", answers.settings(earlier, (), "all")).kfac.mean_curvature is None


@pytest.mark.slow
def test_the_page_is_what_the_command_makes() -> None:
    assert answers.page() == PAGE.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("network", answers.NARROW)
def test_steps_of_the_two_networks_are_known_to_less_than_ten_times(network: str) -> None:
    earlier = answers.before()
    now = answers.today(earlier, network)
    for name in ("thermo.solve", "thermo.columns"):
        assert answers.width(now.methods[name].step_time) < answers.WIDEST
    assert max(answers.width(earlier.step(network, name)) for name in earlier.workloads[network]["methods"]) > 100
