"""The H100 card, from timings of calls, whole steps and products: ``python -m validation.cards.h100 --out FILE``.

What was measured, and what is held out of every fit, is in validation/data/h100/methodology.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from costmodel.inputs.card_writer import dump
from costmodel.inputs.files import write_text
from costmodel.machines.cards import DigitalCard
from costmodel.machines.laws import FittedLaw
from costmodel.machines.operations import OPERATIONS
from costmodel.machines.precision import Precision
from costmodel.machines.sizes import Size
from costmodel.quantities.estimate import Quantity, Status
from costmodel.quantities.units import byte, byte_per_second, second
from validation.cards.fitted import card as card_of
from validation.fit.calibration import Calibration, calibrate
from validation.fit.gpu_networks import held_out_networks, passes_alone, read_steps, sizes_of
from validation.fit.gpu_products import OPERATIONS as PRODUCTS
from validation.fit.gpu_products import PRECISIONS, read_products
from validation.fit.gpu_steps import fit_steps, step_laws
from validation.fit.networks import Column, TimedNetwork, column_seconds
from validation.fit.selection import LEAST_SIZES, Data, fit
from validation.measure import journal
from validation.published.power import board_power, idle_power
from validation.score.shipped import H100

NAME: Final = "h100-sxm"
#: The batch of forward and backward alone that laws of other precisions are fitted to; of 128 images the host decides.
_BATCH: Final = 512
_COMMENT: Final = "Written by `python -m validation.cards.h100 --out FILE`; change the fit, not this file."
_SOURCE: Final = (
    "Timings on an NVIDIA H100 80GB HBM3, driver 580.159, PyTorch 2.11.0+cu130, in validation/data/h100: calls by "
    "`measure`, phases of whole K-FAC steps, products in TF32 and bfloat16. A third of the sizes and five networks are "
    "held out, and `validate` scores the card on them. Steps are eager PyTorch, float32 without TF32."
)


@cache
def calibration() -> Calibration:
    """Laws of single calls."""
    return calibrate(journal.read(H100 / "timings.jsonl.gz"), hold_out=True)


@cache
def networks() -> tuple[tuple[TimedNetwork, ...], tuple[TimedNetwork, ...]]:
    """Networks that are fitted, and those that are held out."""
    timed = read_steps(H100 / "kfac_steps.csv")
    held = held_out_networks(timed)
    return tuple(t for t in timed if t.model.model not in held), tuple(t for t in timed if t.model.model in held)


_LINK: Final = (
    "NVLink 4, data sheet 450 GB/s a direction: 365 to 370 GB/s in all-reduces by rings of 2 to 8 (NVIDIA/nccl issue "
    "1455), protocols taking the rest (NVIDIA/nccl-tests issue 212); up to 480 GB/s where switches add (high). Over "
    "InfiniBand NDR it is 50 GB/s: set it"
)
_DELAY: Final = (
    "an all-reduce of 8 bytes, two messages, takes two A100 9.8 us over NVLink (NVIDIA/nccl-tests issue 331), taken "
    "for this GPU too; over EFA a message takes 15 us (high), 3 to 5 us with gdrcopy (libfabric pull request 8881)"
)


def card(without: str = "") -> DigitalCard:
    """The card; ``without`` leaves a network out of its steps."""
    made = card_of(calibration(), NAME)
    fitted = [each for each in networks()[0] if each.model.model != without]
    laws = {name: law for name, law in made.laws.items() if isinstance(law, FittedLaw)}
    steps = step_laws(fit_steps(fitted, calibration().laws), calibration().laws, fitted)
    sources = {name: replace(law, source=laws[name].source) if name in laws else law for name, law in steps.items()}
    laws |= sources
    for precision in PRECISIONS:
        laws |= _in_precision(precision, laws)
    order = list(OPERATIONS)
    ordered = sorted(laws, key=lambda name: (order.index(name.partition(".")[0]), name))
    return replace(
        made,
        title="NVIDIA H100 SXM 80 GB, PyTorch 2.11 in float32: measured and fitted",
        source=_SOURCE,
        laws={name: laws[name] for name in ordered},
        power=board_power(NAME),
        idle_power=idle_power(NAME),
        interconnect_bandwidth=Quantity(368e9, 340e9, 480e9, byte_per_second, Status.SOURCED, _LINK),
        memory=Quantity(80e9, 80e9, 80e9, byte, Status.SOURCED, "data sheet: 80 GB of HBM3"),
        interconnect_latency=Quantity(5e-6, 2e-6, 15e-6, second, Status.ASSUMED, _DELAY),
    )


def _in_precision(precision: str, laws: dict[str, FittedLaw]) -> dict[str, FittedLaw]:
    """Products of a precision, and forward and backward with their products in it."""
    found: dict[str, FittedLaw] = {}
    timed = read_products(H100 / "products_tf32_bf16.csv", precision)
    for op in PRODUCTS.values():
        points = {point: seconds for point, seconds in timed.items() if point.op == op}
        if len(points) < LEAST_SIZES:
            continue
        sizes = tuple(Size(point.n, point.m) for point in points)
        data = Data(OPERATIONS[op], sizes, np.array(list(points.values())))
        law = fit(data, ("chained",), gpu=True).law
        found[f"{op}.{precision}"] = replace(law, source=f"{len(points)} products in {precision}, each waited for")
    found[f"linear_pass.{precision}"] = _passes(precision, laws)
    return found


def _passes(precision: str, laws: dict[str, FittedLaw]) -> FittedLaw:
    """Forward and backward of ViT-S/16: outputs by their bytes, products a share of float32's."""
    model = sizes_of("vit_s16", _BATCH)
    columns: list[Column] = [
        {name: replace(laws[name], host=None) for name in names if name in laws}
        for names in (("linear_outputs", "convolution_outputs"), ("linear_pass", "convolution_pass", "other_pass"))
    ]
    outputs, products = (column_seconds(each, model, "forward_backward") for each in columns)
    outputs *= Precision(precision).activation_bytes / Precision.FLOAT32.activation_bytes
    share = (passes_alone(H100 / "kfac_steps.csv", precision)[_BATCH] - outputs) / products
    like = laws["linear_pass"]
    penalties = {name: curve.times(share) for name, curve in like.penalties.items()}
    source = f"forward and backward of ViT-S/16, {_BATCH} images, in {precision}: {share:.2f} of float32's products"
    return replace(like, work=like.work.times(share), penalties=penalties, source=source)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="card to write")
    write_text(parser.parse_args(arguments).out, dump(card(), _COMMENT))


if __name__ == "__main__":
    main()
