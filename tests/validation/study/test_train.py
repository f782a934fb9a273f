"""Runs of the study: they learn, stop, repeat to the bit, and say how wrong their direction was. Needs `study`."""

import math

import pytest
import torch

pytest.importorskip("sklearn")
pytest.importorskip("datamol")

from solver.kfac import Cholesky
from validation.study.arms import ALL_ARMS, Hyper
from validation.study.directions import Watched
from validation.study.train import TASKS, train

KFAC = Hyper(0.1, damping=0.1, clip=1e-3)


@pytest.fixture(scope="module")
def mlp():
    return TASKS["mlp"]()


@pytest.mark.parametrize("arm", ["adam", "kfac", "in 8", "sample 0.1", "column 0.3", "out 6"])
def test_training_goes_down_and_repeats(mlp, arm):
    """Thirty steps bring the loss well below ln 10, and an equal seed brings the same loss."""
    hyper = Hyper(1e-2, beta2=0.99) if arm == "adam" else KFAC
    runs = [train(mlp, ALL_ARMS[arm], hyper, 3, target=0.0, limit=30) for _ in range(2)]
    assert runs[0]["best"] < 0.8 < math.log(10)
    assert runs[0]["best"] == runs[1]["best"]
    assert runs[0]["directions"] == runs[1]["directions"]
    assert runs[0]["steps"] is None


def test_the_transformer_repeats_to_the_bit_whatever_the_threads():
    """Sums split over threads end in other bits, and training amplifies them; runs take one thread whoever calls."""
    vit, threads, best = TASKS["vit"](), torch.get_num_threads(), []
    for count in (1, 2):
        torch.set_num_threads(count)
        try:
            best.append(train(vit, ALL_ARMS["kfac"], KFAC, 1, target=0.0, limit=30)["best"])
            assert torch.get_num_threads() == count
        finally:
            torch.set_num_threads(threads)
    assert best[0] == best[1]


def test_a_run_stops_at_its_target(mlp):
    run = train(mlp, ALL_ARMS["kfac"], KFAC, 3, target=1.0, limit=60)
    assert run["steps"] % 2 == 0
    assert run["best"] <= 1.0


def test_errors_of_the_direction_grow_with_the_flaw(mlp):
    """At the first look all runs have taken ten steps: fewer bits are worse, and a deflated factor is rounded less."""

    def error(arm):
        return train(mlp, ALL_ARMS[arm], KFAC, 3, target=0.0, limit=12)["directions"][0]["error"]

    assert error("in 10") < error("in 8") < 0.2
    assert error("ind 8") < error("in 8")
    assert 0.1 < error("column 0.1") < error("column 0.3") < error("column 0.9") < 1


def test_the_error_of_a_direction_by_hand():
    """One layer whose inverses are off by 1.2 and 1.1: the direction is 1.32 times the exact one, in its direction."""

    class Off:
        def prepare(self, A, G):
            exact = Cholesky().prepare(A, G)
            return lambda grad: 1.2 * 1.1 * exact(grad)

    backend, eye = Watched(Off()), torch.eye(3, dtype=torch.float64)
    grad = torch.arange(9.0, dtype=torch.float64).reshape(3, 3)
    backend.prepare(2 * eye, eye)(grad)
    assert backend.take() == {}  # nobody was looking
    backend.looking = True
    backend.prepare(2 * eye, eye)(grad)
    found = backend.take()
    assert found["error"] == pytest.approx(0.32)
    assert found["cosine"] == pytest.approx(1.0)
    assert backend.take() == {}
