"""Phases of both methods: every value, conversion and run of a tiled factor, counted block by block."""

from math import ceil

import numpy as np
import pytest

from costmodel import formulas

MACHINE = {
    "W": 1e9,
    "t_l": 3e-6,
    "t_w": 7e-8,
    "b_in": 10.0,
    "b_out": 12.0,
    "f_c": 2e6,
    "n_c": 5.0,
    "tau": 1e-6,
    "tau_o": 4e-7,
    "kappa": 30.0,
    "epsilon": 0.05,
    "nu": 1e-4,
}
SIZES = [(12, 12, 6), (12, 4, 6), (13, 5, 3)]


def evaluate(name: str, **sizes: float) -> float:
    formula = formulas.get(name)
    values = MACHINE | sizes
    return formula.evaluate(**{info.letter: values[info.letter] for info in formula.symbols})


class Clock:
    """Adds up what the link carries, what converters convert and how long arrays run."""

    def __init__(self) -> None:
        self.link = self.converting = self.writing = self.settling = self.averaging = 0.0

    def transfer(self, values: int, bits: float, latency: bool = True) -> None:
        self.link += values * bits / MACHINE["W"] + (MACHINE["t_l"] if latency else 0.0)

    def convert(self, values: int) -> None:
        self.converting += values / MACHINE["n_c"] / MACHINE["f_c"]


def block_sizes(n: int, m: int) -> list[int]:
    return [min(m, n - start) for start in range(0, n, m)]


def settled(order: int, mean: bool) -> float:
    name = {1: "thermo.transient", 2: "thermo.underdamped"}[order]
    return evaluate(f"{name}.{'mean' if mean else 'covariance'}.time")


def averaged(order: int, mean: bool, size: int) -> float:
    name = {1: "thermo.average", 2: "thermo.underdamped.average"}[order]
    return evaluate(f"{name}.{'mean' if mean else 'covariance'}.time", n=size)


@pytest.mark.verifies(
    "thermo.inverse.upload.time",
    "thermo.array.write.time",
    "thermo.inverse.readout.time",
    "thermo.inverse.convert.time",
)
@pytest.mark.composes(
    "thermo.inverse.settle.time",
    "thermo.inverse.sample.time",
    "thermo.inverse.underdamped.settle.time",
    "thermo.inverse.underdamped.sample.time",
)
@pytest.mark.parametrize(("n", "m", "k"), SIZES)
def test_method_1_block_by_block(n: int, m: int, k: int) -> None:
    up, down, first, second = Clock(), Clock(), Clock(), Clock()
    for p in block_sizes(n, m):
        up.transfer(p * p, MACHINE["b_in"])
        up.writing += p * MACHINE["t_w"]
        down.transfer(p * p, MACHINE["b_out"])
        down.convert(p * p)
        for clock, order in ((first, 1), (second, 2)):
            clock.settling += settled(order, mean=False)
            clock.averaging += averaged(order, False, p)
    found = {
        name: evaluate(f"thermo.{name}", n=n, m=m)
        for name in (
            "inverse.upload.time",
            "array.write.time",
            "inverse.settle.time",
            "inverse.sample.time",
            "inverse.readout.time",
            "inverse.convert.time",
            "inverse.underdamped.settle.time",
            "inverse.underdamped.sample.time",
        )
    }
    expected = [up.link, up.writing, first.settling, first.averaging, down.link, down.converting]
    expected += [second.settling, second.averaging]
    assert list(found.values()) == pytest.approx(expected)


