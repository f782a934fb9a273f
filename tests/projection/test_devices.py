"""Several data-parallel devices, worked out by hand on round numbers."""

from dataclasses import replace

import numpy as np
import pytest

from costmodel import api
from costmodel.inputs.faults import InputError
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.projection.placement import busiest, dealt
from costmodel.projection.project import Projection, project
from costmodel.quantities.units import byte_per_second, second, watt
from tests.projection.test_digital_arm import KFAC
from tests.round_cards import exact

TERA, MS, GB = 1e12, 1e-3, 1e9
LAYERS = [
    {"name": "fc1", "kind": "linear", "d_in": 1000, "d_out": 10, "bias": False},
    {"name": "fc2", "kind": "linear", "d_in": 10, "d_out": 500, "bias": False},
]
PARAMETERS = 1000 * 10 + 10 * 500
SQUARES = 1000**2 + 10**2 + 10**2 + 500**2


@pytest.fixture
def linked(digital: DigitalCard) -> DigitalCard:
    """1 GB/s and 10 us between devices."""
    return replace(digital, interconnect_bandwidth=exact(GB, byte_per_second), interconnect_latency=exact(1e-5, second))


def model(devices: int, gradient_workers: object = "communication_optimal", **more: object) -> dict[str, object]:
    kfac = {**KFAC, "gradient_workers": gradient_workers}
    return {"schema": 1, "name": "n", "batch_size": 16, "devices": devices, "kfac": kfac, "layers": LAYERS, **more}


def run(net: dict[str, object], card: DigitalCard, analog: AnalogCard) -> Projection:
    return project(api.load_workload(net), card, analog, draws=1)


def phases(result: Projection, method: str = "kfac.cholesky") -> dict[str, float]:
    return {name: each.median for name, each in result.methods[method].phases.items()}


def test_every_device_has_its_share_of_the_batch(linked: DigitalCard, analog: AnalogCard) -> None:
    found = phases(run(model(4), linked, analog))
    # 16 / 4 rows; the first layer has no input gradient
    assert found["forward_backward"] == pytest.approx(2 * MS + 4 * (4 * 1000 * 10 + 6 * 10 * 500) / TERA)
    assert found["factors"] == pytest.approx(4 * MS + 2 * 4 * SQUARES / TERA)
    assert found["update"] == pytest.approx(20 * PARAMETERS / TERA)


def test_each_factor_is_inverted_by_one_device(linked: DigitalCard, analog: AnalogCard) -> None:
    # Launches of 1 ms and 1 ns an element: 2, 1.25, 1.0001 and 1.0001 ms, the longest first.
    for devices, expected in (
        (2, 2 * MS + 1000**2 * 1e-9 - MS + MS + 10**2 * 1e-9),
        (4, MS + 1000**2 * 1e-9),
        (16, MS + 1000**2 * 1e-9),
    ):
        assert phases(run(model(devices), linked, analog))["inversion"] == pytest.approx(expected)


def test_one_device_inverts_both_factors_of_a_layer_it_alone_holds(linked: DigitalCard, analog: AnalogCard) -> None:
    found = phases(run(model(4, "memory_optimal"), linked, analog))
    assert found["inversion"] == pytest.approx(2 * MS + (1000**2 + 10**2) * 1e-9)
    # the busier of two devices that have a layer each
    assert found["precondition"] == pytest.approx(2 * MS + 2 * 1000 * 10 * 1010 / TERA)


@pytest.mark.parametrize(("share", "holders"), [("communication_optimal", 4), ("memory_optimal", 1), (0.5, 2)])
def test_words_between_devices(share: object, holders: int, linked: DigitalCard, analog: AnalogCard) -> None:
    found = phases(run(model(4, share), linked, analog))
    # rings of 4: 6 messages of 10 us; words of 4 bytes at 1 GB/s, 4 ns each
    assert found["gradient_all_reduce"] == pytest.approx(6e-5 + 1.5 * PARAMETERS * 4e-9)
    assert found["factor_all_reduce"] == pytest.approx(6e-5 + 1.5 * SQUARES * 4e-9)
    assert found["inverse_broadcast"] == pytest.approx((holders - 1) / 4 * (2 * 1e-5 + SQUARES * 4e-9))
    assert found["gradient_broadcast"] == pytest.approx((4 - holders) / 4 * (2 * 1e-5 + PARAMETERS * 4e-9))


