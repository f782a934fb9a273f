"""Walks to an optimum inside the grid."""

import math

import pytest

from validation.study.tune import MOVES, SEARCHES, Search, cost, grid, neighbours, walk


def test_a_walk_leaves_its_start_for_an_optimum_inside():
    """A bowl around lr = 3, damping = 0.001, clip = 0.1, up to four half decades from the start."""
    goal = (1, -6, -2)

    def price(hyper):
        found = (hyper.lr, hyper.damping, hyper.clip)
        return sum((math.log(x / grid(k))) ** 2 for x, k in zip(found, goal, strict=True)), 0.0

    point, ended = walk(SEARCHES["kfac"], price)
    assert (point, ended) == (goal, True)
    assert all(price(SEARCHES["kfac"].hyper(n)) > price(SEARCHES["kfac"].hyper(point)) for n in neighbours(point))


def test_a_slope_without_end_is_no_optimum():
    point, ended = walk(SEARCHES["kfac"], lambda hyper: (-hyper.lr, 0.0))
    assert not ended
    assert point[0] == SEARCHES["kfac"].starts[0][0] + MOVES


def test_beta2_ends_at_zero():
    point, ended = walk(SEARCHES["adam"], lambda hyper: (hyper.beta2, 0.0))
    assert (SEARCHES["adam"].hyper(point).beta2, ended) == (0.0, True)


def test_the_better_of_two_hollows_wins():
    """Hollows around damping 0.1 (depth 1) and 0.001 (depth 2): a walk from either start ends in its own."""

    def price(hyper):
        decades = math.log10(hyper.damping)
        return min((decades + 1) ** 2 - 1, (decades + 3) ** 2 - 2) + 0.1 * math.log10(hyper.lr) ** 2, hyper.clip

    point, _ = walk(SEARCHES["kfac"], lambda hyper: (price(hyper)[0] + abs(math.log(hyper.clip / 1e-3)), 0.0))
    assert SEARCHES["kfac"].hyper(point).damping == 0.001


def test_ties_stay():
    search = Search("kfac", ("lr",), ((0,),), lambda point: SEARCHES["adam"].hyper((point[0], -4)))
    assert walk(search, lambda hyper: (1.0, 1.0)) == ((0,), True)


def test_costs_by_hand():
    """Steps 10 and a censored 20 (counts as 40): mean logarithm ln 20."""
    runs = [{"steps": 10, "limit": 20, "best": 0.1}, {"steps": None, "limit": 20, "best": 0.3}]
    assert cost(runs) == pytest.approx((math.log(20), 0.2), abs=1e-9)
    assert cost([{"steps": None, "limit": 20, "best": None}])[1] == math.inf
