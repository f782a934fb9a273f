"""Every digital method on round numbers, worked out by hand, and what a card leaves out."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from costmodel.formulas.accuracy import iterations
from costmodel.inputs.faults import InputError
from costmodel.inputs.loading import load_digital
from costmodel.inputs.workload_file import workload_from
from costmodel.inputs.yaml_reader import parse_yaml
from costmodel.machines.cards import AnalogCard, DigitalCard
from costmodel.machines.laws import ConstantLaw
from costmodel.methods import METHODS, DigitalWork, FactorConstruction
from costmodel.projection.project import Projection, project
from costmodel.quantities.estimate import Status
from costmodel.quantities.units import flop_per_second, second
from tests.round_cards import exact
from tests.spectra import Spectrum

# Factors of 1000, 500 and of 500, 100; 10 rows.
NET = """\
schema: 1
name: net
batch_size: 10
kfac: {factor_interval: 1, refresh_interval: 1, condition_number: 100, settling_tolerance: 0.1, rank: 10SETTINGS}
layers:
  - {name: fc1, kind: linear, d_in: 999, d_out: 500}
  - {name: fc2, kind: linear, d_in: 500, d_out: 100, bias: false}
"""
SIZES = (1000, 500, 500, 100)
SQUARES = sum(size**2 for size in SIZES)
CUBES = sum(size**3 for size in SIZES)
PAIRS = ((1000, 500), (500, 1000), (500, 100), (100, 500))  # n, k of each factor
MS = 1e-3
TERA = 1e12


def projected(digital: DigitalCard, analog: AnalogCard, settings: str = "") -> Projection:
    text = NET.replace("SETTINGS", settings)
    return project(workload_from(parse_yaml(text, "test")), digital, analog, draws=1)


def phases(result: Projection, method: str) -> Mapping[str, float]:
    return {name: estimate.median for name, estimate in result.methods[method].phases.items()}


@pytest.fixture
def result(digital: DigitalCard, analog: AnalogCard) -> Projection:
    return projected(digital, analog)


def test_batched_calls_are_one_for_each_size(result: Projection) -> None:
    assert phases(result, "kfac.cholesky")["inversion"] == pytest.approx(4 * MS + SQUARES * 1e-9)
    assert phases(result, "kfac.cholesky_batched")["inversion"] == pytest.approx(3 * MS + SQUARES * 1e-9)


def test_cholesky_solve_borrows_the_law_of_the_inverse(result: Projection) -> None:
    parts = phases(result, "kfac.cholesky_solve")
    assert parts["inversion"] == pytest.approx((4 * MS + SQUARES * 1e-9) / 3)
    right_hand_sides = 2 * (1000 * 500 + 500 * 100)
    assert parts["precondition"] == pytest.approx(4 * MS * 2 / 3 + right_hand_sides * 1e-9 * 3 / 2)
    assert result.methods["kfac.cholesky_solve"].phases["precondition"].status is Status.ASSUMED


def test_a_card_with_its_own_law_needs_no_other(digital: DigitalCard, analog: AnalogCard) -> None:
    law = ConstantLaw(launch=exact(5e-3, second, Status.MEASURED))
    card = replace(digital, laws={**digital.laws, "cholesky": law})
    inversion = projected(card, analog).methods["kfac.cholesky_solve"].phases["inversion"]
    assert inversion.median == pytest.approx(4 * 5 * MS)
    assert inversion.status is Status.MEASURED


def test_an_inverse_is_its_two_halves_where_a_card_knows_those(digital: DigitalCard, analog: AnalogCard) -> None:
    halves = {
        "cholesky": ConstantLaw(launch=exact(5e-3, second), rate=exact(TERA, flop_per_second)),
        "cholesky_inverse": ConstantLaw(launch=exact(7e-3, second), rate=exact(TERA / 2, flop_per_second)),
    }
    others = {name: law for name, law in digital.laws.items() if name != "spd_inverse"}
    inversion = projected(replace(digital, laws={**others, **halves}), analog).methods["kfac.cholesky"]
    # n^3 / 3 FLOPs at one rate, 2 n^3 / 3 at half of it
    assert inversion.phases["inversion"].median == pytest.approx(4 * 12 * MS + CUBES * (1 / 3 + 4 / 3) / TERA)


def test_a_card_file_may_give_or_leave_out_operations() -> None:
    assert [part.operation for part in load_digital("h100-sxm").resolve("qr") or ()] == ["eigh"]
    given = load_digital("h100-sxm", ["operations.qr.launch=200 us"])
    assert [part.operation for part in given.resolve("qr") or ()] == ["qr"]
    assert given.quantities()["operations.qr.launch"].value == 200e-6


def test_every_operation_of_a_method_has_a_law_on_the_smallest_card(digital: DigitalCard) -> None:
    assert set(digital.laws) == {"network", "gemm", "spd_inverse", "eigh", "stream"}
    works = [
        work
        for build in METHODS.values()
        for phase in build(FactorConstruction.EXPAND).phases
        for work in phase.works
        if isinstance(work, DigitalWork)
    ]
    assert {work.operation for work in works if digital.resolve(work.operation) is None} == set()


def test_eigh(result: Projection) -> None:
    parts = phases(result, "kfac.eigh")
    weights = 1000 * 500 + 500 * 100
    assert parts["inversion"] == pytest.approx(4 * MS + SQUARES * 1e-8 + 4 * weights / TERA)
    products = 4 * (1000 * 500 * 1500 + 500 * 100 * 600) + weights
    assert parts["precondition"] == pytest.approx(8 * MS + products / TERA)


def test_newton_schulz(result: Projection) -> None:
    # To 0.1 / sqrt(2), sqrt(100) / 2 ln(2 / 0.0707) = 16.7 of conjugate gradients' steps: ceil(log2(16.7)) = 5 steps,
    # the first without products: 8 products a factor, 3 sizes batched.
    assert phases(result, "kfac.newton_schulz")["inversion"] == pytest.approx(24 * MS + 16 * CUBES / TERA)


def test_low_rank(result: Projection) -> None:
    parts = phases(result, "kfac.low_rank")
    sketch = 4 * 5 * MS + sum(60 * n**2 + 400 * n for n in SIZES) / TERA
    basis = (4 * 2 * MS + sum(20 * n for n in SIZES) * 1e-8) * 8 / 27
    small = 4 * MS + 4 * 100 * 1e-8
    assert parts["inversion"] == pytest.approx(sketch + basis + small)
    step = 4 * 2 * MS + sum(40 * n * k for n, k in PAIRS) / TERA
    assert parts["precondition"] == pytest.approx(step + sum(8 * (n + 10) * k for n, k in PAIRS) / TERA)


def test_conjugate_gradients(digital: DigitalCard, analog: AnalogCard) -> None:
    one, two = Spectrum(100, top=99), Spectrum(100, top=99, second=99)
    result = projected(digital, analog, f", {two.stated('input')}, {one.stated('output')}")
    # A: d_e = 1.98, q = 0.01, so that eigenvalues pass the damping at rank 1.98 sin(0.01 pi) / (0.01 pi) = 1.9797.
    # Energy norms to (sqrt(1.1) - 1) 0.1 = 0.00488, L = ln(2 / 0.00488) = 6.016: sparing (6.016 / 0.04)^(0.02 / 1.02)
    # 1.9797^(1 / 1.02) = 2.155 - 1 modes leaves a condition number of 1 + (2.155 / 1.9797)^-100 = 1.0002, and
    # ceil(1.155 + 1.0001 L / 2) = 5 iterations. G: half of d_e; 1.092 - 1 modes, ceil(0.092 + 1.00003 L / 2) = 4.
    steps = 5, 4, 5, 4
    products = sum(i * (MS + 2 * n**2 * k / TERA) for i, (n, k) in zip(steps, PAIRS, strict=True))
    vectors = sum(i * 48 * n * k / TERA for i, (n, k) in zip(steps, PAIRS, strict=True))
    parts = phases(result, "kfac.cg")
    assert parts["precondition"] == pytest.approx(products + vectors)
    assert "inversion" not in parts


def test_ekfac(result: Projection) -> None:
    parts = phases(result, "ekfac")
    layers = ((1000, 500), (500, 100))
    scalings = 2 * 3 * MS + sum(20 * (a**2 + g**2 + a * g) for a, g in layers) / TERA
    assert parts["scalings"] == pytest.approx(scalings + sum(80 * (a + g) for a, g in layers) / TERA)
    assert parts["precondition"] == phases(result, "kfac.eigh")["precondition"]


def test_shampoo_in_blocks(digital: DigitalCard, analog: AnalogCard) -> None:
    # blocks of 500: 999 = 500 + 499 by 500, and 500 by 100: 3 blocks with 2 factors each
    parts = phases(projected(digital, analog, ", block_size: 500"), "shampoo")
    sides = 500, 500, 500, 499, 500, 100
    # every 100 steps, as published
    assert parts["inversion"] == pytest.approx(
        (6 * MS + sum(side**2 for side in sides) * 1e-8 + 6 * MS + 2 * sum(side**3 for side in sides) / TERA) / 100
    )
    products = 2 * (500 * 500 * 1000 + 500 * 499 * 999 + 500 * 100 * 600)
    assert parts["statistics"] == parts["precondition"] == pytest.approx(6 * MS + products / TERA)
    assert parts["graft"] == pytest.approx(16 * (999 * 500 + 500 * 100) / TERA)


def test_soap(result: Projection) -> None:
    parts = phases(result, "soap")
    layers = ((999, 500), (500, 100))
    pairs = sum(2 * d * g * (d + g) for d, g in layers)
    assert parts["statistics"] == pytest.approx(4 * MS + pairs / TERA)
    assert parts["precondition"] == pytest.approx(8 * MS + 2 * pairs / TERA)
    cubes, squares = (sum(d**power + g**power for d, g in layers) for power in (3, 2))
    basis = (4 * MS + squares * 1e-8) * 8 / 27
    # every 10 steps, as published
    assert parts["inversion"] == pytest.approx((12 * MS + (2 * cubes + 2 * pairs) / TERA + basis) / 10)


def test_muon(result: Projection) -> None:
    products = sum(20 * g**2 * d + 10 * g**3 for d, g in ((999, 500), (500, 100)))
    assert phases(result, "muon")["orthogonalise"] == pytest.approx(30 * MS + products / TERA)


def test_symmetric_products_halve_the_factors(digital: DigitalCard, analog: AnalogCard) -> None:
    triangles = 10 * sum(n * (n + 1) for n in SIZES)
    for sharing in ("expand", "reduce"):  # one position an example: the same rows, but reduce sums them first
        settings = f", weight_sharing: {sharing}, factor_products: symmetric"
        parts = phases(projected(digital, analog, settings), "kfac.cholesky")
        summed = 4 * 10 * (1500 + 600) / TERA if sharing == "reduce" else 0
        assert parts["factors"] == pytest.approx(4 * MS + triangles / TERA + summed)


def test_the_best_is_the_cheapest_member(result: Projection) -> None:
    members = [name for name in METHODS if name.startswith("kfac.")]
    assert len(members) == 7
    assert result.best_digital == min(members, key=lambda name: result.methods[name].step_time.median)
    assert {name for name in result.methods if result.methods[name].time_to_target} == set()


def test_rank_follows_from_the_spectra_unless_given(digital: DigitalCard, analog: AnalogCard) -> None:
    given = projected(digital, analog)
    assert "model.kfac.rank" in given.assumptions
    assert "model.kfac.input_spectral_decay" not in given.assumptions
    one, two = Spectrum(100, top=1), Spectrum(100, top=1, second=1)
    settings = f"settling_tolerance: 0.01, {two.stated('input')}, {one.stated('output')}"
    implied = NET.replace(
        "condition_number: 100, settling_tolerance: 0.1, rank: 10SETTINGS", f"condition_number: 2, {settings}"
    )
    result = project(workload_from(parse_yaml(implied, "test")), digital, analog, draws=1)
    # Modes at the damping: q = 1/2. d_e = 1 for A, 1/2 for G, so a power law passes the damping at 2 / pi and 1 / pi.
    # (2 / pi)^1.2 (2 / (2.5 1 0.0001))^0.2 = 3.51 and (1 / pi)^1.2 (2 / (2.5 0.5 0.0001))^0.2 = 1.76; 10 columns more
    A, G = 14, 12
    step = 4 * 2 * MS + sum(4 * n * r * k for (n, k), r in zip(PAIRS, (A, G, A, G), strict=True)) / TERA
    traffic = sum(8 * (n + r) * k for (n, k), r in zip(PAIRS, (A, G, A, G), strict=True)) / TERA
    assert phases(result, "kfac.low_rank")["precondition"] == pytest.approx(step + traffic)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("factor_products: half", "kfac.factor_products 'half' is none of full, symmetric"),
        ("block_size: 0", "kfac.block_size block_size = 0 is outside its domain 1 <= b"),
        ("input_spectral_decay: 0", "kfac.input_spectral_decay spectral_decay = 0 is outside its domain 0 < s_d"),
    ],
)
def test_bad_settings(setting: str, message: str) -> None:
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        workload_from(parse_yaml(NET.replace("SETTINGS", f", {setting}"), "test"))


@pytest.mark.parametrize("kappa", [100.0, 1e4, 1e8])
def test_a_spectrum_that_does_not_fall_keeps_every_mode(kappa: float) -> None:
    """All eigenvalues kappa - 1 dampings: d_e = n (1 - 1 / kappa) with a damping share of 1 / kappa."""
    columns = iterations.low_rank_columns()
    assert columns.evaluate(n=1024, d_e=1024 * (1 - 1 / kappa), q=1 / kappa, T_t=0.1) == 1024
