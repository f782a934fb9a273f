"""Numbers for the symbols of the formulas: sizes from the network, the rest from draws.

Arrays have two axes: shapes (or shapes twice over, for the factors A and G) and draws; an axis nothing depends on has
length one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from costmodel.formulas import Formula, code, kfac
from costmodel.formulas.accuracy import couplings, iterations
from costmodel.formulas.accuracy.power_law import power_law_moments
from costmodel.formulas.code import Summand
from costmodel.formulas.thermo import noise
from costmodel.machines.analog_defaults import BOLTZMANN
from costmodel.machines.cards import RelaxationOf
from costmodel.methods import Delivery, Scope
from costmodel.projection import flaws
from costmodel.projection.curvature import LAW, STATED
from costmodel.projection.draws import Sample
from costmodel.projection.standing import Curvature, curvature
from costmodel.quantities.estimate import Draws, Quantity
from costmodel.workloads.workload import Shape, Workload

_EIGENVALUE: Final = RelaxationOf.LARGEST_EIGENVALUE
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
    "t_p": "analog.product_time",
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
    "r": iterations.low_rank_columns(),
    "chi": couplings.peak(),
}
_CONDITION: Final = ("condition_number", "damping", "mean_curvature", "input_stable_rank", "output_stable_rank")
_STABLE_RANKS: Final = ("input_stable_rank", "output_stable_rank")
_GAPS: Final = ("input_top_mode_gap", "output_top_mode_gap")
_DECAYS: Final = ("input_spectral_decay", "output_spectral_decay")
_SPECTRUM: Final = (*_CONDITION, *_STABLE_RANKS, *_GAPS, *_DECAYS)
_SYSTEMATIC: Final = ("diagonal_peak", "coupling_tolerance", "reading_tolerance", "mismatch_tolerance")
#: What training tolerates of each flaw alone, by symbol.
TOLERANCES: Final[Mapping[str, str]] = {
    "T_n": "model.kfac.sampling_tolerance",
    "T_t": "model.kfac.settling_tolerance",
    "T_c": "model.kfac.coupling_tolerance",
    "T_r": "model.kfac.reading_tolerance",
    "T_m": "model.kfac.mismatch_tolerance",
}
_CURVED_PATHS: Final[Mapping[str, tuple[str, ...]]] = {
    "theta": ("mean_curvature",),
    "s_r": _STABLE_RANKS,
    "eta": _GAPS,
    "s_d": _DECAYS,
    "kappa": _CONDITION,
    "d_e": _SPECTRUM,
    "q": _SPECTRUM,
    "s_2": _SPECTRUM,
    "mu_2": _SPECTRUM,
    "s_x": _SPECTRUM,
    "h": _SPECTRUM,
    "chi": ("diagonal_peak", *_SPECTRUM),
    "psi": ("diagonal_peak", *_STABLE_RANKS),
    "u_i": (*_SYSTEMATIC, *_SPECTRUM),
    "u_p": (*_SYSTEMATIC, *_SPECTRUM),
    "u_x": (*_SYSTEMATIC, *_SPECTRUM),
    "r": ("rank", "settling_tolerance", *_SPECTRUM),
}
#: Symbols whose values differ between layers of one shape.
CURVED: Final = frozenset(_CURVED_PATHS) | {"tau", "tau_o", "nu"}
_ROUNDED: Final = (ANALOG["b_in"], ANALOG["b_out"], ANALOG["delta"])
_PATHS: Final[Mapping[str, tuple[str, ...]]] = {
    letter: (path,) for letter, path in (*ANALOG.items(), *TOLERANCES.items())
} | {
    "u_i": _ROUNDED,
    "u_p": _ROUNDED,
    "u_x": _ROUNDED,
    "d_r": ("model.kfac.drift",),
    "beta_f": ("model.kfac.factor_decay",),
    "lambda": ("model.kfac.damping",),
    "b": ("model.kfac.block_size",),
}


def paths_behind(letter: str, found: Mapping[str, Quantity]) -> list[str]:
    """Paths of the quantities that a symbol rests on, of those a projection has."""
    paths = [path for path in _PATHS.get(letter, ()) if path in found]
    for name in _CURVED_PATHS.get(letter, ()):
        paths += [path for path in (f"model.kfac.{name}", f"{LAW}.{name}") if path in found]
        paths += [path for path in found if path.startswith(f"{STATED}.") and path.endswith(f".{name}")]
    return paths


@dataclass(frozen=True, slots=True)
class SymbolValues:
    """Values of the symbols of the formulas.

    Attributes:
        scopes: Of each scope, by letter; ``pairs``, equal factor pairs, comes with them.
        curved: Of the factors that stand for all of their shape: what their curvature decides, and all the rest.
        curvature: Which factors those are.
    """

    scopes: Mapping[Scope, Mapping[str, Draws]]
    curved: Mapping[str, Draws]
    curvature: Curvature


def symbol_values(
    workload: Workload,
    shapes: tuple[Shape, ...],
    sample: Sample,
    relaxation: RelaxationOf = _EIGENVALUE,
    deliveries: Collection[Delivery] = tuple(Delivery),
) -> SymbolValues:
    """Values of every symbol that a formula may hold.

    Args:
        workload: The network.
        shapes: Its distinct layer shapes.
        sample: The draws.
        relaxation: What the machine's times are times of.
        deliveries: What arrays give back, of which systematic errors are wanted.
    """
    drawn = sample.drawn
    layer = layer_values(shapes, workload.device_batch) | {"b": drawn["model.kfac.block_size"][None, :]}
    model = {
        "N": workload.parameters,
        "N_t": workload.tensors,
        "F_o": workload.other_forward_flops / workload.devices,
        "F_b": workload.other_input_gradient_flops / workload.devices,
        "pairs": 1,
    }
    devices = {"p": float(workload.devices), "f_g": workload.gradient_worker_fraction}
    model |= devices
    layer |= {letter: np.full((len(shapes), 1), value) for letter, value in devices.items()}
    factor = _factor_values(layer, drawn) | _intervals(workload, drawn)
    found = curvature(workload, shapes, sample)
    scopes = {
        Scope.MODEL: {letter: np.full((1, 1), float(value)) for letter, value in model.items()},
        Scope.LAYER: layer,
        Scope.FACTOR: factor,
    }
    curved = _curved_values(workload, factor, found, drawn)
    curved |= {flaws.SHARE[each]: _systematic_share(each, curved) for each in deliveries}
    return SymbolValues(scopes, curved | _on_the_machine(curved, relaxation), found)


def evaluate(parts: Iterable[Summand], values: Mapping[str, Draws]) -> dict[Summand, Draws]:
    """Values of many parts of formulas at once, each with both axes."""
    found = code.evaluate(parts, values)
    return {part: np.atleast_2d(np.asanyarray(value, dtype=float)) for part, value in found.items()}


def values_of(formulas: Sequence[Formula], values: Mapping[str, Draws]) -> dict[Formula, Draws]:
    """Values of many formulas at once, each with both axes."""
    found = evaluate([part for each in formulas for part in each.summands], values)
    return {each: np.asanyarray(code.add(found[part] for part in each.summands)) for each in formulas}


def layer_values(shapes: tuple[Shape, ...], batch_size: float) -> dict[str, Draws]:
    """Sizes of layers as columns, shape (shapes, 1)."""
    columns = {
        "d": [shape.input_dimension for shape in shapes],
        "a": [shape.input_factor_dimension for shape in shapes],
        "g": [shape.output_dimension for shape in shapes],
        "M": [shape.rows_per_example * batch_size for shape in shapes],
        "B": [batch_size] * len(shapes),
        "pairs": [shape.pairs for shape in shapes],
        "j": [shape.input_gradient for shape in shapes],
    }
    return {letter: np.array(values, dtype=float)[:, None] for letter, values in columns.items()}


def _factor_values(layer: Mapping[str, Draws], drawn: Mapping[str, Draws]) -> dict[str, Draws]:
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
    }
    return values | known | {letter: drawn[path][None, :] for letter, path in TOLERANCES.items()}


def _intervals(workload: Workload, drawn: Mapping[str, Draws]) -> dict[str, Draws]:
    """Steps between refreshes and between updates of factors, and what moves between them."""
    kfac = workload.kfac
    steps = {"i_r": ("refresh_interval", kfac.refresh_interval), "i_f": ("factor_interval", kfac.factor_interval)}
    found = {
        letter: np.atleast_2d(np.asanyarray(drawn.get(f"model.kfac.{name}", value), dtype=float))
        for letter, (name, value) in steps.items()
    }
    return found | {letter: drawn[_PATHS[letter][0]][None, :] for letter in ("d_r", "beta_f")}


def _curved_values(
    workload: Workload, factor: Mapping[str, Draws], found: Curvature, drawn: Mapping[str, Draws]
) -> dict[str, Draws]:
    """All symbols of the factors that stand for their shape."""
    values = {letter: found.spread(each) for letter, each in factor.items()} | found.values
    if workload.kfac.condition_number is not None:
        given = drawn["model.kfac.condition_number"]
        values["kappa"] = np.broadcast_to(given, (len(values["n"]), len(given)))
    else:
        values["lambda"] = drawn["model.kfac.damping"][None, :]
        values["kappa"] = _behind("kappa", values)
    values |= _spectrum(values)
    values["psi"] = np.minimum(drawn["model.kfac.diagonal_peak"][None, :], values["n"] / values["s_r"])
    values["chi"] = np.minimum(_behind("chi", values), 1.0)
    if workload.kfac.rank is not None:
        values["r"] = np.minimum(drawn["model.kfac.rank"][None, :], values["n"])
    else:
        values["r"] = _behind("r", values)
    return values


def _spectrum(values: Mapping[str, Draws]) -> dict[str, Draws]:
    """Moments of the spectra, and how much the factor solved last enlarges noise of the one before."""
    found = power_law_moments(*(values[letter] for letter in ("n", "kappa", "s_r", "eta", "s_d")))
    gain = np.sqrt(found["mu_2"] / found["s_x"])
    half = len(gain) // 2
    # A is solved first, G last.
    return found | {"h": np.concatenate([gain[half:], np.ones_like(gain[half:])])}


def _on_the_machine(values: Mapping[str, Draws], relaxation: RelaxationOf) -> dict[str, Draws]:
    """Noise and times of a machine, for a factor that is scaled to what its nodes and couplings hold."""
    swing = noise.solution_ratio()
    found = {"nu": values_of([swing], values)[swing]}
    if relaxation is RelaxationOf.LARGEST_COUPLING:
        # The largest coupling is the largest entry, chi of the largest eigenvalue.
        found["tau"] = values["tau"] * values["chi"]
        found["tau_o"] = values["tau_o"] * np.sqrt(values["chi"])
    return found


def _systematic_share(delivers: Delivery, values: Mapping[str, Draws]) -> Draws:
    """What flaws that no time removes take of what is tolerated in a layer, once for A and once for G."""
    causes = flaws.causes(delivers, mismatched="delta" in values)
    found = values_of([formula for each in causes.values() for formula in each], values)
    rows = len(values["kappa"])
    parts = {
        name: flaws.of_layers(np.broadcast_to(errors, (rows, errors.shape[1])))
        for name, errors in flaws.by_factor(causes, found).items()
    }
    layers = flaws.added(flaws.shares(parts, values).values())
    return np.concatenate([layers, layers])


def _behind(letter: str, values: Mapping[str, Draws]) -> Draws:
    """A symbol by the formula that stands behind it."""
    formula = BEHIND[letter]
    return values_of([formula], values)[formula]
