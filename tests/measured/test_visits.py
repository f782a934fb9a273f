"""How often a point of a GPU is visited: the rule replayed on the visits of a file that an older rule took."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from validation.measure import journal
from validation.measure.timings import Point, Timing
from validation.quality import best_references, by_point, clean, settled, undisturbed
from validation.score.shipped import H100

torch = pytest.importorskip("torch")
timing = pytest.importorskip("tests.measured.test_measure").timing


@pytest.fixture(scope="module")
def visits() -> dict[Point, list[Timing]]:
    """Of every point that has three and more."""
    found = by_point(journal.read(H100 / "timings.jsonl.gz").timings)
    return {point: each for point, each in found.items() if len(each) >= 3}


def replayed(visits: dict[Point, list[Timing]]) -> Counter[int]:
    """Points by how many visits they would have had."""
    from validation.measure.measurement import MOST_ROUNDS, ROUNDS, Measurement

    session = Measurement(Path("unused"), torch.device("cuda"), math.inf, quiet=True)
    for turn in range(MOST_ROUNDS):
        for point, each in visits.items():
            if session._due(point, turn, ROUNDS) and turn < len(each):
                session._note(each[turn])
    return Counter(map(len, session.visits.values()))


def test_by_the_processor_s_rule_no_point_of_a_gpu_is_ever_done(visits: dict[Point, list[Timing]]) -> None:
    best = min(each.statistics.reference_s for of_point in visits.values() for each in of_point)
    share = np.mean([sum(clean(each, best) for each in of_point) >= 2 for of_point in visits.values()])
    assert share < 0.05


def test_most_points_of_a_gpu_need_three_visits(visits: dict[Point, list[Timing]]) -> None:
    found = replayed(visits)
    points = sum(found.values())
    assert min(found) == 3
    assert found[3] / points > 0.85
    assert sum(count * number for count, number in found.items()) / points < 3.5  # the file has nine of nearly all


def test_three_visits_give_the_time_that_nine_gave(visits: dict[Point, list[Timing]]) -> None:
    long = [each for each in visits.values() if each[0].statistics.q1_s > 2e-4]  # no longer bound by launches
    apart = [settled(each[:3], 1e-5, "cuda")[0] / settled(each, 1e-5, "cuda")[0] - 1 for each in long]
    assert np.quantile(np.abs(apart), 0.95) < 0.06
    assert len(long) > 600


def test_visits_to_a_gpu_are_judged_by_each_other() -> None:
    launches = [timing(each, reference=5e-5) for each in (1.0e-5, 1.4e-5, 1.05e-5)]
    assert undisturbed(launches, 3e-5, "cuda").tolist() == [True, False, True]
    assert settled(launches, 3e-5, "cuda")[0] == pytest.approx(1.0e-5)


def test_a_reference_that_is_no_launch_counts_on_a_gpu_too() -> None:
    crowded = [timing(1e-3, reference=3.5e-4), timing(0.9e-3, reference=5e-4), timing(1.01e-3, reference=3.6e-4)]
    assert undisturbed(crowded, 3.4e-4, "cuda").tolist() == [True, False, True]
    nothing = [timing(1e-3, reference=5e-4)]
    assert not undisturbed(nothing, 3.4e-4, "cuda").any()


def test_the_rule_of_a_processor_stands() -> None:
    visits = [timing(1e-5), timing(1e-5, reference=1.5e-3), timing(9e-5)]
    assert undisturbed(visits, 1e-3, "cpu").tolist() == [True, False, True]
    assert best_references(visits)[1] == pytest.approx(1e-3)


def test_a_file_cut_off_is_no_gzip_file(tmp_path: Path) -> None:
    from costmodel.inputs.faults import InputError

    file = tmp_path / "t.jsonl.gz"
    file.write_bytes((H100 / "timings.jsonl.gz").read_bytes()[:1000])
    with pytest.raises(InputError) as error:
        journal.read(file)
    assert str(error.value) == f"{file}: cannot be read: not a whole gzip file"


def test_eight_minutes_of_a_gpu_are_enough_for_networks_precisions_and_large_sizes() -> None:
    import time

    from costmodel.machines.operations import timed
    from validation.measure.grid import plan
    from validation.measure.measurement import Measurement, phases
    from validation.measure.models import MODELS

    planned = plan(timed(), ["float32", "tf32", "bfloat16"], [1], "cuda") + phases(list(MODELS), 1, level=-1)
    session = Measurement(Path("unused"), torch.device("cuda"), time.monotonic() + 480.0, quiet=True)
    chosen = session._affordable(planned, rounds=3)
    assert len({point.model for point in chosen}) == len(MODELS) + 1
    assert {point.dtype for point in chosen} == {"float32", "tf32", "bfloat16"}
    assert {(op, 8192) for op in ("gemm", "cholesky", "cholesky_inverse", "eigh")} <= {(p.op, p.n) for p in chosen}
    # With a minute the networks are what is kept.
    short = Measurement(Path("unused"), torch.device("cuda"), time.monotonic() + 60.0, quiet=True)
    assert {point.model for point in short._affordable(planned, rounds=3)} >= set(MODELS)
