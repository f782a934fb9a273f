"""A calibration as a card."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from costmodel.inputs.card_writer import dump
from costmodel.machines.cards import DigitalCard
from costmodel.machines.laws import ConstantLaw, FittedLaw, Law
from costmodel.machines.operations import OPERATIONS
from costmodel.quantities.estimate import DEVIATE_95, Quantity, Status
from costmodel.quantities.units import flop_per_second, one
from validation.fit.calibration import Calibration

_COMMENT: Final = "Written by `python -m costmodel calibrate`; measure again rather than change it."


def card_text(calibration: Calibration, name: str) -> str:
    """The card as YAML; ``project --digital`` and ``predict --card`` read it."""
    return dump(card(calibration, name), _COMMENT)


def card(calibration: Calibration, name: str) -> DigitalCard:
    """The card of a calibration."""
    place = calibration.environment
    threads = f"{calibration.threads} thread{'s' if calibration.threads > 1 else ''}"
    held = "; sizes and networks held out by validation/heldout.py left out" if calibration.held_out else ""
    networks = f" and {calibration.timed} whole networks" if calibration.timed else ""
    source = (
        f"Timings by `measure` on {place.device}, {place.name}, {place.cores} cores, {place.blas}, {threads}; laws "
        f"fitted by `calibrate` to {sum(each.points for each in calibration.fits.values())} sizes of "
        f"{len(calibration.fits)} operations{networks}{held}. Spreads come from sizes and networks left out in turn."
    )
    return DigitalCard(
        name=name,
        title=f"{place.name}, PyTorch {place.torch}, {threads}: measured and fitted",
        source=source,
        laws=_laws(calibration),
        step=_step(calibration),
        timings=calibration.digest,
    )


def _laws(calibration: Calibration) -> dict[str, Law]:
    """Every fitted law with what it was fitted to, in the order of the vocabulary."""
    order = list(OPERATIONS)
    found: dict[str, Law] = {}
    if calibration.networks is None:
        found["network"] = _unmeasured_passes(calibration)
    for key in sorted(calibration.laws, key=lambda each: (order.index(each.partition(".")[0]), each)):
        law = calibration.laws[key]
        found[key] = replace(law, source=_note(calibration, key)) if key in calibration.fits else law
    return found


def _note(calibration: Calibration, key: str) -> str:
    fit = calibration.fits[key]
    law, family = fit.law, fit.candidate.family
    error = math.sqrt(float(fit.solution.covariance[0, 0]))
    launch = f"; launch {law.launch * 1e6:.3g} us +- {error * 1e6:.1g}" if law.launch else ""
    return (
        f"{OPERATIONS[key.partition('.')[0]].title}; {fit.points} sizes, {family} law; median error on sizes left out "
        f"{fit.left_out[family]:.1%}, on larger sizes {fit.larger[family]:.1%}{launch}"
    )


def _unmeasured_passes(calibration: Calibration) -> ConstantLaw:
    """Where no network was timed: the rate of large products, of which a third to all is taken to be reached."""
    law: FittedLaw = calibration.laws["gemm"]
    rate = 1 / law.work.limit
    note = "no network went into a law: large products' rate, of which a third to all is taken to be reached"
    return ConstantLaw(rate=Quantity(0.6 * rate, rate / 3, rate, flop_per_second, Status.ASSUMED, note))


def _step(calibration: Calibration) -> Quantity | None:
    """A whole step over the sum of its phases."""
    if calibration.networks is None:
        return None
    mean, deviation = calibration.networks.step
    note = f"steps of {calibration.timed} networks over the sum of their phases, each timed alone"
    middle, factor = math.exp(mean), math.exp(DEVIATE_95 * deviation)
    return Quantity(middle, middle / factor, middle * factor, one, Status.INTERPOLATED, note)
