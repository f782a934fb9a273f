"""A calibration as the text of a card."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from typing import Final

import numpy as np

from costmodel.machines.laws import Curve, FittedLaw, merged
from costmodel.machines.operations import OPERATIONS, Operation
from validation.fit.calibration import Calibration, stream_rates

_SOURCE: Final = "fitted by `python -m costmodel calibrate`"


def card_text(calibration: Calibration, name: str) -> str:
    """The card as YAML; ``project --digital`` and ``predict --card`` read it."""
    place = calibration.environment
    threads = f"{calibration.threads} thread{'s' if calibration.threads > 1 else ''}"
    title = f"{place.name}, PyTorch {place.torch}, {threads}: measured and fitted"
    held = "; sizes and networks held out by validation/heldout.py left out" if calibration.held_out else ""
    source = (
        f"Timings by `measure` on {place.device}, {place.name}, {place.cores} cores, {place.blas}, {threads}; laws "
        f"fitted by `calibrate` to {sum(each.points for each in calibration.fits.values())} sizes of "
        f"{len(calibration.fits)} operations{held}. Spreads come from sizes left out in turn."
    )
    parts = [
        "# Written by `python -m costmodel calibrate`; measure again rather than change it.\nschema: 1\nkind: digital\n"
        f"name: {name}\ntitle: {_quoted(title)}\nsource: >-\n{_folded(source, 2)}\nprimitives:\n",
        _network(calibration),
        *(_primitive(key, law, note) for key, law, note in _primitives(calibration)),
        _stream(calibration),
        "operations:\n",
        *(_entry(key, fit.law, _note(calibration, key), 2) for key, fit in calibration.fits.items()),
        _passes(calibration),
    ]
    return "".join(parts)


def _primitives(calibration: Calibration) -> list[tuple[str, FittedLaw, str]]:
    laws = calibration.laws
    factor, inverse = (absorbed(laws[name], OPERATIONS[name]) for name in ("cholesky", "cholesky_inverse"))
    found = [
        ("gemm", absorbed(laws["gemm"], OPERATIONS["gemm"]), "square products"),
        ("spd_inverse", factor.joined(inverse, 1 / 3, 2 / 3), "Cholesky factor, then inverse from it, of n^3 FLOPs"),
        ("eigh", absorbed(laws["eigh"], OPERATIONS["eigh"]), "eigendecomposition with vectors"),
        ("cholesky", factor, "Cholesky factor"),
    ]
    if "cholesky_solve" in laws:
        solve = absorbed(laws["cholesky_solve"], OPERATIONS["cholesky_solve"])
        found.append(("triangular_solve", solve, "forward and back substitution, n right-hand sides"))
    return found


def absorbed(law: FittedLaw, operation: Operation) -> FittedLaw:
    """The law with its cost of elements as part of the work, which is all that a primitive counts."""
    if not law.element:
        return law
    last = max(law.work.sizes[-1], law.domain[1])
    knots = np.array(merged([*law.work.sizes, *np.geomspace(min(law.domain[0], last / 2), last, 24)]))
    share = np.array([operation.elements(size, size) / operation.flops(size, size) for size in knots])
    values = law.work.at(knots) + law.element * share
    return replace(law, element=0.0, work=Curve(tuple(map(float, knots)), tuple(map(float, values)), law.work.limit))


def _note(calibration: Calibration, key: str) -> str:
    fit = calibration.fits[key]
    return (
        f"{OPERATIONS[key.split('.')[0]].title}; {fit.points} sizes, {fit.candidate.family} law; median error on sizes "
        f"left out {fit.left_out[fit.candidate.family]:.1%}, on larger sizes {fit.larger[fit.candidate.family]:.1%}"
    )


def _primitive(key: str, law: FittedLaw, note: str) -> str:
    return f"  {key}:\n" + _entry("fitted", law, note, 4)


def _entry(key: str, law: FittedLaw, note: str, indent: int) -> str:
    lines = [
        f"{key}:",
        f"  launch_s: {_number(law.launch)}",
        f"  item_s: {_number(law.item)}",
        f"  element_s: {_number(law.element)}",
        f"  work_s: {_curve(law.work)}",
    ]
    if law.penalties:
        lines.append("  penalties_s:")
        lines += [f"    {name}: {_curve(curve)}" for name, curve in law.penalties.items()]
    low, high = law.domain
    lines += [
        f"  domain: [{_number(low)}, {_number(high)}]",
        f"  spread: {_number(law.spread)}",
        f"  growth: {_number(law.growth)}",
        f"  source: >-\n{_folded(f'{_SOURCE}: {note}', 4)}",
    ]
    return textwrap.indent("\n".join(lines) + "\n", " " * indent)


def _network(calibration: Calibration) -> str:
    found = calibration.network
    if found is None:
        rate = 1 / calibration.laws["gemm"].work.limit
        note = "no networks timed: large products' rate, of which a third to all is taken to be reached"
        return (
            "  network:\n    rate: {value: "
            f"{_number(0.6 * rate)} FLOP/s, low: {_number(rate / 3)} FLOP/s, high: {_number(rate)} FLOP/s, "
            f"status: assumed, source: {_quoted(note)}}}\n"
        )
    note = f"forward and backward of {found.networks} small networks of five kinds; the range is what single ones need"
    return "  network:\n" + "".join(
        f"    {name}: {{value: {_number(value)} {unit}, low: {_number(low)} {unit}, high: {_number(high)} {unit}, "
        f"status: interpolated, source: {_quoted(note)}}}\n"
        for name, unit, (value, low, high) in (("launch", "s", found.launch), ("rate", "FLOP/s", found.rate))
    )


def _stream(calibration: Calibration) -> str:
    value, low, high = (f"{_number(each)} B/s" for each in stream_rates(calibration.laws["ema"]))
    domain = "[{}, {}]".format(*map(_number, calibration.laws["ema"].domain))
    note = "running averages, 12 bytes an element: nominal for the largest timed, the range over sizes from 256"
    return (
        f"  stream:\n    bandwidth: {{value: {value}, low: {low}, high: {high}, status: interpolated, "
        f"domain: {domain}, source: {_quoted(note)}}}\n"
    )


def _passes(calibration: Calibration) -> str:
    passes = calibration.passes
    if passes is None:
        return ""
    names = type(passes).__dataclass_fields__
    return "passes:\n" + "".join(f"  {name}: {_number(getattr(passes, name))}\n" for name in names)


def _curve(curve: Curve) -> str:
    sizes, values = (", ".join(map(_number, each)) for each in (curve.sizes, curve.values))
    return f"{{sizes: [{sizes}], values: [{values}], limit: {_number(curve.limit)}}}"


def _number(value: float) -> str:
    """Nine digits: knots that a switch of algorithm sets apart are one part in 10^6 from each other."""
    return f"{value:.9g}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _folded(text: str, indent: int) -> str:
    return textwrap.indent(textwrap.fill(text, 116 - indent), " " * indent)