def test_first_order_optimizers_average_gradients_alone(linked: DigitalCard, analog: AnalogCard) -> None:
    assert set(phases(run(model(4), linked, analog), "adam")) == {"forward_backward", "update", "gradient_all_reduce"}


def test_eigenvectors_are_sent_with_their_table(linked: DigitalCard, analog: AnalogCard) -> None:
    found = phases(run(model(4), linked, analog), "kfac.eigh")
    assert found["inverse_broadcast"] == pytest.approx(3 / 4 * (2 * 1e-5 + (SQUARES + PARAMETERS) * 4e-9))


def test_a_machine_for_each_device_or_one_for_all(linked: DigitalCard, analog: AnalogCard) -> None:
    each, alone = (
        phases(run(model(4, analog_per_device=own), linked, analog), "thermo.inverse") for own in (True, False)
    )
    single = phases(run(model(1), linked, analog), "thermo.inverse")
    for name in ("upload", "settle", "sample", "readout"):
        assert alone[name] == pytest.approx(single[name])
        assert single[name] / 4 <= each[name] < single[name]


def test_energy_is_that_of_all_devices(linked: DigitalCard, analog: AnalogCard) -> None:
    card = replace(linked, power=exact(100.0, watt))
    result = run(model(4), card, analog)
    joules = result.methods["adam"].phase_energy["update"].median
    assert joules == pytest.approx(4 * 100.0 * 28 * PARAMETERS / TERA)


def test_one_device_sends_nothing(digital: DigitalCard, analog: AnalogCard) -> None:
    assert not {"gradient_all_reduce", "factor_all_reduce"} & set(phases(run(model(1), digital, analog)))


def test_idle_devices_are_named(linked: DigitalCard, analog: AnalogCard) -> None:
    assert run(model(16), linked, analog).verdict().endswith("12 of 16 devices invert nothing: there are 4 factors.")
    assert "invert nothing" not in run(model(4), linked, analog).verdict()


def test_more_devices_than_examples_and_shares_that_are_no_devices() -> None:
    with pytest.raises(InputError) as error:
        api.load_workload(model(20, 0.3))
    assert [fault.message for fault in error.value.faults] == [
        "20 devices share 16 examples of a step; at most one device an example",
        "0.3 of 20 devices is 6; groups are equal and of whole devices",
    ]


def test_a_share_below_one_device() -> None:
    with pytest.raises(InputError, match=r"0\.1 of 4 devices is 0\.4; groups are equal and of whole devices"):
        api.load_workload(model(4, 0.1))


def test_a_card_without_a_link(digital: DigitalCard, analog: AnalogCard) -> None:
    with pytest.raises(InputError) as error:
        api.project(api.load_workload(model(4)), digital, analog)
    message = "n: devices card round-digital has no interconnect_bandwidth and no interconnect_latency, which 4"
    assert str(error.value).startswith(message)


def test_devices_of_a_call(linked: DigitalCard, analog: AnalogCard) -> None:
    assert api.project(model(1), linked, analog, devices=4, draws=1).workload.device_batch == 4


def test_the_longest_are_dealt_out_first() -> None:
    costs = np.array([2.0, 7.0, 3.0])
    share = dealt(costs, np.array([3, 1, 2]), 3)
    assert (share.sum(axis=0) == [3, 1, 2]).all()
    assert sorted((share @ costs).tolist()) == [5.0, 7.0, 7.0]
    assert busiest(costs[:, None], np.array([3.0, 1.0, 2.0]), 3) == [7.0]
    assert busiest(costs[:, None], np.array([1.0, 0.0, 0.0]), 100) == [2.0]


def test_many_alike_are_dealt_out_as_one_after_the_other() -> None:
    costs, jobs, devices = np.array([5.0, 2.0, 1.0]), np.array([7, 1000, 3]), 4
    loads = [0.0] * devices
    for cost, count in zip(costs, jobs, strict=True):
        for _ in range(count):
            loads[loads.index(min(loads))] += cost
    assert sorted((dealt(costs, jobs, devices) @ costs).tolist()) == sorted(loads)
