"""What a model's settings change about the phases of its methods."""

import pytest

from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.projection.project import Projection, project
from tests.projection.test_digital_arm import network

TERA, MS = 1e12, 1e-3
LAYERS = (
    {"name": "fc1", "kind": "linear", "d_in": 1000, "d_out": 10, "bias": False},
    {"name": "fc2", "kind": "linear", "d_in": 10, "d_out": 500, "bias": False},
)


def phase(result: Projection, method: str, name: str) -> float:
    return result.methods[method].phases[name].median


def test_sampled_targets_take_a_backward_pass(digital: DigitalCard, analog: AnalogCard) -> None:
    result = project(network(*LAYERS, factor_interval=5), digital, analog, draws=1)
    # a third of a launch of 1 ms a layer, and one product of 10 rows for the second layer alone, every five steps
    expected = (2 * MS / 3 + 2 * 10 * 10 * 500 / TERA) / 5
    for method in ("kfac.cholesky", "ekfac", "thermo.inverse"):
        assert phase(result, method, "sampled_backward") == pytest.approx(expected)
    assert "sampled_backward" not in result.methods["adam"].phases


def test_the_empirical_fisher_takes_none(digital: DigitalCard, analog: AnalogCard) -> None:
    result = project(network(*LAYERS, fisher="empirical"), digital, analog, draws=1)
    assert all("sampled_backward" not in method.phases for method in result.methods.values())


@pytest.mark.parametrize(("method", "interval"), [("soap", 10), ("shampoo", 100)])
def test_rivals_keep_their_published_interval(
    method: str, interval: int, digital: DigitalCard, analog: AnalogCard
) -> None:
    often, seldom = (
        phase(project(network(*LAYERS, refresh_interval=each), digital, analog, draws=1), method, "inversion")
        for each in (1, 1000)
    )
    assert often == seldom
    # sides of the layers: 1000, 10 and 10, 500
    squares, cubes = 1000**2 + 2 * 10**2 + 500**2, 1000**3 + 2 * 10**3 + 500**3
    if method == "soap":  # 6 products and 2 QR a layer, a QR 8/27 of an eigendecomposition
        rotated = 4 * (1000 * 10 * 1010 + 10 * 500 * 510)
        expected = 2 * (6 + 2 * 8 / 27) * MS + (2 * cubes + rotated) / TERA + 8 / 27 * squares * 1e-8
    else:  # two roots and two products a layer, one block each
        expected = 2 * (2 + 2) * MS + squares * 1e-8 + 2 * cubes / TERA
    assert often == pytest.approx(expected / interval)
