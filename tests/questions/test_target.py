"""Time to target: steps times seconds, break-even ratios, floors of the host."""

import json

import pytest
from typer.testing import CliRunner

from costmodel import project
from costmodel.cli import app
from costmodel.inputs.faults import InputError
from costmodel.questions.target import Targets, targets
from costmodel.views.target import TargetReport


def targets_of(model: str, settings: dict[str, object]) -> Targets:
    return targets(project(model, set=settings, draws=60))


def test_steps_times_seconds_by_hand() -> None:
    found = targets_of(
        "gpt",
        {"training.adam_steps": "1000", "training.kfac_step_ratio": "0.5", "digital.interconnect_latency": "1 us"},
    )
    methods = {each.method: each for each in found.methods}
    for name, steps in {"adam": 1000, "kfac.cholesky": 500}.items():
        time = methods[name].time
        assert time is not None
        assert time.median == pytest.approx(steps * methods[name].step.median)
    kfac = methods["kfac.cholesky"]
    assert kfac.gain is not None
    # At the break-even ratio K-FAC takes as long as Adam: at half the steps it gains twice the ratio, draw by draw.
    assert kfac.gain.median == pytest.approx(2 * kfac.break_even.median)
    assert kfac.gain.p05 == pytest.approx(2 * kfac.break_even.p05)


def test_at_the_break_even_ratio_adam_is_as_fast() -> None:
    even = next(each for each in targets_of("gpt", {}).methods if each.method == "kfac.cholesky").break_even.median
    found = targets_of("gpt", {"training.kfac_step_ratio": repr(even)})
    gain = next(each for each in found.methods if each.method == "kfac.cholesky").gain
    assert gain is not None
    assert gain.median == pytest.approx(1.0)


# The U-Net's step on one H100 is longer than what eight V100 wait for; on eight of them it is not.
@pytest.mark.parametrize(("model", "settings"), [("ogbg", {}), ("criteo1tb", {}), ("fastmri", {"devices": 8})])
def test_workloads_that_wait_for_the_host(model: str, settings: dict[str, object]) -> None:
    found = targets_of(model, settings)
    assert found.host_bound
    note = TargetReport(found).tables()[0].note
    assert "Adam's step is that floor: a faster device changes nothing for Adam." in note
    # Without the floor the device is the bound, as for every other workload.
    assert not targets_of(model, settings | {"model.host_time": "1 ns"}).host_bound


def test_a_model_without_training_says_what_it_lacks() -> None:
    with pytest.raises(InputError) as caught:
        targets_of("mlp", {})
    assert str(caught.value) == "mlp: states no training; give it adam_steps and kfac_step_ratio (docs/model-yaml.md)"


def test_every_format() -> None:
    arguments = ["target", "ogbg", "--draws", "40", "--format"]
    found = json.loads(CliRunner().invoke(app, [*arguments, "json"]).stdout)
    assert found["kfac_step_ratio"]["value"] == 0.5
    assert all(each["break_even_step_ratio_median"] > 0 for each in found["methods"])
    head = CliRunner().invoke(app, [*arguments, "csv"]).stdout.splitlines()[0]
    assert head.startswith("method,step_time_s_median,")
    assert "| adam |" in CliRunner().invoke(app, [*arguments, "markdown"]).stdout
