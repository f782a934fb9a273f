"""Fit the V100 card to AlgoPerf's step times: ``python -m validation.published.v100 --out FILE``.

Eight V100 share a batch, so a device passes an eighth of its FLOPs. A step takes the longer of that and of a floor that
the host sets, which is an input of the workload (``host_time``) and no property of the device.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from costmodel.inputs.card_writer import dump
from costmodel.inputs.files import write_text
from costmodel.inputs.loading import load_workload
from costmodel.machines.cards import DigitalCard
from costmodel.machines.laws import ConstantLaw
from costmodel.quantities.estimate import Quantity, Status
from costmodel.quantities.units import Unit, byte, byte_per_second, flop_per_second, second
from validation.published.data import FOLDER
from validation.published.discrepancy import scatter
from validation.published.power import board_power, idle_power

DEVICES: Final = 8
#: Workloads whose step the devices decide. The others of the files wait for the host: their FLOPs would take a device
#: 1 % (ogbg), 7 % (criteo1tb) and 22 % (fastmri) of the time.
BOUND_BY_DEVICE: Final = ("imagenet_vit", "wmt", "librispeech_conformer", "librispeech_deepspeech")
BOUND_BY_HOST: Final = ("ogbg", "criteo1tb", "fastmri")
#: Submissions to the first round that add next to nothing to a first-order step.
_PLAIN: Final = frozenset(
    {"baseline", "amos", "cyclic_lr", "generalized_adam", "nadamp", "schedule_free_adamw", "adamg"}
)
_ROUND: Final = "v05"


@cache
def steps() -> dict[str, float]:
    """Seconds a step of first-order training by workload: NAdamW's, and the mean of plain submissions for ViT and ogbg.

    The mean is geometric, first over submissions of a framework, then over JAX and PyTorch.
    """
    with (FOLDER / "algoperf_steps_to_target.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["rules"] == _ROUND and row["nadamw_steps"]]
    found = {row["workload"]: float(row["nadamw_s"]) / float(row["nadamw_steps"]) for row in rows}
    with (FOLDER / "algoperf_step_times_8xv100.csv").open(encoding="utf-8") as stream:
        plain = [row for row in csv.DictReader(stream) if row["ver"] == _ROUND and row["sub"] in _PLAIN]
    for workload in {row["wl"] for row in plain}:
        of_framework = [
            _mean([float(row["sec_per_step"]) for row in plain if (row["wl"], row["fw"]) == (workload, framework)])
            for framework in ("jax", "pytorch")
        ]
        found[workload] = _mean(of_framework)
    return found


def _mean(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def flops(workload: str) -> float:
    """Forward and backward FLOPs of one device: layers as they are counted, and three times the rest's forward pass."""
    found = load_workload(workload)
    examples = found.batch_size // DEVICES
    layers = sum(
        (4.0 + 2.0 * each.input_gradient)
        * each.rows(examples)
        * (each.input_factor_dimension - int(each.bias))
        * each.output_dimension
        * each.pairs
        for each in found.layers
    )
    return layers + 3.0 * examples * sum(each.forward_flops_per_example for each in found.others)


def rate(workloads: Sequence[str]) -> float:
    """FLOP/s: geometric mean over workloads."""
    return _mean([flops(each) / steps()[each] for each in workloads])


def left_out() -> dict[str, float]:
    """Predicted over measured step of each workload, less one, at the rate of the others."""
    found = {}
    for name in BOUND_BY_DEVICE:
        others = [each for each in BOUND_BY_DEVICE if each != name]
        found[name] = flops(name) / rate(others) / steps()[name] - 1
    return found


def floors() -> dict[str, float]:
    """Shares of the step that the device works, of workloads that wait for the host."""
    return {name: flops(name) / rate(BOUND_BY_DEVICE) / steps()[name] for name in BOUND_BY_HOST}


_LAYERS: Final = (
    "forward and backward of one layer: GPT-2 36, T5 38 and 32, BERT 64 TFLOP/s (mli/transformers-benchmarks), "
    "geometric mean; a GPT of 1.2 billion parameters trains at 39 (arXiv 1909.08053). Peak 125, data sheet. No TF32 "
    "and no bfloat16 on this GPU"
)
_TENSOR_CORES: Final = (
    "square products: 95 TFLOP/s (mli/transformers-benchmarks), 101 of the PCIe version's 112 at n = 8192 (NVIDIA's "
    "forum, topic 79781); low and high 50 and 90 % of the peak of 125"
)