@pytest.mark.verifies(
    "thermo.solve.upload.time",
    "thermo.solve.input.time",
    "thermo.solve.readout.time",
    "thermo.solve.convert.time",
)
@pytest.mark.composes(
    "thermo.solve.settle.time",
    "thermo.solve.average.time",
    "thermo.solve.underdamped.settle.time",
    "thermo.solve.underdamped.average.time",
)
@pytest.mark.parametrize(("n", "m", "k"), SIZES)
def test_method_2_block_by_block(n: int, m: int, k: int) -> None:
    up, into, back, first, second = Clock(), Clock(), Clock(), Clock(), Clock()
    for p in block_sizes(n, m):
        up.transfer(p * p, MACHINE["b_in"])
        into.transfer(p * k, MACHINE["b_in"])  # one message for all right-hand sides
        back.transfer(p * k, MACHINE["b_out"])
        for _ in range(k):
            back.convert(p)
            for clock, order in ((first, 1), (second, 2)):
                clock.settling += settled(order, mean=True)
                clock.averaging += averaged(order, True, p)
    found = {
        name: evaluate(f"thermo.solve.{name}.time", n=n, m=m, k=k)
        for name in (
            "upload",
            "input",
            "settle",
            "average",
            "readout",
            "convert",
            "underdamped.settle",
            "underdamped.average",
        )
    }
    expected = [up.link, into.link, first.settling, first.averaging, back.link, back.converting]
    expected += [second.settling, second.averaging]
    assert list(found.values()) == pytest.approx(expected)


@pytest.mark.verifies(
    "thermo.solve.eliminate.convert.time",
    "thermo.solve.eliminate.link_time",
)
@pytest.mark.composes(
    "thermo.solve.eliminate.settle.time",
    "thermo.solve.eliminate.average.time",
    "thermo.solve.underdamped.eliminate.settle.time",
    "thermo.solve.underdamped.eliminate.average.time",
)
@pytest.mark.parametrize(("n", "m", "k"), SIZES)
def test_elimination_block_by_block(n: int, m: int, k: int) -> None:
    first, second, link, below = Clock(), Clock(), Clock(), n
    for p in block_sizes(n, m):
        below -= p
        link.link += 2 * MACHINE["t_l"] * (below > 0)  # all columns of U together, there and back
        runs = {order: (settled(order, mean=True), averaged(order, True, p)) for order in (1, 2)}
        for _ in range(below):  # a column of U each
            link.transfer(p, MACHINE["b_in"] + MACHINE["b_out"], latency=False)
            for clock, order in ((first, 1), (second, 2)):
                clock.convert(p)
                clock.settling += runs[order][0]
                clock.averaging += runs[order][1]
    for clock, name in ((first, "eliminate"), (second, "underdamped.eliminate")):
        assert evaluate(f"thermo.solve.{name}.settle.time", n=n, m=m) == pytest.approx(clock.settling)
        assert evaluate(f"thermo.solve.{name}.average.time", n=n, m=m) == pytest.approx(clock.averaging)
    assert evaluate("thermo.solve.eliminate.convert.time", n=n, m=m) == pytest.approx(first.converting)
    assert evaluate("thermo.solve.eliminate.link_time", n=n, m=m) == pytest.approx(link.link)


@pytest.mark.composes(
    "thermo.inverse.time",
    "thermo.solve.time",
    "thermo.inverse.underdamped.time",
    "thermo.solve.underdamped.time",
)
def test_totals_on_one_array() -> None:
    n = 40
    couplings, message = n * n / MACHINE["W"], MACHINE["t_l"]
    write, convert = n * MACHINE["t_w"], n * n / (MACHINE["n_c"] * MACHINE["f_c"])
    upload = max(couplings * MACHINE["b_in"] + message, write)
    readout = max(couplings * MACHINE["b_out"] + message, convert)
    for order, kind in ((1, ""), (2, "underdamped.")):
        run = settled(order, mean=False) + averaged(order, False, n)
        assert evaluate(f"thermo.inverse.{kind}time", n=n) == pytest.approx(upload + run + readout)
        run = n * (settled(order, mean=True) + averaged(order, True, n))
        inputs = couplings * MACHINE["b_in"] + message
        assert evaluate(f"thermo.solve.{kind}time", n=n) == pytest.approx(upload + inputs + run + readout)


# --- copies ----------------------------------------------------------------------------------------------------------


