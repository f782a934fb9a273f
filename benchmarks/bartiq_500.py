"""A 500-layer network, load to totals, against Bartiq in the same run: ``python -m benchmarks.bartiq_500``.

Both start from plain Python data (a parsed YAML document here, a QREF routine there) with 500 layers of different
shapes and end with the network's total FLOPs. Bartiq gets six counts of K-FAC's phases; costmodel gets those and then
every method's step time, so it does more. Bartiq compiles before it evaluates; we compile our formulas once a process,
and both the first and a later run are shown. Needs ``pip install -e .[bench]``.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from bartiq import compile_routine, evaluate
from qref import SchemaV1

from costmodel.inputs.loading import load_analog, load_digital
from costmodel.inputs.workload_file import workload_from
from costmodel.inputs.yaml_reader import Document
from costmodel.projection.counts import count
from costmodel.projection.project import project

LAYERS = 500
SIZES = [(64 + index, 32 + index) for index in range(LAYERS)]
BATCH, POSITIONS = 64, 7
#: The counts, as Bartiq's strings; a bias adds a column to A.
RESOURCES = {
    "forward_backward": "6*M*d*g",
    "factors_expand": "2*M*((d + 1)**2 + g**2)",
    "factors_reduce": "2*B*((d + 1)**2 + g**2)",
    "cholesky": "(d + 1)**3 + g**3",
    "eigh": "9*((d + 1)**3 + g**3)",
    "precondition": "2*(d + 1)*g*((d + 1) + g)",
}
ROUNDS = 3


def ours() -> dict[str, float]:
    """Totals by costmodel, every method's step time with them."""
    layers = [
        {"name": f"l{index}", "kind": "linear", "d_in": d, "d_out": g, "positions": POSITIONS}
        for index, (d, g) in enumerate(SIZES)
    ]
    data = {"schema": 1, "name": "net", "batch_size": BATCH, "layers": layers}
    workload = workload_from(Document("benchmark", data, {}))
    project(workload, DIGITAL, ANALOG, draws=1)
    counts = count(workload)
    return {
        "forward_backward": counts.forward_backward,
        "factors_expand": counts.factors_expand,
        "factors_reduce": counts.factors_reduce,
        "cholesky": counts.inversion_cholesky,
        "eigh": counts.inversion_eigh,
        "precondition": counts.precondition,
    }


def theirs() -> dict[str, float]:
    """Totals by Bartiq."""
    children = [
        {
            "name": f"l{index}",
            "type": None,
            "input_params": ["d", "g", "M", "B"],
            "resources": [
                {"name": name, "type": "additive", "value": expression} for name, expression in RESOURCES.items()
            ],
        }
        for index in range(LAYERS)
    ]
    names = [f"{letter}{index}" for index in range(LAYERS) for letter in "dg"]
    links = [
        *(
            {"source": f"{letter}{index}", "targets": [f"l{index}.{letter}"]}
            for index in range(LAYERS)
            for letter in "dg"
        ),
        *({"source": letter, "targets": [f"l{index}.{letter}" for index in range(LAYERS)]} for letter in "MB"),
    ]
    root = {
        "name": "net",
        "type": None,
        "children": children,
        "input_params": [*names, "M", "B"],
        "linked_params": links,
    }
    compiled = compile_routine(SchemaV1(version="v1", program=root)).routine
    values = {
        f"{letter}{index}": size for index, pair in enumerate(SIZES) for letter, size in zip("dg", pair, strict=True)
    }
    result = evaluate(compiled, values | {"M": BATCH * POSITIONS, "B": BATCH}).routine
    return {name: float(str(result.resources[name].value)) for name in RESOURCES}


def timed(run: Callable[[], dict[str, float]]) -> tuple[float, dict[str, float]]:
    """Seconds and result of one run."""
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


DIGITAL, ANALOG = load_digital("h100-sxm"), load_analog("tngd-2024")


def main() -> None:
    """Run both in turn and print the ratio pair by pair."""
    first, _ = timed(ours)
    ratios = []
    for _ in range(ROUNDS):
        our_seconds, our_totals = timed(ours)
        their_seconds, their_totals = timed(theirs)
        for name, total in their_totals.items():
            assert abs(total / our_totals[name] - 1) < 1e-12, name
        ratios.append(their_seconds / our_seconds)
        print(f"costmodel {our_seconds:.4f} s   Bartiq {their_seconds:.2f} s   ratio {ratios[-1]:.0f}")
    print(f"median ratio {statistics.median(ratios):.0f}; costmodel's first run {first:.3f} s, formulas compiled")


if __name__ == "__main__":
    main()
