"""Numbers for the symbols of the formulas: sizes from the network, the rest from draws.

Arrays have two axes: shapes (or shapes twice over, for the factors A and G) and draws; an axis nothing depends on has
length one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from costmodel.formulas import Formula, code, kfac
from costmodel.formulas.code import Summand
from costmodel.machines.analog_defaults import BOLTZMANN
from costmodel.methods import Scope
from costmodel.quantities.estimate import Draws
from costmodel.workloads.workload import Shape, Workload

#: Path of the quantity behind each symbol of the analog machine.
ANALOG: Final[Mapping[str, str]] = {
    "tau": "analog.relaxation_time",
    "m": "analog.cells",
    "b_in": "analog.input_bits",
    "b_out": "analog.output_bits",
    "W": "analog.link_bandwidth",
    "t_l": "analog.link_latency",
    "t_w": "analog.row_write_time",
    "f_c": "analog.conversion_rate",
    "n_c": "analog.converters",
    "nu": "analog.noise_to_signal",
    "P": "analog.arrays",
    "tau_o": "analog.oscillation_time",
    "delta": "analog.mismatch",
    "C": "analog.capacitance",
    "V": "analog.full_scale_voltage",
    "E_T": "analog.temperature",
    "e_a": "analog.conversion_energy",
    "e_d": "analog.input_conversion_energy",
    "e_l": "analog.link_energy",
}
#: The formula that gives a symbol its value, unless a model states it outright.
BEHIND: Final[Mapping[str, Formula]] = {
    "kappa": kfac.damping.condition_number(),
    "r": kfac.low_rank.rank(),
}
_KAPPA: Final = ("condition_number", "damping", "mean_curvature", "input_stable_rank", "output_stable_rank")
#: Paths of all quantities a symbol rests on.
PATHS: Final[Mapping[str, tuple[str, ...]]] = {letter: (path,) for letter, path in ANALOG.items()} | {
    "epsilon": ("model.kfac.relative_error",),
    "kappa": tuple(f"model.kfac.{name}" for name in _KAPPA),
    "r": tuple(f"model.kfac.{name}" for name in ("rank", "input_spectral_decay", "output_spectral_decay")),
    "b": ("model.kfac.block_size",),
}


def symbol_values(
    workload: Workload, shapes: tuple[Shape, ...], drawn: Mapping[str, Draws]
) -> dict[Scope, dict[str, Draws]]:
    """Values of the symbols that formulas of each scope may hold; ``pairs``, equal factor pairs, comes with them."""
    layer = layer_values(shapes, workload.batch_size) | {"b": drawn["model.kfac.block_size"][None, :]}
    model = {
        "N": workload.parameters,
        "N_t": workload.tensors,
        "F_o": workload.other_forward_flops,
        "pairs": 1,
    }
    return {
        Scope.MODEL: {letter: np.full((1, 1), float(value)) for letter, value in model.items()},
        Scope.LAYER: layer,
        Scope.FACTOR: _factor_values(workload, layer, drawn),
    }


def evaluate(parts: Iterable[Summand], values: Mapping[str, Draws]) -> dict[Summand, Draws]:
    """Values of many parts of formulas at once, each with both axes."""
    found = code.evaluate(parts, values)
    return {part: np.atleast_2d(np.asarray(value, dtype=float)) for part, value in found.items()}


def values_of(formulas: Sequence[Formula], values: Mapping[str, Draws]) -> dict[Formula, Draws]:
    """Values of many formulas at once, each with both axes."""
    found = evaluate([part for each in formulas for part in each.summands], values)
    return {each: np.asarray(code.add(found[part] for part in each.summands)) for each in formulas}


def layer_values(shapes: tuple[Shape, ...], batch_size: int) -> dict[str, Draws]:
    """Sizes of layers as columns, shape (shapes, 1)."""
    columns = {
        "d": [shape.input_dimension for shape in shapes],
        "a": [shape.input_factor_dimension for shape in shapes],
        "g": [shape.output_dimension for shape in shapes],
        "M": [shape.rows_per_example * batch_size for shape in shapes],
        "B": [batch_size] * len(shapes),
        "pairs": [shape.pairs for shape in shapes],
    }
    return {letter: np.array(values, dtype=float)[:, None] for letter, values in columns.items()}


def _factor_values(workload: Workload, layer: Mapping[str, Draws], drawn: Mapping[str, Draws]) -> dict[str, Draws]:
    """Factors A of all shapes, then factors G; with the constants of the analog machine."""
    values = {letter: drawn[path][None, :] for letter, path in ANALOG.items() if path in drawn}
    n = np.concatenate([layer["a"], layer["g"]])
    m = np.minimum(values.get("m", np.inf), n)  # an array is never more than full
    values["E_T"] = values["E_T"] * BOLTZMANN
    known = {
        "n": n,
        "k": np.concatenate([layer["g"], layer["a"]]),
        "pairs": np.concatenate([layer["pairs"], layer["pairs"]]),
        "M": np.concatenate([layer["M"], layer["M"]]),
        "B": np.concatenate([layer["B"], layer["B"]]),
        "m": m,
        "n_c": values.get("n_c", m),  # one converter a cell unless the card says otherwise
        "epsilon": drawn["model.kfac.relative_error"][None, :],
        "kappa": _condition_numbers(workload, layer, drawn),
    }
    return values | known | {"r": _ranks(workload, known, drawn)}


def _condition_numbers(workload: Workload, layer: Mapping[str, Draws], drawn: Mapping[str, Draws]) -> Draws:
    """Condition number of each factor, A above G, shape (2 x shapes, draws)."""
    if workload.kfac.condition_number is not None:
        given = drawn["model.kfac.condition_number"]
        return np.broadcast_to(given, (2 * len(layer["a"]), len(given)))
    damping, curvature = (drawn[f"model.kfac.{name}"][None, :] for name in ("damping", "mean_curvature"))
    sides = (("a", "input_stable_rank"), ("g", "output_stable_rank"))
    ranks = {side: drawn[f"model.kfac.{name}"][None, :] for side, name in sides}
    shared, formula = {"lambda": damping, "theta": curvature}, BEHIND["kappa"]
    each = ({**shared, "n": layer[side], "s_r": ranks[side]} for side, _ in sides)
    return np.concatenate([values_of([formula], values)[formula] for values in each])


def _ranks(workload: Workload, known: Mapping[str, Draws], drawn: Mapping[str, Draws]) -> Draws:
    """Columns of each factor's sketch, A above G, shape (2 x shapes, draws)."""
    if workload.kfac.rank is not None:
        return np.minimum(drawn["model.kfac.rank"][None, :], known["n"])
    shapes = len(known["n"]) // 2
    sides = (drawn[f"model.kfac.{side}_spectral_decay"] for side in ("input", "output"))
    decay = np.repeat(np.stack(list(sides)), shapes, axis=0)
    return values_of([BEHIND["r"]], {**known, "s_d": decay})[BEHIND["r"]]
