"""What a device keeps, worked out by hand."""

from dataclasses import replace

import pytest

from costmodel import api
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.methods import METHODS
from costmodel.projection.memory import Memory, memory
from costmodel.projection.methods import methods_of
from costmodel.quantities.units import byte
from tests.projection.test_devices import PARAMETERS, SQUARES, linked, model  # noqa: F401 -- a fixture
from tests.round_cards import exact


def kept(net: dict[str, object], name: str, card: DigitalCard) -> Memory:
    workload = api.load_workload(net)
    method = next(each for each in methods_of(workload) if each.name == name)
    return memory(method, workload, card)


@pytest.mark.parametrize(
    ("method", "state"),
    [
        ("sgd", 4 * PARAMETERS),
        ("adam", 8 * PARAMETERS),
        ("kfac.cholesky", 8 * SQUARES + 4 * PARAMETERS),  # factors, inverses, momentum
        ("kfac.eigh", 8 * SQUARES + 8 * PARAMETERS),  # the table of eigenvalues too
        ("kfac.cg", 4 * SQUARES + 4 * PARAMETERS),
        ("thermo.inverse", 8 * SQUARES + 4 * PARAMETERS),
        ("thermo.solve", 4 * SQUARES + 4 * PARAMETERS),
    ],
)
def test_state(method: str, state: float, digital: DigitalCard) -> None:
    found = kept(model(1), method, digital)
    assert found.state == state
    assert (found.parameters, found.gradients) == (4 * PARAMETERS, 4 * PARAMETERS)
    assert found.activations == 4 * 16 * (10 + 500)
    assert found.fits is None


def test_what_has_no_factors_has_a_momentum(digital: DigitalCard) -> None:
    table = {"name": "table", "kind": "embedding", "vocabulary": 100, "width": 3}
    net = model(1)
    more = {**net, "layers": [*net["layers"], table]}  # type: ignore[misc]
    for name, extra in (("kfac.cholesky", 4 * 300), ("adam", 8 * 300)):
        assert kept(more, name, digital).state == kept(net, name, digital).state + extra


def test_bfloat16_halves_activations_alone(digital: DigitalCard) -> None:
    plain, half = (kept(model(1, precision=each), "kfac.cholesky", digital) for each in ("float32", "bfloat16"))
    assert half == replace(plain, activations=plain.activations / 2)


@pytest.mark.parametrize(("share", "held"), [("communication_optimal", 1.0), ("memory_optimal", 0.25), (0.5, 0.5)])
def test_inverses_lie_on_some_devices(share: object, held: float, digital: DigitalCard) -> None:
    found = kept(model(4, share), "kfac.cholesky", digital)
    assert found.state == 4 * SQUARES + held * 4 * SQUARES + 4 * PARAMETERS
    assert found.activations == 4 * 4 * (10 + 500)


def test_whether_it_fits(digital: DigitalCard, analog: AnalogCard) -> None:
    needs = {name: kept(model(1), name, digital).total for name in METHODS}
    card = replace(digital, memory=exact(needs["kfac.cg"], byte))
    result = api.project(model(1), card, analog, draws=1)  # type: ignore[arg-type]
    fits = {name: method.memory.fits for name, method in result.methods.items()}
    assert fits == {name: each <= needs["kfac.cg"] for name, each in needs.items()}
    assert (fits["adam"], fits["kfac.cg"], fits["kfac.cholesky"]) == (True, True, False)
    least = min((each, name) for name, each in needs.items() if not fits[name])[1]
    some = f"{sum(fits.values())} of {len(fits)} methods fits: {least} needs at least"
    assert some in result.verdict()


def test_a_network_of_llamas_size_does_not_fit_on_one_gpu() -> None:
    """32 blocks of width 4096, 6.6 billion parameters: 26 GB of weights, as much of gradients, 53 GB of moments."""
    sizes = {"parameters.depth": 32, "parameters.width": 4096, "parameters.heads": 32, "batch_size": 8}
    result = api.project("gpt", "h100-sxm", "tngd-2024", set=sizes, draws=2)
    adam = result.methods["adam"].memory
    assert adam.state == 2 * adam.parameters == pytest.approx(53e9, rel=0.01)
    assert all(method.memory.fits is False for method in result.methods.values())
    assert "On a h100-sxm of 80 GB no method fits: " in result.verdict()
