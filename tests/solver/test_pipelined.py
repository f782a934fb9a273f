"""Converters that run while the next system settles: a pipeline event by event, ledgers, projections."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from costmodel import formulas
from costmodel.inputs.loading import load_analog, load_digital, load_workload
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.projection.evaluation import Evaluation
from costmodel.projection.project import project
from costmodel.quantities.estimate import Draws
from costmodel.quantities.units import hertz
from solver import Converter, Link, Machine, Regime, Session, invert, invert_by_columns
from tests.projection.small import one_layer
from tests.round_cards import exact

KAPPA, TAU, BANDWIDTH = 40.0, 2e-6, 3e9
SIZES = [(7, 7), (10, 4), (12, 4), (33, 8)]
#: A second of one converter: conversions far quicker than a run, about as quick, and far slower.
RATES = [1e9, 1e5, 1e3]


def value(name: str, **values: float) -> float:
    formula = formulas.get(name)
    return formula.evaluate(**{letter: values[letter] for letter in formula.letters})


def pipeline(runs: list[float], reading: float) -> float:
    """Time of an array that holds one result: a run ends no sooner than the result before is read."""
    free = held = 0.0
    for run in runs:
        end = max(free + run, held)  # the hold must be empty again
        free, held = end, end + reading
    return held


@pytest.mark.verifies(
    "thermo.columns.beside.convert.time",
    "thermo.columns.beside.link.time",
    "thermo.solve.beside.convert.time",
    "thermo.solve.beside.link.time",
    "thermo.columns.runs",
    "thermo.solve.runs",
)
@pytest.mark.parametrize("copies", [1, 2, 3])
@pytest.mark.parametrize("reading", [0.1, 0.9, 1.0, 4.0])
@pytest.mark.parametrize(("n", "m"), [(12, 12), (12, 6), (15, 6)])
def test_what_is_hidden_against_a_pipeline(n: int, m: int, reading: float, copies: int) -> None:
    """Readings of a full block take ``reading`` of a run's time; every copy has its share of the systems of a block."""
    t, k = 1.0, 6
    sizes = [min(m, n - start) for start in range(0, n, m)]
    each = {"n": n, "m": m, "k": k, "t": t, "P": copies}
    for kind, systems in (("columns", lambda p: p), ("solve", lambda _: k)):
        hidden = 0.0
        for p in sizes:
            time = reading * p / m
            for copy in range(copies):
                share = [t] * len(range(copy, systems(p), copies))
                hidden += len(share) * (t + time) - pipeline(share, time)
        convert = value(f"thermo.{kind}.beside.convert.time", n_c=m, f_c=1 / reading, **each)
        link = value(f"thermo.{kind}.beside.link.time", b_out=8, W=8 * m / reading, **each)
        assert convert == pytest.approx(hidden)
        assert link == pytest.approx(hidden)
        assert value(f"thermo.{kind}.runs", **each) == sum(map(systems, sizes))


@pytest.mark.parametrize("reading", [0.1, 0.9, 1.0, 4.0])
@pytest.mark.parametrize(("n", "m"), [(12, 6), (15, 6), (16, 4)])
def test_what_blocks_could_hide_of_each_other_is_one_reading_each(n: int, m: int, reading: float) -> None:
    """An array that goes on to its next block at once, against one that reads the last column of a block first."""
    sizes = [min(m, n - start) for start in range(0, n, m)]
    runs = [(1.0, reading * p / m) for p in sizes for _ in range(p)]
    free = held = 0.0
    for run, read in runs:
        end = max(free + run, held)
        free, held = end, end + read
    alone = sum(pipeline([1.0] * p, reading * p / m) for p in sizes)
    assert 0 <= alone - held <= (len(sizes) - 1) * min(1.0, reading) + 1e-12


