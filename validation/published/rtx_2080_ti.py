"""Fit the RTX 2080 Ti card to published times of K-FAC: ``python -m validation.published.rtx_2080_ti --out FILE``.

Two networks give two totals for each phase. Of inversion the data choose the law: a cost for each n^p, p on a grid, and
one for each factor. The power that lets either network predict the other wins.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from costmodel.inputs.card_writer import dump
from costmodel.inputs.files import write_text
from costmodel.inputs.loading import load_workload
from costmodel.machines.cards import DigitalCard
from costmodel.machines.laws import ConstantLaw
from costmodel.quantities.estimate import Quantity, Status
from costmodel.quantities.units import Unit, byte_per_second, flop_per_second, one, second
from validation.fit.solve import Array, solve
from validation.published.data import FOLDER
from validation.published.discrepancy import scatter
from validation.published.power import board_power, idle_power

EXPONENTS: Final = (2.0, 2.25, 2.5, 2.75, 3.0)
NETWORKS: Final = ("resnet50", "densenet201")


@dataclass(frozen=True, slots=True)
class Network:
    """What a network's phases are made of: rows, input and output dimension of each layer."""

    name: str
    layers: tuple[tuple[float, int, int], ...]

    @property
    def factors(self) -> Array:
        """Orders of all factors."""
        return np.array([size for _, a, g in self.layers for size in (a, g)], dtype=float)

    @property
    def pass_flops(self) -> float:
        """Forward and backward."""
        return sum((6.0 if index else 4.0) * rows * a * g for index, (rows, a, g) in enumerate(self.layers))

    @property
    def factor_flops(self) -> float:
        """Both factors as full products."""
        return sum(2.0 * rows * (a**2 + g**2) for rows, a, g in self.layers)


def resnet50(batch: int = 32) -> Network:
    """From the catalog, at the batch of one GPU."""
    layers = load_workload("imagenet_resnet").layers
    return Network(
        "resnet50", tuple((each.rows(batch), each.input_factor_dimension, each.output_dimension) for each in layers)
    )