def card() -> DigitalCard:
    """The card."""
    reached = float(f"{rate(BOUND_BY_DEVICE):.4g}")
    names = ", ".join(BOUND_BY_DEVICE)
    source = f"fitted: steps of {names} over their FLOPs, geometric mean; input pipeline and update are in it"
    passes = Quantity(reached, reached, reached, flop_per_second, Status.INTERPOLATED, source)
    a100 = "no timing of this GPU was found; as the a100-sxm card, the clocks of both (1.53 and 1.41 GHz) being alike"
    return DigitalCard(
        name="v100",
        title="NVIDIA V100 SXM2 16 GB, AlgoPerf's step times fitted; all but whole networks assumed",
        source="AlgoPerf's public logs, first round, 8 V100, float32; validation/data/published/methodology.md. One "
        "device: of a batch that eight share, give it an eighth (batch_size). What a step waits for the host is the "
        "workload's host_time: 0.32 s (ogbg), 0.8 s (criteo1tb), 0.11 to 0.24 s (fastmri). Data sheet: float32 15.7 "
        "TFLOP/s, HBM2 900 GB/s.",
        laws={
            "network": ConstantLaw(rate=passes, scatter=scatter(list(left_out().values()), "steps of four workloads")),
            "network.float16": ConstantLaw(
                rate=Quantity(41e12, 32e12, 64e12, flop_per_second, Status.SOURCED, _LAYERS)
            ),
            "gemm": ConstantLaw(
                launch=_assumed(20e-6, 5e-6, 130e-6, second, "not published; as the a100-sxm card"),
                rate=_assumed(12e12, 7.8e12, 14e12, flop_per_second, "50 to 90 % of the peak; no TF32 on this GPU"),
            ),
            "gemm.float16": ConstantLaw(
                launch=_assumed(20e-6, 5e-6, 130e-6, second, "not published; as the a100-sxm card"),
                rate=Quantity(95e12, 62e12, 112e12, flop_per_second, Status.SOURCED, _TENSOR_CORES),
            ),
            "spd_inverse": ConstantLaw(
                launch=_assumed(176e-6, 5.4e-6, 412e-6, second, a100),
                element_time=_assumed(2.3e-9, 0.3e-9, 5.4e-9, second, a100),
            ),
            "eigh": ConstantLaw(
                launch=_assumed(1.4e-3, 0.4e-3, 5.6e-3, second, a100),
                element_time=_assumed(11e-9, 3.9e-9, 17e-9, second, a100),
            ),
            "stream": ConstantLaw(
                bandwidth=_assumed(790e9, 700e9, 840e9, byte_per_second, "78 to 93 % of the data sheet's peak")
            ),
        },
        power=board_power("v100"),
        idle_power=idle_power("v100"),
        interconnect_bandwidth=_assumed(
            120e9, 75e9, 150e9, byte_per_second, "data sheet: NVLink 2, 150 GB/s a direction (high); 50 to 100 % of it"
        ),
        interconnect_latency=_assumed(5e-6, 2e-6, 15e-6, second, "not found; as the a100-sxm card"),
        memory=Quantity(16e9, 16e9, 16e9, byte, Status.SOURCED, "data sheet: 16 GB of HBM2"),
    )


def _assumed(value: float, low: float, high: float, unit: Unit, source: str) -> Quantity:
    return Quantity(value, low, high, unit, Status.ASSUMED, source)


_COMMENT: Final = "Written by `python -m validation.published.v100 --out FILE`; change the fit, not this file."


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what the data say, write the card where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="card to write")
    options = parser.parse_args(arguments)
    for name, error in left_out().items():
        print(f"{name}: {flops(name) / steps()[name] / 1e12:.2f} TFLOP/s; at the rate of the others {error:+.1%}")
    for name, share in floors().items():
        print(f"{name}: the device works {share:.0%} of a step of {steps()[name]:.3g} s")
    if options.out:
        write_text(options.out, dump(card(), _COMMENT))


if __name__ == "__main__":
    main()