@pytest.mark.verifies("thermo.parallel.copies", "thermo.parallel.solve.rounds", "thermo.parallel.solve.systems")
@pytest.mark.parametrize("arrays", [1, 2, 3, 7, 16, 100])
@pytest.mark.parametrize(("n", "m", "k"), SIZES)
def test_copies_by_dealing_systems_out(n: int, m: int, k: int, arrays: int) -> None:
    """Arrays are handed to whole copies of the factor, systems dealt to copies in turn; the busiest copy decides."""
    blocks = len(block_sizes(n, m))
    whole_copies = [list(range(start, start + blocks)) for start in range(0, arrays - blocks + 1, blocks)] or [[0]]
    busy = np.zeros(len(whole_copies))
    for system in range(k):
        busy[system % len(whole_copies)] += 1
    values = {"n": n, "m": m, "k": k, "P": arrays}
    assert evaluate("thermo.parallel.copies", **values) == (busy > 0).sum()
    assert evaluate("thermo.parallel.solve.rounds", **values) == busy.max()
    assert evaluate("thermo.parallel.solve.systems", **values) == k


@pytest.mark.verifies(
    "thermo.parallel.write.time",
)
@pytest.mark.composes(
    "thermo.parallel.solve.time",
)
@pytest.mark.parametrize("arrays", [1, 3, 64])
def test_spread_over_arrays(arrays: int) -> None:
    n, k = 20, 10
    once = settled(1, mean=True) + averaged(1, True, n)
    assert evaluate("thermo.parallel.solve.time", n=n, k=k, P=arrays) == pytest.approx(ceil(k / min(k, arrays)) * once)
    # every array writes its rows at the same time as the others
    longest = max(sum(MACHINE["t_w"] for _ in range(n)) for _ in range(arrays))
    assert evaluate("thermo.parallel.write.time", n=n) == pytest.approx(longest)


@pytest.mark.verifies("thermo.parallel.eliminate.systems")
@pytest.mark.parametrize(("n", "m", "k"), SIZES)
def test_systems_of_elimination_that_do_not_wait(n: int, m: int, k: int) -> None:
    stages = [n - start - m for start in range(0, n - m, m)]  # rows after each block but the last
    assert evaluate("thermo.parallel.eliminate.systems", n=n, m=m) == pytest.approx(np.mean(stages) if stages else 1)


# --- accumulation ----------------------------------------------------------------------------------------------------


@pytest.mark.verifies(
    "thermo.accumulation.digital.flops",
    "thermo.accumulation.digital.conversions",
    "thermo.accumulation.analog.conversions",
    "thermo.accumulation.analog.correlators",
)
def test_accumulation_by_counting() -> None:
    n, epsilon = 7, 0.5
    samples = 32  # (7 + 1) / 0.25
    flops = conversions = 0
    for _ in range(samples):
        conversions += n
        for _ in range(n):
            flops += 2 * n  # a row of the outer product, multiplied and added
    assert evaluate("thermo.accumulation.digital.flops", n=n, epsilon=epsilon) == flops
    assert evaluate("thermo.accumulation.digital.conversions", n=n, epsilon=epsilon) == conversions
    pairs = {(min(i, j), max(i, j)) for i in range(n) for j in range(n)}
    assert evaluate("thermo.accumulation.analog.correlators", n=n) == len(pairs)
    assert evaluate("thermo.accumulation.analog.conversions", n=n) == sum(1 + (i != j) for i, j in pairs)


@pytest.mark.verifies(
    "thermo.accumulated.sample.time",
    "thermo.accumulated.convert.time",
    "thermo.accumulated.link.time",
    "thermo.accumulated.flops",
    "thermo.accumulated.convert.energy",
    "thermo.accumulated.link.energy",
)
@pytest.mark.parametrize(("n", "m", "k"), SIZES)
def test_samples_summed_digitally_block_by_block(n: int, m: int, k: int) -> None:
    clock, running, flops, values = Clock(), 0.0, 0.0, 0.0
    interval = MACHINE["kappa"] * MACHINE["tau"]
    for p in block_sizes(n, m):
        samples = evaluate("thermo.sampling.covariance.samples", n=p, Delta=interval)
        running += samples * interval
        clock.transfer(samples * p, MACHINE["b_out"])
        clock.convert(samples * p)
        flops += 2 * p**2 * samples
        values += p * samples
    names = ("sample.time", "convert.time", "link.time", "flops", "convert.energy", "link.energy")
    found = [evaluate(f"thermo.accumulated.{name}", n=n, m=m, e_a=2e-12, e_l=3e-12) for name in names]
    energies = [values * 2e-12, values * MACHINE["b_out"] * 3e-12]
    assert found == pytest.approx([running, clock.converting, clock.link, flops, *energies])
