"""Plots of a curvature file: spectra, condition numbers over damping, and over training."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from costmodel.curvature.roles import LayerRole
from costmodel.inputs.curvature_file import LayerCurvature, Side
from costmodel.inputs.faults import InputError
from costmodel.inputs.files import write_bytes
from costmodel.questions.curvature import MeasuredCurvature, by_role, geometric_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FORMATS: Final = (".png", ".svg", ".pdf")
#: Networks in one figure, a row each.
_MOST: Final = 12
_STYLES: Final = {Side.A: "-", Side.G: "--"}
_DAMPINGS: Final = np.logspace(-6, 0, 49)


def draw(measured: MeasuredCurvature, file: str) -> None:
    """Draw a row of three plots for each network, into a file of the kind that its name ends with.

    Raises:
        InputError: No such kind, too many networks, or it cannot be written.
    """
    target = Path(file)
    if target.suffix.lower() not in _FORMATS:
        raise InputError.about("--plot", f"'{file}' ends with none of {', '.join(_FORMATS)}")
    if len(measured.networks) > _MOST:
        message = (
            f"{len(measured.networks)} networks are more than the {_MOST} of one figure; choose one with --network"
        )
        raise InputError.about("--plot", message)
    from matplotlib.figure import Figure

    rows = len(measured.networks)
    figure = Figure(figsize=(15, 4.2 * rows), layout="constrained")
    axes = figure.subplots(rows, 3, squeeze=False)
    colors = _colors(measured)
    for row, network in zip(axes, measured.networks, strict=True):
        _spectra(row[0], measured.last(network), colors)
        _over_damping(row[1], measured, measured.last(network), colors)
        _over_training(row[2], measured, network, colors)
        step = measured.last(network)[0].A.step
        row[0].set_title(f"{network}, step {step}: spectra", loc="left")
        row[1].set_title(f"{network}, step {step}: condition number by layer", loc="left")
        row[2].set_title(f"{network}: condition number over training, by role", loc="left")
    _legend(figure, colors)
    drawn = BytesIO()
    figure.savefig(drawn, dpi=130, format=target.suffix[1:].lower())
    try:
        write_bytes(target, drawn.getvalue())
    except OSError as error:
        raise InputError.about("--plot", f"'{file}' cannot be written: {error.strerror}") from None


def _colors(measured: MeasuredCurvature) -> dict[LayerRole, Any]:
    """A color for each role that occurs; the same role has the same one in any file."""
    from matplotlib import colormaps

    palette = colormaps["tab20"].colors  # type: ignore[attr-defined]
    order = list(LayerRole)
    # Dark colors first, then their pale twins.
    shades = [palette[(2 * index) % 20 + (index >= 10)] for index in range(len(order))]
    chosen = {**dict(zip(order, shades, strict=True)), LayerRole.HEAD: "black"}
    return {role: chosen[role] for role in by_role(measured.layers)}


def _spectra(axes: Axes, layers: list[LayerCurvature], colors: dict[LayerRole, Any]) -> None:
    """Eigenvalues over the mean eigenvalue, by rank."""
    for layer in layers:
        for factor in (layer.A, layer.G):
            mean = factor.trace / factor.n
            points = [(rank, value / mean) for rank, value in factor.eigenvalues if value > 1e-6 * mean > 0]
            if points:
                axes.loglog(*zip(*points, strict=True), _STYLES[factor.side], color=colors[factor.role], lw=0.9)
    axes.set(xlabel="rank", ylabel="eigenvalue over mean eigenvalue")
    axes.grid(alpha=0.3)


def _over_damping(
    axes: Axes, measured: MeasuredCurvature, layers: list[LayerCurvature], colors: dict[LayerRole, Any]
) -> None:
    for layer in layers:
        for side in Side:
            values = [layer.condition_number(side, float(damping)) for damping in _DAMPINGS]
            axes.loglog(_DAMPINGS, values, _STYLES[side], color=colors[layer.A.role], lw=0.9)
    axes.axvline(measured.damping, color="0.4", lw=0.8, ls=":")
    axes.set(xlabel="damping", ylabel="condition number")
    axes.grid(alpha=0.3)


def _over_training(axes: Axes, measured: MeasuredCurvature, network: str, colors: dict[LayerRole, Any]) -> None:
    """Geometric means over the layers of a role."""
    steps = measured.at(network)
    for role in by_role(layer for layers in steps.values() for layer in layers):
        for side in Side:
            points = [
                (step, geometric_mean(group, lambda layer, side=side: measured.condition_number(layer, side)))  # type: ignore[misc]
                for step, layers in steps.items()
                if (group := by_role(layers).get(role))
            ]
            axes.plot(*zip(*points, strict=True), _STYLES[side], color=colors[role], marker="o", ms=3, lw=1.1)
    axes.set_xscale("symlog", linthresh=10)
    axes.set_yscale("log")
    axes.set(xlabel="training step", ylabel=f"condition number at damping {measured.damping:g}")
    axes.grid(alpha=0.3)


def _legend(figure: Any, colors: dict[LayerRole, Any]) -> None:
    from matplotlib.lines import Line2D

    roles = [Line2D([], [], color=color, label=role.value) for role, color in colors.items()]
    sides = [Line2D([], [], color="0.2", ls=style, label=f"{side} factor") for side, style in _STYLES.items()]
    figure.legend(handles=roles + sides, loc="outside lower center", ncols=8, frameon=False)
