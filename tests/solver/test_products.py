"""Analog products inside a digital iteration: errors reached, ledgers as the formulas have them, training."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from costmodel import formulas
from costmodel.inputs.device_file import card_from
from costmodel.inputs.faults import InputError
from costmodel.inputs.yaml_reader import parse_yaml
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.projection.feasibility import Reach
from costmodel.projection.project import project
from costmodel.quantities.units import second
from solver import Converter, Link, Machine, Mitigation, Modes, Noise, invert_by_products
from solver.kfac import Cholesky, ThermoProducts
from tests.formulas import spectra
from tests.projection.small import one_layer
from tests.round_cards import exact
from tests.solver.test_columns_train import total
from tests.tolerances import BOUNDLESS, alike

BANDWIDTH, LATENCY, PRODUCT = 3e9, 5e-7, 2e-7
KAPPA = 40.0


def value(name: str, **values: float) -> float:
    formula = formulas.get(name)
    return formula.evaluate(**{letter: values[letter] for letter in formula.letters})


@pytest.mark.shows("accuracy", "thermo.products")
@pytest.mark.verifies("thermo.products.iterations")
@pytest.mark.parametrize("kappa", [1.5, 10.0, 300.0])
@pytest.mark.parametrize("error", [0.5, 0.1, 0.01])
def test_no_direction_is_off_by_more(spd, kappa: float, error: float) -> None:
    """The bound is met on a spectrum that has the points where the polynomial is largest; a third fewer miss it."""
    steps = int(value("thermo.products.iterations", kappa=kappa, epsilon=error))
    centre, radius = (1 + 1 / kappa) / 2, (1 - 1 / kappa) / 2
    points = centre + radius * torch.cos(torch.linspace(0, math.pi, 401, dtype=torch.float64))
    A = torch.diag(points)
    found = invert_by_products(A, Machine(product_time_s=PRODUCT), error=error, kappa=kappa * (1 + 1e-9))
    residual = (torch.eye(401, dtype=torch.float64) - A @ found.estimate).diagonal().abs().max().item()
    assert residual <= error
    assert residual == pytest.approx(1 / math.cosh(steps * math.acosh((kappa + 1) / (kappa - 1))), rel=1e-3)
    fewer = max(1, steps * 2 // 3)
    if fewer < steps:
        assert 1 / math.cosh(fewer * math.acosh((kappa + 1) / (kappa - 1))) > error


@pytest.mark.shows("ledger", "thermo.products")
@pytest.mark.verifies(
    "thermo.products.systems",
    "thermo.products.time",
    "thermo.products.upload.time",
    "thermo.products.write.time",
    "thermo.products.link.time",
    "thermo.products.vectors.bytes",
    "thermo.products.upload.energy",
    "thermo.products.write.energy",
    "thermo.products.link.energy",
    "thermo.products.convert.energy",
)
@pytest.mark.parametrize(("n", "cells"), [(7, 7), (12, 4), (10, 4)])
def test_formulas_predict_the_ledger(spd, n: int, cells: int) -> None:
    run = Machine(
        cells=cells, dac=Converter(16), adc=Converter(12), link=Link(BANDWIDTH, LATENCY), product_time_s=PRODUCT
    )
    ledger = invert_by_products(spd(n, 30.0), run, error=0.1, kappa=KAPPA).ledger
    joules = {"e_l": 3e-12, "e_a": 5e-12, "e_d": 7e-12}
    each = {
        "n": n, "m": cells, "kappa": KAPPA, "epsilon": 0.1, "W": BANDWIDTH, "t_l": LATENCY, "b_in": 16, "b_out": 12,
        "t_p": PRODUCT, "t_w": 1e-8, **joules,
    }  # fmt: skip
    steps, tiles = value("thermo.products.iterations", **each), math.ceil(n / cells) ** 2
    assert ledger.programmings == tiles
    assert ledger.samples == steps * value("thermo.products.systems", **each)
    assert ledger.sampling_time_s == pytest.approx(value("thermo.products.time", **each))
    link = value("thermo.products.upload.time", **each) + value("thermo.products.link.time", **each)
    assert ledger.link_time_s == pytest.approx(link)
    assert value("thermo.products.write.time", **each) == pytest.approx(n * math.ceil(n / cells) * 1e-8)
    moved = (ledger.uploaded_bits + ledger.read_bits) * joules["e_l"]
    upload, columns = (value(f"thermo.products.{name}.energy", **each) for name in ("upload", "link"))
    assert upload + columns == pytest.approx(moved)
    converted = ledger.conversions * joules["e_a"] + ledger.dac_conversions * joules["e_d"]
    write, convert = (value(f"thermo.products.{name}.energy", **each) for name in ("write", "convert"))
    assert write + convert == pytest.approx(converted)
    # X += D; R -= Y; D = a D + b R: nine blocks of float32 an iteration
    block = torch.empty(n, n, dtype=torch.float32)
    assert value("thermo.products.vectors.bytes", **each) == steps * 9 * block.numel() * block.element_size()


@pytest.mark.parametrize("kappa", [10.0, 100.0, 1000.0])
def test_rounded_products_limit_the_inverse(spd, kappa: float) -> None:
    """8 bits in and out: what is left of the inverse (Frobenius) is about one step, whatever kappa."""
    A = spd(32, kappa, seed=1)
    exact_inverse = torch.linalg.inv(A)
    run = Machine(dac=Converter(16), adc=Converter(8), product_time_s=PRODUCT)
    found = invert_by_products(A, run, error=1e-4).estimate
    off = ((found - exact_inverse).norm() / exact_inverse.norm()).item()
    assert 0.2 < off * 127 < 2


@pytest.mark.verifies("thermo.products.passes")
@pytest.mark.shows("accuracy", "thermo.products.passes")
@pytest.mark.parametrize(("bits", "inner"), [(24, 0.3), (24, 0.1), (8, 0.1)])
def test_every_pass_takes_its_share(spd, bits: int, inner: float) -> None:
    """Couplings, vectors and readings of few bits, or exact: errors fall by what the first pass leaves, or faster."""
    A = spd(24, 30.0, seed=2)
    run = Machine(dac=Converter(bits), adc=Converter(bits), product_time_s=PRODUCT)
    exact_inverse = torch.linalg.inv(A)

    def off(passes: int) -> float:
        found = invert_by_products(A, run, error=inner, passes=passes).estimate
        return torch.linalg.matrix_norm((found - exact_inverse) @ A, 2).item()  # no direction is off by more

    first = off(1)
    assert first < 0.7
    assert off(2) <= 1.05 * first**2
    assert off(3) <= 1.05 * first**3
    target = 1e-4
    passes = int(value("thermo.products.passes", epsilon=target, epsilon_p=first))
    assert off(passes) <= 1.05 * target
    assert off(passes - 2) > target


@pytest.mark.verifies("thermo.products.residual.flops")
@pytest.mark.shows("ledger", "thermo.products.passes", "thermo.products.refined", "thermo.products.deflated")
@pytest.mark.parametrize(("n", "cells"), [(12, 12), (10, 4)])
def test_passes_and_refinement_in_the_ledger(spd, n: int, cells: int) -> None:
    run = Machine(
        cells=cells, dac=Converter(16), adc=Converter(12), link=Link(BANDWIDTH, LATENCY), product_time_s=PRODUCT
    )
    each = {
        "n": n, "m": cells, "kappa": KAPPA, "epsilon": 0.04, "W": BANDWIDTH, "t_l": LATENCY, "b_in": 16, "b_out": 12,
        "t_p": PRODUCT, "N_p": 6,
    }  # fmt: skip
    upload, A = value("thermo.products.upload.time", **each), spd(n, 30.0)
    twice = invert_by_products(A, run, error=0.2, passes=2, kappa=KAPPA).ledger
    assert twice.programmings == math.ceil(n / cells) ** 2
    assert twice.sampling_time_s == pytest.approx(value("thermo.passes.products.time", **each))
    assert twice.link_time_s == pytest.approx(upload + value("thermo.passes.products.link.time", **each))
    assert twice.digital_flops == value("thermo.products.residual.flops", **each)
    step = invert_by_products(A, run, error=0.2, kappa=KAPPA, mitigation=Mitigation(refinements=1)).ledger
    assert step.sampling_time_s == pytest.approx(value("thermo.refined.products.time", **each))
    assert step.link_time_s == pytest.approx(upload + value("thermo.refined.products.link.time", **each))
    assert step.digital_flops == value("thermo.refinement.flops", **each)
    without = invert_by_products(A, run, error=0.2, kappa=KAPPA, mitigation=Mitigation(deflation=6)).ledger
    found, put = value("thermo.deflation.find.flops", **each), value("thermo.deflation.inverse.flops", **each)
    assert without.digital_flops == found + put


@pytest.mark.verifies("accuracy.products.error", "accuracy.products.refined")
def test_rounded_products_in_a_gradient() -> None:
    """Trained factors in random bases, 8 bits in and out: nine in ten within a factor of 2, refined eight within 6.

    One factor of kappa = 560 is off by 7 times as much, where the iteration keeps what was rounded early.
    """
    generator = np.random.default_rng(0)
    plain, refined = [], []
    for factor in (each for layer in spectra.layers(largest=150) for each in layer.factors):
        if not (factor.n >= 8 and 2 < factor.kappa < 3000):
            continue
        A, known = torch.tensor(factor.matrices(generator)[0]), factor.values("mu_2", "s_x")
        values, basis = torch.linalg.eigh(A)
        root, exact_inverse = basis * (values - values[0]).clamp(min=0).sqrt(), torch.linalg.inv(A)
        size = (exact_inverse @ root).norm()
        law = value("accuracy.products.error", b_in=8, b_out=8, **known)
        # couplings are exact: what rounds is the vectors
        run = Rounded(product_time_s=PRODUCT, dac=Converter(8), adc=Converter(8))
        ways = (
            ({}, plain, law),
            ({"mitigation": Mitigation(refinements=1)}, refined, None),
            ({"passes": 2}, refined, None),
        )
        for more, ratios, expected in ways:
            found = invert_by_products(A, run, error=1e-3, **more).estimate
            off = float(((found - exact_inverse) @ root).norm() / size)
            at = expected or value("accuracy.products.refined", epsilon=law, **known)
            ratios.append(off / at)
    assert len(plain) >= 12
    for ratios, within, share in ((plain, 2.0, 0.9), (refined, 6.0, 0.8)):
        assert 0.5 < np.median(ratios) < 2
        assert np.mean((np.array(ratios) < within) & (np.array(ratios) > 1 / within)) >= share


class Rounded(Machine):
    """A machine whose couplings are exact."""

    def program(self, A: torch.Tensor, noise: Noise) -> Modes:
        return Modes.of(A)


def test_bad_arguments(spd) -> None:
    with pytest.raises(ValueError, match=r"^need passes >= 1 and one rounding, got 0 and 1$"):
        invert_by_products(spd(3, 2.0), Machine(product_time_s=1.0), error=0.1, passes=0)
    with pytest.raises(ValueError, match=r"^this machine multiplies nothing; set product_time_s$"):
        invert_by_products(spd(3, 2.0), Machine(), error=0.1)
    with pytest.raises(ValueError, match=r"^a relative error must lie between 0 and 1, got 0$"):
        invert_by_products(spd(3, 2.0), Machine(product_time_s=1.0), error=0)


@pytest.mark.shows("training", "thermo.products")
def test_it_trains_as_exact_inverses_do() -> None:
    """Products rounded to 8 bits, each inverse off by at most 0.2: totals of five runs scatter by 5 %; twice that."""
    machine = Machine(dac=Converter(12), adc=Converter(8), product_time_s=PRODUCT)
    backend = ThermoProducts(machine, guard=True, error=0.2)
    assert total(backend) <= 1.1 * total(Cholesky())
    assert backend.ledger.samples > 0


@pytest.mark.shows("training", "thermo.products.passes", "thermo.products.refined")
def test_coarse_couplings_train_once_refined() -> None:
    """Couplings of 7 bits, vectors of 7 and 8, the inner solve off by 0.4: two passes, or one and a step."""
    machine = Machine(dac=Converter(7), adc=Converter(8), product_time_s=PRODUCT)
    exact_steps = total(Cholesky(), seeds=(1, 2))
    for more in ({"passes": 2}, {"mitigation": Mitigation(refinements=1)}):
        backend = ThermoProducts(machine, guard=True, error=0.2**0.5, **more)
        assert total(backend, seeds=(1, 2)) <= 1.15 * exact_steps
        assert backend.ledger.digital_flops > 0


def test_an_arm_of_cards_that_multiply(digital: DigitalCard, analog: AnalogCard) -> None:
    """Factors of 100 and 50 at kappa = 1000 and 0.3 / sqrt(2): 36 iterations; a product 1 us, a value 1 ns."""
    net = one_layer(f"condition_number: 1000, {alike(BOUNDLESS, settling_tolerance=0.3)}")
    without = project(net, digital, analog, draws=1).feasibility["thermo.products"]
    assert (without.reach, without.missing) == (Reach.CANNOT_RUN, ("product_time",))
    card = replace(analog, product_time=exact(1e-6, second))
    found = project(net, digital, card, draws=1)
    phases = {name: each.median for name, each in found.methods["thermo.products"].phases.items()}
    steps = math.ceil(math.sqrt(1000) * math.log(2 / (0.3 / math.sqrt(2))) / 2)
    assert phases["multiply"] == pytest.approx(150 * steps * 1e-6 / 10)
    assert phases["columns"] == pytest.approx(2 * (100**2 + 50**2) * steps * 1e-9 / 10)
    assert phases["upload"] == pytest.approx((100**2 + 50**2) * 1e-9 / 10)
    twice, step = (
        {name: each.median for name, each in found.methods[f"thermo.products{kind}"].phases.items()}
        for kind in (".passes", ".refined")
    )
    half = math.ceil(math.sqrt(1000) * math.log(2 / math.sqrt(0.3 / math.sqrt(2))) / 2)
    assert step["multiply"] == pytest.approx(150 * half * 1e-6 / 10)
    assert twice["multiply"] == pytest.approx(2 * step["multiply"])
    assert twice["vectors"] == pytest.approx(2 * step["vectors"])
    assert twice["residual"] >= 2 * (100**3 + 50**3) / 1e12 / 10
    assert step["refine"] >= 4 * (100**3 + 50**3) / 1e12 / 10
    rounding = {kind: found.feasibility[f"thermo.products{kind}"].parts for kind in ("", ".passes", ".refined")}
    assert set(rounding[""]) >= {"input_rounding", "product_rounding"}
    for cause in ("input_rounding", "product_rounding"):
        assert rounding[".passes"][cause].median == rounding[".refined"][cause].median < rounding[""][cause].median
    assert phases["vectors"] == pytest.approx(36 * (100**2 + 50**2) * steps / 1e12 / 10)
    assert found.feasibility["thermo.products"].reach is not Reach.CANNOT_RUN


def test_a_card_settles_or_multiplies(digital: DigitalCard, analog: AnalogCard) -> None:
    """A chip that multiplies alone runs the kinds of this arm and no other."""
    net = one_layer("condition_number: 1000")
    chip = replace(analog, relaxation_time=None, product_time=exact(1e-6, second))
    found = project(net, digital, chip, draws=1)
    able = {name for name, each in found.feasibility.items() if each.reach is not Reach.CANNOT_RUN}
    kinds = ("", ".passes", ".deflated", ".refined", ".refined.deflated")
    assert able == {f"thermo.products{kind}" for kind in kinds}
    assert found.best_thermodynamic in able
    with pytest.raises(InputError) as error:
        card_from(parse_yaml("{schema: 1, kind: analog, name: x, title: x, source: x, " + _REST + "}", "card.yaml"))
    assert [fault.message for fault in error.value.faults] == [
        "needs 'relaxation_time' where its arrays settle, or 'product_time' where they multiply"
    ]


_REST = """arrays: 1, input_bits: 8 bit, output_bits: 8 bit, link_bandwidth: 1 Gbit/s, link_latency: 0 s,
  row_write_time: 0 s, conversion_rate: 1 MHz"""
