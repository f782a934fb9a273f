"""A real session of a few seconds, from measuring to a projection; nothing here asserts a time."""

import json
import math
import random
from pathlib import Path

import pytest

from costmodel.machines.operations import timed
from tests.measured.synthetic import timing_line
from tests.test_cli import run
from validation.measure import journal
from validation.measure.timings import Point, Statistics, Timing
from validation.quality import best_references, clean, settled

torch = pytest.importorskip("torch")

OPERATIONS = "gemm,cholesky,cholesky_inverse,eigh,ema"


def timing(
    q1: float, *, cpu: float = 0.0, share: float = 1.0, reference: float = 1e-3, visit: int = 0, threads: int = 1
) -> Timing:
    point = Point("gemm", "float32", threads, 64, 64)
    return Timing(point, visit, Statistics(5, q1, q1, q1, q1, share, cpu, reference))


def test_from_measuring_to_a_projection(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, card = tmp_path / "t.jsonl", tmp_path / "here.yaml"
    measuring = (
        "measure", "--out", str(file), "--budget", "5s", "--no-models", "--operations", OPERATIONS, "--quiet",
    )  # fmt: skip
    assert run(capsys, *measuring)[0] == 0
    first = journal.read(file)
    assert {each.point.op for each in first.timings} == set(OPERATIONS.split(","))
    code, out, err = run(capsys, "calibrate", str(file), "--out", str(card), "--format", "json")
    assert (code, err) == (0, "")
    assert {law["operation"] for law in json.loads(out)["laws"]} == set(OPERATIONS.split(","))
    code, out, _ = run(capsys, "predict", "gemm", "--n", "100", "--card", str(card), "--format", "json")
    assert code == 0
    assert 0 < json.loads(out)["time_s"]["p05"] < json.loads(out)["time_s"]["p95"] < math.inf
    assert run(capsys, "project", "mlp", "--digital", str(card), "--draws", "20")[0] == 0
    code, _, err = run(capsys, "validate", "--timings", str(file), "--card", str(card))
    assert (code, err.splitlines()[-1]) == (
        2, f"{file}: holds no point to score {card} on that it was not fitted to",
    )  # fmt: skip
    again = tmp_path / "again.jsonl"
    again.write_text(file.read_text().replace('"calls": ', '"calls": 1'))  # as if measured another time
    code, out, err = run(capsys, "validate", "--timings", str(again), "--card", str(card), "--format", "json")
    assert (code in {0, 1}, err) == (True, "")  # what it finds depends on the machine
    assert {each["card"] for each in json.loads(out)["points"]} == {str(card)}
    assert len(json.loads(out)["points"]) == len({each.point for each in first.timings})


def test_an_operation_that_fails_costs_no_other_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from validation.measure import measurement as module
    from validation.measure.grid import Planned

    real = module.prepare_typed

    def prepare(op: str, *rest: object) -> object:
        if op == "inv":
            raise RuntimeError("out of memory\nsecond line")
        return real(op, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "prepare_typed", prepare)
    points = [Point(op, "float32", 1, 16, 16) for op in ("gemm", "inv", "cholesky")]
    session = module.Measurement(tmp_path / "t.jsonl", torch.device("cpu"), math.inf, quiet=True)
    session.open()
    session.run([Planned(point, 0, index) for index, point in enumerate(points)], rounds=1)
    assert {each.point.op for each in journal.read(tmp_path / "t.jsonl").timings} == {"gemm", "cholesky"}
    assert capsys.readouterr().err.strip() == "inv of 16 by 16 (1 threads) left out: out of memory"


def test_a_session_is_taken_up_after_a_kill(tmp_path: Path) -> None:
    from validation.measure.grid import Planned
    from validation.measure.measurement import Measurement

    planned = [Planned(Point("gemm", "float32", 1, n, n), 0, n) for n in (8, 16, 24)]
    file = tmp_path / "t.jsonl"

    def session() -> Measurement:
        found = Measurement(file, torch.device("cpu"), math.inf, quiet=True)
        found.open()
        return found

    first = session()
    first.take(planned[0].point)
    first.take(planned[1].point)
    first.close()
    with file.open("a") as stream:
        stream.write('{"kind": "timing", "op": "ge')  # a kill in the middle of a line
    second = session()
    assert {point.n: len(visits) for point, visits in second.visits.items()} == {8: 1, 16: 1}
    second.run(planned, rounds=1)
    rounds = {(each.point.n, each.round) for each in journal.read(file).timings}
    assert {(8, 0), (16, 0), (24, 0)} <= rounds


@pytest.mark.parametrize("operation", sorted(timed()))
def test_every_operation_runs_and_counts_what_it_does(operation: str) -> None:
    from costmodel.machines.operations import OPERATIONS as KNOWN
    from costmodel.machines.sizes import Size
    from validation.measure.primitives import prepare

    if KNOWN[operation].device_only:
        pytest.skip("needs a device with a memory of its own")
    each = KNOWN[operation]
    size = Size(12, 20 if each.rectangular else 12, 3 if each.batched else 1)
    result = prepare(operation, size, torch.float32, torch.device("cpu"))()
    tensors = result if isinstance(result, tuple) else (result,)
    assert all(torch.isfinite(tensor).all() for tensor in tensors)
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        prepare(operation, size, torch.float32, torch.device("cpu"))()
    if operation.startswith(("gemm", "precondition", "newton")):
        assert counter.get_total_flops() == each.flops(size.n, size.m) * size.batch


def test_phases_of_a_step_are_the_step(tmp_path: Path) -> None:
    from validation.measure.steps import PHASES, Step

    step = Step("mlp_small", torch.device("cpu"))
    for phase in PHASES:
        step.call(phase)()
    sizes = step.sizes()
    # 784 -> 256 -> 128 -> 10, batch 128, biases
    assert [(each.rows, each.a, each.g) for each in sizes.layers] == [(128, 785, 256), (128, 257, 128), (128, 129, 10)]
    assert sizes.parameters == 785 * 256 + 257 * 128 + 129 * 10
    layer = step.layers[1]
    x, y = layer.rows
    assert torch.allclose(layer.factors[0], x.T @ x)
    damped = layer.averages[1] + 1e-2 * 129.0 * torch.eye(128)
    assert torch.allclose(layer.inverses[1] @ damped, torch.eye(128), atol=1e-3)
    assert y.shape == (128, 128)


@pytest.mark.parametrize("model", ["mlp_small", "vit_small", "resnet_small"])
def test_rows_that_are_timed_are_the_rows(model: str) -> None:
    from solver.kfac.rows import gradient_rows, input_rows
    from validation.measure.steps import Step

    for layer in Step(model, torch.device("cpu")).layers:
        shared = input_rows(layer.module, layer.inputs), gradient_rows(layer.module, layer.gradients)
        for made, rows in zip(layer.rows, shared, strict=True):
            assert torch.equal(made, rows[0].flatten(0, 1))


def test_a_preempted_and_a_crowded_visit_are_not_clean() -> None:
    assert clean(timing(1e-5), 1e-3)
    assert not clean(timing(1e-5, share=0.6), 1e-3)
    assert not clean(timing(1e-5, reference=1.5e-3), 1e-3)
    assert clean(timing(1e-5, share=0.4, threads=2), 1e-3)  # threads that wait in a loop say nothing
    assert clean(timing(2e-5, cpu=1e-5, share=0.5), 1e-3)  # CPU time is kept: waiting does no harm


def test_the_time_of_one_thread_is_its_cpu_time() -> None:
    assert settled([timing(2e-5, cpu=1e-5, share=0.5), timing(1.02e-5, cpu=1.01e-5)], 1e-3)[0] == pytest.approx(1e-5)


def test_a_point_is_given_by_its_clean_visits() -> None:
    quiet = [timing(1.00e-5, visit=0), timing(1.01e-5, visit=1)]
    crowded = [timing(0.5e-5, reference=2e-3, visit=2), timing(9e-5, share=0.3, visit=3)]
    assert settled([*quiet, *crowded], 1e-3)[0] == pytest.approx(1.0e-5)
    assert settled(crowded, 1e-3)[0] == pytest.approx(0.5e-5)


def test_one_lucky_reference_does_not_make_all_visits_unclean() -> None:
    visits = [timing(1e-5, reference=1e-3 * random.Random(i).uniform(1.0, 1.02), visit=i) for i in range(60)]
    visits.append(timing(1e-5, reference=0.7e-3, visit=60))
    assert all(clean(each, best_references(visits)[1]) for each in visits)


def test_the_adviser_asks_where_laws_disagree() -> None:
    from validation.measure.adviser import advise

    times = {Point("gemm", "float32", 1, n, n): 2e-11 * n**3 + 1e-5 for n in (16, 32, 64, 96, 128, 192, 256)}
    asked = advise(
        times, [Point("gemm", "float32", 1, n, n) for n in (48, 64, 200)] + [Point("inv", "float32", 1, 8, 8)]
    )
    assert asked[0].point.op == "inv"  # nothing is known of it
    assert Point("gemm", "float32", 1, 64, 64) not in {each.point for each in asked}


def test_timing_lines_say_what_was_timed() -> None:
    assert set(timing_line("gemm", 8, 1.0)) == set(timing(1.0).as_dict())