def densenet201(batch: int = 16) -> Network:
    """As published (arXiv 1608.06993): growth 32, blocks of 6, 12, 48 and 32 layers, bottlenecks of 128, no bias.

    >>> len(densenet201().layers), sum(a * g for _, a, g in densenet201().layers)
    (201, 19784872)
    """
    layers: list[tuple[float, int, int]] = [(batch * 112.0**2, 147, 64)]
    channels, side = 64, 56
    for index, depth in enumerate((6, 12, 48, 32)):
        rows = float(batch * side**2)
        for _ in range(depth):
            layers += [(rows, channels, 128), (rows, 9 * 128, 32)]
            channels += 32
        if index < 3:
            layers.append((rows, channels, channels // 2))
            channels, side = channels // 2, side // 2
    return Network("densenet201", (*layers, (float(batch), channels + 1, 1000)))


@cache
def _times() -> dict[tuple[str, str], dict[str, float]]:
    with (FOLDER / "spdkfac_rtx2080ti_64gpu.csv").open() as file:
        rows = list(csv.DictReader(file))
    numbers = ("ffbp_s", "factorcomp_s", "invcomp_s")
    return {(row["net"], row["algo"]): {name: float(row[name]) for name in numbers} for row in rows}


def inversion(networks: Sequence[Network], power: float) -> float:
    """Seconds for each n^power of a factor, from totals of networks.

    A cost for each factor beside it would fit two totals exactly whatever the power, and one total not at all; with a
    power near 2 the data leave nothing for it.
    """
    work = np.array([[float(np.sum(each.factors**power))] for each in networks])
    seconds = np.array([_times()[each.name, "D-KFAC"]["invcomp_s"] for each in networks])
    return float(solve(work, seconds).coefficients[0])


def launch(power: float) -> float:
    """Seconds a factor, if a cost for each is fitted beside that of n^power."""
    pair = (resnet50(), densenet201())
    rows = np.array([[len(each.factors), float(np.sum(each.factors**power))] for each in pair])
    return float(solve(rows, np.array([_times()[each.name, "D-KFAC"]["invcomp_s"] for each in pair])).coefficients[0])


def left_out(power: float) -> dict[str, float]:
    """Predicted over measured total of each network, less one, when only the other was fitted."""
    pair = (resnet50(), densenet201())
    errors = {}
    for network, other in (pair, pair[::-1]):
        predicted = inversion([other], power) * float(np.sum(network.factors**power))
        errors[network.name] = predicted / _times()[network.name, "D-KFAC"]["invcomp_s"] - 1
    return errors


def rates() -> dict[str, tuple[float, dict[str, float]]]:
    """FLOP/s of passes and factor products for each network, and the error of each when the other gives the rate."""
    pair = (resnet50(), densenet201())
    found: dict[str, tuple[float, dict[str, float]]] = {}
    for primitive, key in (("network", "ffbp_s"), ("gemm", "factorcomp_s")):
        # One rate for passes is far off: DenseNet's many small layers are bound by launches. Shown for that reason.
        flops = {each.name: each.pass_flops if primitive == "network" else each.factor_flops for each in pair}
        reached = {name: flops[name] / _times()[name, "D-KFAC"][key] for name in NETWORKS}
        other = dict(zip(NETWORKS, reversed(NETWORKS), strict=True))
        errors = {name: reached[name] / reached[other[name]] - 1 for name in NETWORKS}
        found[primitive] = (float(np.sqrt(np.prod(list(reached.values())))), errors)
    return found


def passes() -> tuple[float, float]:
    """Seconds a layer and a FLOP of forward and backward: two equations, two unknowns."""
    pair = (resnet50(), densenet201())
    rows = np.array([[float(len(each.layers)), each.pass_flops] for each in pair])
    found = solve(rows, np.array([_times()[each.name, "D-KFAC"]["ffbp_s"] for each in pair])).coefficients
    return float(found[0]), float(found[1])


def chosen_power() -> float:
    """The exponent with the smallest worst error over networks left out."""
    return min(EXPONENTS, key=lambda power: max(abs(error) for error in left_out(power).values()))


def report() -> str:
    """What the data say."""
    lines = ["inversion: c x sum n^p, each network predicted from the other; launch: fitted beside it to both"]
    for power in EXPONENTS:
        shown = ", ".join(f"{name} {error:+.1%}" for name, error in left_out(power).items())
        lines.append(f"  p = {power:4.2f}: {shown}; launch {launch(power) * 1e3:.2f} ms")
    largest = inversion([resnet50(), densenet201()], chosen_power()) * resnet50().factors.max() ** chosen_power()
    busiest = _times()["resnet50", "MPD-KFAC"]["invcomp_s"]
    lines.append(
        f"  largest factor of ResNet-50: {largest * 1e3:.1f} ms; the busiest of 64 GPUs took {busiest * 1e3:.1f}"
    )
    for primitive, (rate, errors) in rates().items():
        shown = ", ".join(f"{name} {error:+.1%}" for name, error in errors.items())
        lines.append(f"{primitive}: {rate / 1e12:.2f} TFLOP/s; by the other network's rate: {shown}")
    layer, flop = passes()
    lines.append(f"passes with a cost for each layer: {layer * 1e6:.0f} us and {1e-12 / flop:.2f} TFLOP/s, unchecked")
    return "\n".join(lines)


def card() -> DigitalCard:
    """The card; the power the data chose must be one that a card can say."""
    pair = [resnet50(), densenet201()]
    assert chosen_power() == 2.0, "cards know element_time, n^2, and rate, n^3"
    layer, flop = passes()
    rate, errors = rates()["gemm"]
    unchecked = "forward and backward: two totals give two constants, so nothing is left to check them"
    inverse = (
        "fitted: totals over all factors of two networks; each predicts the other with n^2, and is off by 57 % and "
        "133 % with n^3; a cost for each factor comes out at 0.04 ms"
    )
    passes_scatter = Quantity(1.0, 1 / _UNCHECKED, _UNCHECKED, one, Status.ASSUMED, f"assumed: {unchecked}")
    return DigitalCard(
        name="rtx-2080-ti",
        title="NVIDIA RTX 2080 Ti, fitted to published K-FAC phase times of two networks; eigh and memory assumed",
        source="Phase times of distributed K-FAC (arXiv 2107.06533, the authors' plot data), 64 GPUs, float32, "
        "ResNet-50 with 32 and DenseNet-201 with 16 images a GPU; validation/data/published/methodology.md. The "
        "scatter of a law is what either network's says of the other.",
        power=board_power("rtx-2080-ti"),
        idle_power=idle_power("rtx-2080-ti"),
        laws={
            "network": ConstantLaw(
                launch=_fitted(layer, second, unchecked),
                rate=_fitted(1 / flop, flop_per_second, unchecked),
                scatter=passes_scatter,
            ),
            "gemm": ConstantLaw(
                rate=_fitted(rate, flop_per_second, "fitted: both factors", _DOMAIN),
                scatter=scatter(list(errors.values()), "factor construction"),
            ),
            "spd_inverse": ConstantLaw(
                element_time=_fitted(inversion(pair, 2.0), second, inverse, _DOMAIN),
                scatter=scatter(list(left_out(2.0).values()), "inversion of all factors"),
            ),
            "eigh": ConstantLaw(
                launch=_assumed(2.1e-3, 1e-3, 9e-3, second, "as an RTX A6000's, wider"),
                element_time=_assumed(15e-9, 8e-9, 30e-9, second, "as an RTX A6000's, slower and wider"),
            ),
            "stream": ConstantLaw(bandwidth=_assumed(520e9, 460e9, 570e9, byte_per_second, _PEAK)),
        },
    )


def _fitted(value: float, unit: Unit, source: str, domain: tuple[float, float] | None = None) -> Quantity:
    rounded = float(f"{value:.4g}")
    return Quantity(rounded, rounded, rounded, unit, Status.INTERPOLATED, source, domain)


def _assumed(value: float, low: float, high: float, unit: Unit, source: str) -> Quantity:
    return Quantity(value, low, high, unit, Status.ASSUMED, source)


#: Factor either way of a law that no further datum checks. Assumed.
_UNCHECKED: Final = 1.4
_DOMAIN: Final = (32.0, 4608.0)
_PEAK: Final = "not timed; data sheet peak 616 GB/s (GDDR6, 352 bit), of which 75 to 92 % is taken to be reached"
_COMMENT: Final = "Written by `python -m validation.published.rtx_2080_ti --out FILE`; change the fit, not this file."


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what the data say, write the card where asked."""
    from pathlib import Path

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="card to write")
    options = parser.parse_args(arguments)
    print(report())
    if options.out:
        write_text(options.out, dump(card(), _COMMENT))


if __name__ == "__main__":
    main()
