"""Settled columns read several times: Hermite's identity, what does not average, ledgers, trained factors."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from costmodel import formulas
from costmodel.formulas.accuracy import repeated
from costmodel.formulas.accuracy.chain import together
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.projection.project import project
from costmodel.quantities.units import bit
from solver import Converter, Link, Machine, Mitigation, invert_by_columns
from solver.noise import Noise
from tests.formulas import spectra
from tests.projection.small import one_layer
from tests.round_cards import exact

KAPPA, TAU, BANDWIDTH, LATENCY, RATE = 40.0, 2e-6, 3e9, 5e-7, 1e5
SIZES = [(7, 7), (10, 4), (33, 8)]


def value(name: str, **values: Any) -> Any:
    formula = formulas.get(name)
    return formula.evaluate(**{letter: values[letter] for letter in formula.letters})


# --- what the mean of readings is ------------------------------------------------------------------------------------


@pytest.mark.verifies("accuracy.repeated.bits")
@pytest.mark.parametrize("count", [1, 2, 3, 7, 64])
def test_offset_readings_are_those_of_a_finer_converter(count: int) -> None:
    """The mean is what a converter of N_f times the levels reads, to the last digit, at the ends of its range too."""
    values = torch.cat(
        [torch.tensor([1.0, -1.0, 0.0]), 2 * torch.rand(5000, generator=torch.Generator().manual_seed(1)) - 1]
    )
    values = values.double()
    levels = 2 ** (repeated.bits().evaluate(b_out=5, N_f=count) - 1) - 1
    assert levels == pytest.approx(15 * count)
    mean = Converter(5).read(values, 1, Noise(0), count)
    torch.testing.assert_close(mean, torch.round(values * levels) / levels, rtol=0, atol=1e-12)


def test_only_offsets_or_independent_roundings_average_out() -> None:
    """Of 16 readings of uniform values: none alike gains, random ones a quarter of sqrt(2), offset ones a sixteenth.

    Deviations in steps over sqrt(12); 20 000 values know a mean square to 2 % (four standard errors).
    """
    values = 2 * torch.rand(20_000, generator=torch.Generator().manual_seed(2)).double() - 1
    values[0] = 1.0
    step = 1 / 127
    for converter, expected in (
        (Converter(8), 1 / 16),
        (Converter(8, stochastic=True), math.sqrt(2 / 16)),
    ):
        off = (converter.read(values, 1, Noise(3), 16) - values) / step * math.sqrt(12)
        assert (off**2).mean().sqrt().item() == pytest.approx(expected, rel=0.02)
    alike = sum(Converter(8).convert(values, 1, Noise(3)) for _ in range(16)) / 16
    assert ((alike - values) / step * math.sqrt(12)).pow(2).mean().sqrt().item() == pytest.approx(1, rel=0.02)


@pytest.mark.filterwarnings("ignore::solver.results.MissedTarget")
def test_an_inverse_read_several_times_within_a_standard_error(spd) -> None:
    """60 matrices, 8 bits read 5 times: entries of both triangles are alike, so are their roundings."""
    n, count, copies = 24, 5, 60
    A = torch.cat([spd(n, 20.0, seed=seed)[None] for seed in range(copies)])
    A = A / torch.linalg.eigvalsh(A)[:, -1, None, None]
    inverse = torch.linalg.inv(A)
    full = float(inverse.abs().max())
    run = Machine(adc=Converter(8, full_range=full))
    found = invert_by_columns(A, run, settle_error=1e-12, mitigation=Mitigation(readings=count)).estimate
    squares = ((found - inverse) ** 2).sum((-1, -2))
    step = full / (2 ** (repeated.bits().evaluate(b_out=8, N_f=count) - 1) - 1)
    expected = n**2 * step**2 / 12
    standard_error = squares.std().item() / math.sqrt(copies)
    assert standard_error < 0.02 * expected
    assert squares.mean().item() == pytest.approx(expected, abs=3 * standard_error)


# --- ledgers ---------------------------------------------------------------------------------------------------------


@pytest.mark.verifies(
    "thermo.repeated.link.time",
    "thermo.repeated.convert.time",
    "thermo.repeated.link.energy",
    "thermo.repeated.convert.energy",
    "thermo.repeated.beside.convert.time",
    "thermo.repeated.beside.link.time",
    "thermo.repeated.sum.bytes",
)
@pytest.mark.shows("ledger", "thermo.columns.averaged", "thermo.columns.refined.deflated.averaged")
@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize(("n", "cells"), SIZES)
def test_formulas_predict_the_ledger(spd, n: int, cells: int, count: int, overlap: bool) -> None:
    run = Machine(
        tau_s=TAU, cells=cells, dac=Converter(16), adc=Converter(12), link=Link(BANDWIDTH, LATENCY), converters=2,
        conversion_rate_hz=RATE, overlap=overlap,
    )  # fmt: skip
    mitigation = Mitigation(readings=count)
    ledger = invert_by_columns(spd(n, 30.0), run, settle_error=0.1, kappa=KAPPA, mitigation=mitigation).ledger
    each = {
        "n": n, "m": min(cells, n), "n_c": 2, "f_c": RATE, "b_out": 12, "b_in": 16, "W": BANDWIDTH, "P": 1,
        "t": value("thermo.transient.mean.time", tau=TAU, kappa=KAPPA, epsilon=0.1), "t_l": LATENCY, "N_f": count,
        "e_l": 1e-12, "e_a": 3e-12,
    }  # fmt: skip
    squares = value("thermo.blocks.squares", **each)
    assert ledger.conversions == ledger.values_read == count * squares
    assert ledger.programmings == value("thermo.blocks.count", **each)  # nothing is programmed again
    assert ledger.samples == n  # and nothing settles again
    assert ledger.settling_time_s == pytest.approx(n * each["t"])
    assert ledger.conversion_time_s == pytest.approx(value("thermo.repeated.convert.time", **each))
    upload, sent = value("thermo.inverse.upload.time", **each), value("thermo.repeated.link.time", **each)
    assert ledger.link_time_s == pytest.approx(upload + sent)
    assert value("thermo.repeated.link.energy", **each) == pytest.approx(ledger.read_bits * 1e-12)
    assert value("thermo.repeated.convert.energy", **each) == pytest.approx(ledger.conversions * 3e-12)
    # every reading is read once from memory, one mean is written: float32
    assert value("thermo.repeated.sum.bytes", **each) == 4 * (ledger.values_read + squares)
    taken = {"convert": value("thermo.repeated.convert.time", **each), "link": sent}
    latency = LATENCY * value("thermo.blocks.count", **each)
    hidden = {kind: value(f"thermo.repeated.beside.{kind}.time", **each) for kind in taken}
    if overlap:
        taken = {kind: all_ - hidden[kind] for kind, all_ in taken.items()}
    left = max(taken["convert"] + latency, taken["link"])
    assert ledger.time_s == pytest.approx(upload + n * each["t"] + left, rel=1e-9)


# --- as often as it takes --------------------------------------------------------------------------------------------

COUNTS = ("accuracy.repeated.count", "accuracy.repeated.mitigated.count")
LETTERS = ("n", "kappa", "s_x", "s_r", "s_2", "d_e", "q")
TRAINED = [factor for layer in spectra.layers(largest=150) for factor in layer.factors if factor.kappa > 1.5]


def predicted(factor: spectra.Factor, bits: np.ndarray, cells: int, *, mitigated: bool) -> np.ndarray:
    """Error of a gradient by rounding of what is read of one inverse, before or after a Newton-Schulz step."""
    values = {**factor.values(*LETTERS), "b_out": bits, "m": min(cells, factor.n)}
    seen = dict(values)
    if mitigated:
        seen["kappa"] = 1 + (values["kappa"] - 1) / gap(factor)
    off = value("accuracy.readings.inverse.total", **values) * value("accuracy.tiled.amplification", **seen)
    if not mitigated:
        return off
    small = off < 1  # a step reduces none that is larger
    left = value("accuracy.refined.readings", **values, epsilon=np.where(small, off, 0.5))
    return np.where(small, left, off)


def gap(factor: spectra.Factor) -> float:
    alpha = np.sort(factor.alpha)[::-1]
    return float(alpha[0] / alpha[1])


@pytest.mark.verifies(
    "accuracy.repeated.count",
    "accuracy.repeated.mitigated.count",
    "accuracy.repeated.tolerance",
    "accuracy.repeated.refined.tolerance",
)
@pytest.mark.parametrize("mitigated", [False, True])
def test_readings_against_the_fewest_that_do(mitigated: bool) -> None:
    """On trained factors, blocks of 16 and whole: never too few where 64 do, at most three times the fewest."""
    name = COUNTS[mitigated]
    more, judged, tried = [], 0, np.arange(1, repeated.MOST + 1)
    for factor in TRAINED:
        for bits in (5, 6, 8):
            for cells in (16, factor.n):
                values = {
                    **factor.values(*LETTERS),
                    "b_out": bits,
                    "m": min(cells, factor.n),
                    "eta": gap(factor),
                    "T_r": 0.4,
                }
                allowed = value("accuracy.repeated.tolerance", **values)
                # two inverses as far off take half of the squared budget: half of T_r^2
                assert float(together(np.array(allowed), np.array(allowed))) == pytest.approx(0.4 / math.sqrt(2))
                found = {each: value(each, **values) for each in COUNTS}[name]
                off = predicted(
                    factor, value("accuracy.repeated.bits", b_out=bits, N_f=tried), cells, mitigated=mitigated
                )
                enough = tried[off <= allowed]
                assert found == round(found)
                assert 1 <= found <= repeated.MOST
                if len(enough):
                    judged += 1
                    assert found in enough
                    more.append(found / min(enough))
                before = value("accuracy.repeated.refined.tolerance", **values)
                if mitigated:
                    assert value("accuracy.refined.readings", **values, epsilon=before) <= allowed * (1 + 1e-9)
    assert judged > 100
    assert max(more) <= 3
    assert np.quantile(more, 0.75) <= 1.2
    assert np.median(more) == 1


@pytest.mark.filterwarnings("ignore::solver.results.MissedTarget")
@pytest.mark.shows("accuracy", "thermo.columns.averaged", "thermo.columns.refined.deflated.averaged")
@pytest.mark.parametrize("mitigated", [False, True])
def test_errors_that_training_tolerates_on_trained_factors(mitigated: bool) -> None:
    """The simulator with readings of 6 bits: within what the count is planned for, and beyond it read once."""
    name = COUNTS[mitigated]
    kept, once = [], []
    for factor in TRAINED[::2]:
        values = {**factor.values(*LETTERS), "b_out": 6, "m": min(16, factor.n), "eta": gap(factor), "T_r": 0.4}
        count = int(value(name, **values))
        if count in {1, repeated.MOST}:
            continue
        generator = np.random.default_rng(5)
        matrix, _, root = factor.matrices(generator)
        A = torch.tensor(matrix / factor.damped.max())
        gradient = torch.tensor(root @ generator.standard_normal((factor.n, 20)))
        exact_ = torch.linalg.solve(A, gradient)
        allowed = value("accuracy.repeated.tolerance", **values)
        for number, found in ((count, kept), (1, once)):
            more = {"deflation": 12, "refinements": 1} if mitigated else {}
            run = Machine(adc=Converter(6), cells=16)
            try:
                inverse = invert_by_columns(
                    A, run, settle_error=1e-8, mitigation=Mitigation(readings=number, **more)
                ).estimate
                found.append(float((inverse @ gradient - exact_).norm() / exact_.norm()) / allowed)
            except (ArithmeticError, ValueError):
                found.append(math.inf)
    assert len(kept) >= 5
    assert max(kept) <= 1.1
    assert max(once) > 1
    assert all(many < few for many, few in zip(kept, once, strict=True))


# --- the arms --------------------------------------------------------------------------------------------------------

MACHINE = {
    "n_c": 2.0, "f_c": 1e5, "b_out": 6.0, "W": 3e9, "t_l": 5e-7, "e_l": 1e-12, "e_a": 3e-12, "P": 2.0, "t": 1e-5,
    "n": 33.0, "m": 8.0, "kappa": 60.0, "eta": 4.0, "T_r": 0.3,
    "s_x": 40.0, "s_2": 2.0, "s_r": 3.0, "d_e": 8.0, "q": 0.6,
}  # fmt: skip
KINDS = (
    "link.time",
    "link.energy",
    "convert.time",
    "convert.energy",
    "sum.bytes",
    "beside.convert.time",
    "beside.link.time",
)


@pytest.mark.composes(
    "thermo.repeated.plain.link.time",
    "thermo.repeated.plain.link.energy",
    "thermo.repeated.plain.convert.time",
    "thermo.repeated.plain.convert.energy",
    "thermo.repeated.plain.sum.bytes",
    "thermo.repeated.plain.beside.convert.time",
    "thermo.repeated.plain.beside.link.time",
    "thermo.repeated.mitigated.link.time",
    "thermo.repeated.mitigated.link.energy",
    "thermo.repeated.mitigated.convert.time",
    "thermo.repeated.mitigated.convert.energy",
    "thermo.repeated.mitigated.sum.bytes",
    "thermo.repeated.mitigated.beside.convert.time",
    "thermo.repeated.mitigated.beside.link.time",
)
def test_costs_are_those_of_as_many_readings_as_are_needed() -> None:
    counts = {}
    for kind, count in (("plain", COUNTS[0]), ("mitigated", COUNTS[1])):
        counts[kind] = value(count, **MACHINE)
        for each in KINDS:
            base = value(f"thermo.repeated.{each}", N_f=counts[kind], **MACHINE)
            assert value(f"thermo.repeated.{kind}.{each}", **MACHINE) == pytest.approx(base)
    assert 1 < counts["plain"] != counts["mitigated"] > 1


def test_arms_on_a_coarse_machine(digital: DigitalCard, analog: AnalogCard) -> None:
    """Rounding of what is read limits the plain arm; read as often as needed it does not; only readings cost more."""
    card = replace(analog, input_bits=exact(16, bit), output_bits=exact(6, bit))
    net = one_layer("condition_number: 40, input_top_mode_gap: 4, output_top_mode_gap: 4")
    result = project(net, digital, card, draws=1)
    once, many = (result.feasibility[f"thermo.columns{kind}"] for kind in ("", ".averaged"))
    assert once.limit == "output_rounding"
    assert once.reach.value != "yes"
    assert once.budget.median > 1
    assert many.reach.value == "yes"
    assert many.shares["output_rounding"].median <= math.sqrt(0.5) < once.shares["output_rounding"].median
    assert many.assumes != ()
    plain, averaged = (result.methods[f"thermo.columns{kind}"].phases for kind in ("", ".averaged"))
    assert averaged["settle"].median == plain["settle"].median
    ratio = averaged["readout"].median / plain["readout"].median
    assert 1 < ratio <= repeated.MOST
    assert averaged["sum"].median > 0


def test_where_one_reading_does_nothing_is_paid_but_the_sum(digital: DigitalCard, analog: AnalogCard) -> None:
    card = replace(analog, input_bits=exact(16, bit), output_bits=exact(16, bit))
    result = project(one_layer("condition_number: 10"), digital, card, draws=1)
    plain, averaged = (result.methods[f"thermo.columns{kind}"].phases for kind in ("", ".averaged"))
    assert {name: each.median for name, each in averaged.items() if name != "sum"} == pytest.approx(
        {name: each.median for name, each in plain.items()}, rel=1e-12
    )
