"""Errors beyond the data, against Extra-P: the same points to fit, the same larger points to predict.

    pip install extrap
    python -m benchmarks.extrap_extrapolation [TIMINGS.jsonl]

Extra-P gets each size's time as it gets repetitions: one value for each clean visit, its default modeler and median.
Only square operations are compared, which have one parameter, as its single-parameter modeler wants. Our law is that
of ``calibrate --hold-out``. Both are also shown on the sizes held out between those fitted.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np

from costmodel.machines.operations import OPERATIONS
from costmodel.machines.sizes import Size
from validation.fit.calibration import calibrate, point_times
from validation.heldout import BETWEEN, BEYOND, for_fitting, for_scoring, held_out
from validation.measure import journal
from validation.measure.timings import Point
from validation.quality import best_references, by_point, clean, seconds
from validation.score.shipped import SHIPPED


def main() -> int:
    """Print medians and 90th percentiles of both; exit 1 where our median beyond the data is above half of theirs."""
    try:
        from extrap.entities.callpath import Callpath
        from extrap.entities.coordinate import Coordinate
        from extrap.entities.measurement import Measure, Measurement
        from extrap.entities.metric import Metric
        from extrap.modelers.single_parameter.basic import SingleParameterModeler
    except ImportError:
        print("needs Extra-P: pip install extrap", file=sys.stderr)
        return 2
    logging.disable(logging.WARNING)
    read = journal.read(Path(sys.argv[1]) if len(sys.argv) > 1 else SHIPPED[0].file)
    alone = [timing for timing in read.timings if timing.point.threads == 1 and timing.point.dtype == "float32"]
    laws = calibrate(read, threads=1, hold_out=True).laws
    references = best_references(read.timings)
    known = by_point(for_fitting(alone))
    scored = point_times(for_scoring(alone), read)
    errors: dict[str, dict[str, list[float]]] = {group: {"Extra-P": [], "costmodel": []} for group in (BETWEEN, BEYOND)}
    print(f"{'operation':18s} {'Extra-P model':60s} {'Extra-P':>8s} {'ours':>8s}   median error beyond the data")
    for name, operation in OPERATIONS.items():
        if operation.rectangular or operation.batched or name not in laws:
            continue
        measurements = []
        for point, visits in known.items():
            if point.op == name:
                good = [seconds(each) for each in visits if clean(each, references[1])] or [min(map(seconds, visits))]
                measured = Measurement(Coordinate(point.n), Callpath(name), Metric("time"), good)
                measurements.append(measured)
        modeler = SingleParameterModeler()
        modeler.use_measure = Measure.MEDIAN
        model = modeler.create_model(sorted(measurements, key=lambda each: float(each.coordinate[0])))
        function = model.hypothesis.function
        for point, measured_seconds in scored.items():
            if point.op == name:
                theirs = float(function.evaluate(point.n))
                ours = laws[name].seconds(operation, Size(point.n, point.n))
                errors[held_out(point)]["Extra-P"].append(abs(theirs / measured_seconds - 1))
                errors[held_out(point)]["costmodel"].append(abs(ours / measured_seconds - 1))
        beyond = [_beyond(point, name) for point in scored]
        if any(beyond):
            count = sum(beyond)
            medians = [np.median(errors[BEYOND][tool][-count:]) for tool in ("Extra-P", "costmodel")]
            print(f"{name:18s} {str(function)[:60]:60s} {medians[0]:8.1%} {medians[1]:8.1%}")
    for group, tools in errors.items():
        for tool, found in tools.items():
            if found:
                print(f"{group}, {tool}: {len(found)} points, median {np.median(found):.1%}, "
                      f"90th percentile {np.quantile(found, 0.9):.1%}, worst {max(found):.1%}")  # fmt: skip
    return int(not np.median(errors[BEYOND]["costmodel"]) <= 0.5 * np.median(errors[BEYOND]["Extra-P"]))


def _beyond(point: Point, operation: str) -> bool:
    return point.op == operation and held_out(point) == BEYOND


if __name__ == "__main__":
    sys.exit(main())
