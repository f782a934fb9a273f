"""Percentiles of draws: numpy's to the last digit."""

from __future__ import annotations

import math

import numpy as np
import pytest

from costmodel.quantities.estimate import Estimate, Status, medians


@pytest.mark.parametrize("count", [1, 2, 3, 10, 11, 2000, 2001])
def test_percentiles_are_those_of_numpy(count: int) -> None:
    draws = np.exp(np.random.default_rng(count).standard_normal(count))
    found = Estimate.of(draws, Status.MEASURED)
    assert [found.p05, found.median, found.p95] == np.quantile(draws, (0.05, 0.5, 0.95)).tolist()


def test_percentiles_are_unknown_where_a_draw_is() -> None:
    found = Estimate.of(np.array([1.0, math.nan, 2.0]), Status.MEASURED)
    assert all(math.isnan(each) for each in (found.p05, found.median, found.p95))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 2000, 2001])
def test_medians_are_numpys(count: int) -> None:
    draws = np.random.default_rng(0).lognormal(size=(3, 4, count))
    draws[0, 0, 0] = math.nan
    assert np.array_equal(medians(draws), np.median(draws, axis=-1), equal_nan=True)
