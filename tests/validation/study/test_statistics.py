"""The registered tests, by hand."""

import math

import numpy as np
import pytest

from validation.study.statistics import (
    cost,
    difference,
    equivalence,
    holm,
    in_order,
    interval,
    log_ratios,
    ratio,
)


def run(steps, limit=400):
    return {"steps": steps, "limit": limit}


def paired(ours, base=None):
    base = base or [100] * len(ours)
    return [(run(a), run(b)) for a, b in zip(ours, base, strict=True)]


def test_ratios_by_hand():
    """Ratios 2 and 8 of one base: geometric mean 4, sd of the logarithms ln(4)/sqrt(2), t(0.95, 1) = 6.314."""
    found = ratio([(run(20), run(10)), (run(80), run(10))])
    assert found.ratio == pytest.approx(4.0)
    half = 6.3137515 * math.log(4) / math.sqrt(2) / math.sqrt(2)
    assert found.low == pytest.approx(4 * math.exp(-half), rel=1e-6)
    assert found.high == pytest.approx(4 * math.exp(half), rel=1e-6)
    assert ratio(paired([None, 100])).censored == 1


def test_one_task_has_no_interval_over_tasks():
    assert interval([0.1]).low == 0
    assert interval([0.1]).high > 1e300


def test_censored_runs_count_with_multiples_of_their_limit():
    pairs = [(run(None), run(100)), (run(100), run(None))]
    assert log_ratios(pairs, ours=2.0) == pytest.approx([math.log(8), math.log(1 / 4)])
    assert log_ratios(pairs, base=2.0) == pytest.approx([math.log(4), math.log(1 / 8)])


def test_equivalence_by_hand():
    """Logs -d, 0, d with d = 0.1: mean 0, sd 0.1, so t = -ln(1.2) / (0.1 / sqrt(3)) = -3.158; P(t_2 < -3.158).

    With two degrees of freedom P(t < x) = 1/2 + x / (2 sqrt(2 + x^2)).
    """
    pairs = [(run(100 * math.exp(d)), run(100)) for d in (-0.1, 0.0, 0.1)]
    x = -math.log(1.2) / (0.1 / math.sqrt(3))
    assert equivalence(pairs) == pytest.approx(0.5 + x / (2 * math.sqrt(2 + x * x)))
    assert equivalence(paired([119] * 5)) == 0.0
    assert equivalence(paired([121] * 5)) == 1.0
    assert equivalence(paired([100, 101, 99, 100, None])) > 0.3  # one run in five that never arrives


def test_cost_by_hand():
    """Five rises of different size: all 2^5 signs are equally likely without an effect, so p = 1/32, two-sided 1/16."""
    assert cost(paired([101, 102, 103, 104, 105])) == pytest.approx(1 / 32)
    assert difference(paired([101, 102, 103, 104, 105])) == pytest.approx(1 / 16)
    assert cost(paired([99, 98, 97, 96, 95])) == pytest.approx(1.0)
    assert cost(paired([100] * 5)) == difference(paired([100] * 5)) == 1.0


def test_a_run_of_the_base_that_is_missing_is_no_cost():
    pairs = [(run(None), run(None)) for _ in range(6)]
    assert cost(pairs) == pytest.approx(1.0)  # steps of the arm are taken as half of the base's
    assert equivalence(pairs) == 1.0


@pytest.mark.parametrize(
    ("families", "rejected"),
    [
        ({"a": [0.01, 0.2], "b": [0.01]}, {"a": 1, "b": 1}),  # 0.025 each; b hands on, 0.2 > 0.05
        ({"a": [0.01, 0.04], "b": [0.01]}, {"a": 2, "b": 1}),  # the same, and 0.04 <= 0.05
        ({"a": [0.01, 0.04], "b": [0.03]}, {"a": 1, "b": 0}),  # nobody is done, all stay at 0.025
        ({"a": [0.2, 0.001], "b": [0.2]}, {"a": 0, "b": 0}),  # order: the second is not reached
    ],
)
def test_claims_in_order_by_hand(families, rejected):
    assert in_order(families) == rejected


def test_with_families_of_one_the_order_is_holm():
    values = {"a": 0.012, "b": 0.013, "c": 0.04, "d": 0.2}
    rejected = {name for name, p in holm(values).items() if p <= 0.05}
    assert rejected == {name for name, n in in_order({k: [v] for k, v in values.items()}).items() if n} == {"a", "b"}


def test_the_family_wise_error_is_held():
    """400 data sets with three families that cost exactly the margin: 5 % with a claim, and 4 standard errors."""
    source, false = np.random.default_rng(0), 0
    for _ in range(400):
        families = {}
        for name in "abc":
            logs = math.log(1.2) + 0.2 * source.standard_normal((2, 15))
            families[name] = [equivalence([(run(100 * math.exp(x)), run(100)) for x in row]) for row in logs]
        false += any(in_order(families).values())
    assert 2 < false < 400 * (0.05 + 4 * math.sqrt(0.05 * 0.95 / 400))