def test_what_blocks_and_factors_could_hide_of_each_other_is_nothing_on_catalog_machines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every last reading hidden too: a bound on what no arm is credited with."""
    factors = Evaluation.factors

    def none_paid(self: Evaluation, wanted: list[formulas.Formula], more: dict[str, Draws]) -> object:
        return factors(self, wanted, {**more, "P": np.full((1, 1), 1e-12)} if "P" in more else more)

    steps: list[dict[str, float]] = []
    for used in (factors, none_paid):
        monkeypatch.setattr(Evaluation, "factors", used)
        for model, card in (("mlp", "spu-2023"), ("mlp", "sram-2026")):
            analog = replace(load_analog(card), readout_overlaps_settling=True)
            found = project(load_workload(model), load_digital("h100-sxm"), analog, draws=1).methods
            steps.append({name: each.step_time.median for name, each in found.items() if name.startswith("thermo.")})
    paid, hidden = steps[:2], steps[2:]
    saved = [1 - least[name] / step for all_, least in zip(paid, hidden, strict=True) for name, step in all_.items()]
    # What is read several times has more to hide, by a factor of two here.
    names = [name for all_ in paid for name in all_]
    once = [share for name, share in zip(names, saved, strict=True) if not name.endswith(".averaged")]
    assert 0 < max(once) < 1e-3
    assert max(saved) < 2e-3


def machine(cells: int, rate: float, **more: object) -> Machine:
    return Machine(
        tau_s=TAU, cells=cells, dac=Converter(16), adc=Converter(12), link=Link(BANDWIDTH), overlap=True,
        conversion_rate_hz=rate, **more,
    )  # fmt: skip


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(("n", "cells"), SIZES)
def test_formulas_predict_the_ledger_of_columns(spd, n: int, cells: int, rate: float) -> None:
    epsilon, converters = 0.1, 2
    run = machine(cells, rate, converters=converters)
    ledger = invert_by_columns(spd(n, 30.0), run, settle_error=epsilon, kappa=KAPPA).ledger
    each = {
        "n": n, "m": min(cells, n), "n_c": converters, "f_c": rate, "b_out": 12, "W": BANDWIDTH, "P": 1,
        "t": value("thermo.transient.mean.time", tau=TAU, kappa=KAPPA, epsilon=epsilon), "t_l": 0,
    }  # fmt: skip
    assert ledger.conversion_time_s == pytest.approx(value("thermo.inverse.convert.time", **each))
    # Converters and link work side by side; what is left of the longer one is what a projection charges.
    whole = {"convert": "thermo.inverse.convert.time", "link": "thermo.inverse.readout.time"}
    left = [value(name, **each) - value(f"thermo.columns.beside.{kind}.time", **each) for kind, name in whole.items()]
    upload = value("thermo.inverse.upload.time", b_in=16, **each)
    assert ledger.time_s == pytest.approx(upload + n * each["t"] + max(left))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(("n", "cells"), SIZES)
def test_formulas_predict_the_ledger_of_solutions(spd, n: int, cells: int, rate: float) -> None:
    """The second step of a session: systems alone, after block elimination."""
    k, converters, error = 5, 2, 0.1
    right = spd(max(n, k), 5.0, seed=1)[:n, :k]
    session = Session(spd(n, 30.0), machine(cells, rate, converters=converters), kappa=KAPPA)
    session.solve(right, error=error)
    ledger = session.solve(right, error=error).ledger
    each = {
        "n": n, "m": min(cells, n), "k": k, "n_c": converters, "f_c": rate, "b_out": 12, "b_in": 16, "W": BANDWIDTH,
        "P": 1, "t": value("thermo.transient.mean.time", tau=TAU, kappa=KAPPA, epsilon=error / 2), "t_l": 0,
    }  # fmt: skip
    whole = {"convert": "thermo.solve.convert.time", "link": "thermo.solve.readout.time"}
    left = [value(name, **each) - value(f"thermo.solve.beside.{kind}.time", **each) for kind, name in whole.items()]
    load = value("thermo.solve.upload.time", **each) if n > cells else 0.0  # blocks are loaded again
    runs = value("thermo.solve.runs", **each) * each["t"]
    assert ledger.time_s == pytest.approx(load + value("thermo.solve.input.time", **each) + runs + max(left))


@pytest.mark.parametrize("arrays", [1, 3, 64])
def test_copies_have_their_last_reading_each(spd, arrays: int) -> None:
    """20 columns over copies of one block, 20 conversions of 10 us each: 20, 7 and 1 of them one after another."""
    run = Machine(tau_s=TAU, arrays=arrays, conversion_rate_hz=1e5, converters=1, overlap=True)
    ledger = invert_by_columns(spd(20, 30.0), run, settle_error=0.1, kappa=KAPPA).ledger
    rounds, once, reading = {1: 20, 3: 7, 64: 1}[arrays], KAPPA * TAU * math.log(10), 20 * 1e-5
    assert ledger.time_s == pytest.approx(pipeline([once] * rounds, reading))


def test_results_are_the_same(spd) -> None:
    A = spd(9, 20.0)
    plain, held = (
        invert_by_columns(A, replace(machine(4, 1e5), overlap=each), settle_error=0.1) for each in (False, True)
    )
    assert torch.equal(plain.estimate, held.estimate)
    assert held.ledger.time_s < plain.ledger.time_s


def test_a_covariance_is_read_once(spd) -> None:
    ledger = invert(spd(6, 5.0), machine(6, 1e6, converters=2), samples=100).ledger
    assert ledger.conversion_time_s == pytest.approx(36 / 2 * 1e-6)
    assert ledger.overlapped_time_s == pytest.approx(36 * 12 / BANDWIDTH)  # the link beside them


def test_a_budget_of_time_needs_instant_conversions(spd) -> None:
    text = r"^a time budget takes conversions as instant; give error instead, or no conversion_rate_hz$"
    with pytest.raises(ValueError, match=text):
        invert(spd(6, 5.0), machine(6, 1e6), time_s=1.0)
    with pytest.raises(ValueError, match=text):
        Session(spd(6, 5.0), machine(6, 1e6)).solve(torch.ones(6, 1, dtype=torch.float64), time_s=1.0)


def test_converters_must_convert() -> None:
    with pytest.raises(ValueError, match=r"^need conversion_rate_hz > 0 and converters >= 1; got 0, None$"):
        Machine(conversion_rate_hz=0)


# --- projections -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [1e9, 1e5, 1e3])
def test_a_card_whose_converters_run_beside(rate: float, digital: DigitalCard, analog: AnalogCard) -> None:
    """Factors of 100 and 50 on one array: columns settle in t each, a column of n takes 1 / rate, n ns on the link."""
    net = one_layer("condition_number: 1000, input_top_mode_gap: 1, output_top_mode_gap: 1")
    analog = replace(analog, conversion_rate=exact(rate, hertz))
    held = replace(analog, readout_overlaps_settling=True)
    for name, counts in (("thermo.columns", ((100, 100), (50, 50))), ("thermo.solve", ((100, 50), (50, 100)))):
        plain, beside = (project(net, digital, card, draws=1).methods[name].phases for card in (analog, held))
        cadence = 10 if name == "thermo.columns" else 1
        t = plain["settle"].median * cadence / sum(count for _, count in counts)
        convert = sum(k / rate - (k - 1) * min(t, 1 / rate) for _, k in counts)
        link = sum(k * n * 1e-9 - (k - 1) * min(t, n * 1e-9) for n, k in counts)
        assert beside["readout"].median == pytest.approx(max(convert, link) / cadence)
        assert beside["readout"].median < plain["readout"].median
        assert beside["settle"] == plain["settle"]
        assert project(net, digital, held, draws=1).methods[f"{name}.deflated"].phases["readout"].median > 0


def test_more_arrays_than_columns_have_nothing_to_hide_behind(digital: DigitalCard, analog: AnalogCard) -> None:
    net = one_layer("condition_number: 1000")
    many = replace(analog, arrays=exact(10_000), conversion_rate=exact(1e3, hertz))
    plain, held = (
        project(net, digital, replace(many, readout_overlaps_settling=each), draws=1).methods["thermo.columns"].phases
        for each in (False, True)
    )
    assert held["readout"] == plain["readout"]


@pytest.mark.parametrize("regime", list(Regime))
def test_time_to_accuracy_with_readings_beside(spd, regime: Regime) -> None:
    A = spd(16, 20.0)
    run = replace(machine(16, 1e5), regime=regime, adc=Converter())
    found = invert_by_columns(A, run, settle_error=0.1)
    exact_inverse = torch.linalg.inv(A)
    assert (found.estimate - exact_inverse).norm() <= 0.1 * exact_inverse.norm()
    slow = replace(run, overlap=False)
    assert found.ledger.time_s < invert_by_columns(A, slow, settle_error=0.1).ledger.time_s
