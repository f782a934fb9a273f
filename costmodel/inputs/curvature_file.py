"""Curvature files: JSON Lines, one Kronecker factor of one layer at one training step a line.

A = X^T X / rows over the inputs X of a layer, with a 1 appended for a bias; G = sum of g g^T / loss terms over the
gradients g of the summed loss with respect to its outputs. How a network is measured: docs/curvature.md.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from costmodel.curvature.roles import LayerRole
from costmodel.inputs.curvature_roles import roles_of
from costmodel.inputs.faults import Fault, InputError
from costmodel.quantities.names import unknown

#: Eigenvalues are kept at these ranks, about ten a decade.
RANKS: Final = (
    1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 64, 80, 100, 128, 160, 200, 250, 320, 400, 500, 640, 800,
    1000, 1280, 1600,
)  # fmt: skip
#: Eigenvalues are written with five digits, the smallest with four: what rounding can do to their order and sum.
_ROUNDING: Final = 1e-3
_MOST: Final = 10**12
_TEXTS: Final = ("network", "kind", "data", "layer")
_WHOLE: Final = {"width": 1, "step": 0, "n": 1, "rows": 1, "terms": 1, "position": 0, "layers": 1, "last_step": 0}
_OPTIONAL: Final = ("role", "position", "layers", "sharing", "fisher", "last_step")
_CHOICES: Final = {
    "side": ("A", "G"),
    "role": tuple(role.value for role in LayerRole),
    "sharing": ("expand", "reduce"),
    "fisher": ("sampled", "empirical"),
}


class Side(StrEnum):
    """Which of the two Kronecker factors of a layer."""

    A = "A"  # of its inputs
    G = "G"  # of the gradients with respect to its outputs


@dataclass(frozen=True, slots=True)
class FactorRecord:
    """One line: the spectrum of one factor of one layer at one step.

    Attributes:
        network: Name of the measured network.
        kind: Family, such as ``vit``; the names of its layers give their roles where none is recorded.
        width: Width of its hidden layers.
        data: What it was trained on.
        step: Optimizer steps taken before the measurement.
        loss: Mean loss there; None where it was not recorded.
        layer: Name of the layer.
        side: A or G.
        n: Order of the factor, for A with the bias.
        rows: Rows it was made from.
        terms: Terms of the loss that the gradients belong to.
        trace: Of the factor, exact.
        subspace: Whether only the leading eigenvalues were computed.
        eigenvalues: Pairs of rank, from 1 for the largest, and value.
        smallest: The smallest eigenvalue; None where only the leading ones are known.
        role: What the layer does; from the line, or by its name where the line says nothing.
        position: Index of the layer in forward order, from 0; None where it was not recorded.
        layers: Measurable layers of the network; None where it was not recorded.
        sharing: How positions that share a weight enter: ``expand`` or ``reduce``.
        fisher: Labels of the gradients: ``sampled`` from the model or ``empirical``.
        last_step: Step at which training ends; None where it was not recorded.
    """

    network: str
    kind: str
    width: int
    data: str
    step: int
    loss: float | None
    layer: str
    side: Side
    n: int
    rows: int
    terms: int
    trace: float
    subspace: bool
    eigenvalues: tuple[tuple[int, float], ...]
    smallest: float | None
    role: LayerRole = LayerRole.HIDDEN
    position: int | None = None
    layers: int | None = None
    sharing: str = "expand"
    fisher: str = "sampled"
    last_step: int | None = None

    @property
    def key(self) -> tuple[str, int, str, Side]:
        """What a file holds once."""
        return (self.network, self.step, self.layer, self.side)

    @property
    def stable_rank(self) -> float:
        """Trace over largest eigenvalue, from 1 to n; n for a factor of zeros, which damping alone conditions."""
        largest = self.eigenvalues[0][1]
        return self.trace / largest if largest > 0 else float(self.n)

    def as_dict(self) -> dict[str, Any]:
        """The line, with every key that is known."""
        line = {key: value for key, value in asdict(self).items() if key not in _OPTIONAL or value is not None}
        return {**line, "eigenvalues": {str(rank): value for rank, value in self.eigenvalues}}


@dataclass(frozen=True, slots=True)
class LayerCurvature:
    """Both factors of one layer at one step."""

    A: FactorRecord
    G: FactorRecord

    @property
    def theta(self) -> float:
        """Mean curvature (tr A / a)(tr G / g), in units of the damping."""
        return (self.A.trace / self.A.n) * (self.G.trace / self.G.n)

    def condition_number(self, side: Side, damping: float) -> float:
        """Of a factor damped by the pi rule, 1 + (n / stable rank) sqrt(theta / damping); exact for a singular one.

        Raises:
            ValueError: A side that is neither ``"A"`` nor ``"G"``.
        """
        factor = self.A if Side(side) is Side.A else self.G
        return 1 + factor.n / factor.stable_rank * math.sqrt(self.theta / damping)


def layers_of(records: list[FactorRecord]) -> list[LayerCurvature]:
    """Layers and steps of which both factors are known, in the order of the file."""
    found = {record.key: record for record in records}
    pairs = ((record, found.get((*record.key[:3], Side.G))) for record in records if record.side is Side.A)
    return [LayerCurvature(A, G) for A, G in pairs if G is not None]


def read_curvature(file: Path) -> list[FactorRecord]:
    """Read a curvature file.

    Raises:
        InputError: All faults at once: what is no record, lacks a key, is negative, no number or given twice.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError.about(str(file), f"cannot be read: {reason}") from None
    records = parse_curvature(text, str(file))
    if not records:
        raise InputError.about(str(file), "holds no factor; was it written by curvature measure?")
    return records


def parse_curvature(text: str, origin: str) -> list[FactorRecord]:
    """Read the text of a curvature file, which may be empty; ``origin`` names it in messages.

    Raises:
        InputError: As :func:`read_curvature`.
    """
    faults: list[Fault] = []
    records: list[FactorRecord] = []
    given: list[LayerRole | None] = []
    seen: dict[tuple[str, int, str, Side], int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        reader = _Line(origin, number, faults)
        record = reader.read(line)
        if record is None:
            continue
        if record.key in seen:
            what = f"{record.side} of this layer and step is given twice, first in line {seen[record.key]}"
            reader.fail("layer", what)
            continue
        seen[record.key] = number
        records.append(record)
        given.append(record.role if reader.has_role else None)
    if faults:
        raise InputError(faults)
    named = roles_of([(each.network, each.kind, each.layer, each.side, each.n) for each in records])
    return [replace(record, role=role or by_name) for record, role, by_name in zip(records, given, named, strict=True)]


class _Line:
    """Checks one line; what is wrong goes to a list of faults."""

    def __init__(self, origin: str, number: int, faults: list[Fault]) -> None:
        self.origin, self.number, self.faults = origin, number, faults
        self.has_role = False

    def fail(self, path: str, message: str, column: int = 1) -> None:
        self.faults.append(Fault(self.origin, self.number, column, path, message))

    def read(self, text: str) -> FactorRecord | None:
        """The record; None where the line is none."""
        before = len(self.faults)
        try:
            data = json.loads(text, parse_constant=_refuse, object_pairs_hook=_once)
        except RecursionError:
            self.fail("", "not valid JSON: nested too deeply")
            return None
        except ValueError as error:
            reason = error.msg.lower() if isinstance(error, json.JSONDecodeError) else str(error)
            self.fail("", f"not valid JSON: {reason}", getattr(error, "colno", 1))
            return None
        wanted = [name for name in FactorRecord.__dataclass_fields__ if name not in _OPTIONAL]
        if not isinstance(data, dict) or not {"layer", "side", "eigenvalues"} & set(data):
            self.fail("", "is no factor: expected an object with the keys " + ", ".join(wanted))
            return None
        for name in wanted:
            if name not in data:
                self.fail(name, "is missing")
        for name in sorted(set(data) - {*wanted, *_OPTIONAL}):
            self.fail(name, unknown("key", name, [*wanted, *_OPTIONAL]))
        for name, value in data.items():
            self._value(name, value)
        if len(self.faults) == before:
            self._together(data)
        if len(self.faults) > before:
            return None
        self.has_role = "role" in data
        roles = {"role": LayerRole(data["role"])} if self.has_role else {}
        pairs = tuple((int(rank), float(value)) for rank, value in data["eigenvalues"].items())
        return FactorRecord(**{**data, **roles, "side": Side(data["side"]), "eigenvalues": pairs})

    def _value(self, name: str, value: Any) -> None:
        """One key alone."""
        if name in _TEXTS:
            if not isinstance(value, str) or not value:
                self.fail(name, f"expected text, found {json.dumps(value)}")
        elif name in _WHOLE:
            if isinstance(value, bool) or not isinstance(value, int) or not _WHOLE[name] <= value <= _MOST:
                self.fail(name, f"expected a whole number from {_WHOLE[name]}, found {json.dumps(value)}")
        elif name in _CHOICES:
            if not isinstance(value, str) or value not in _CHOICES[name]:
                self.fail(name, f"{json.dumps(value)} is none of {', '.join(_CHOICES[name])}")
        elif name == "subspace":
            if not isinstance(value, bool):
                self.fail(name, f"expected true or false, found {json.dumps(value)}")
        elif name == "loss":
            if value is not None and not _number(value):
                self.fail(name, f"expected a number or null, found {json.dumps(value)}")
        elif name == "smallest":
            if value is not None:
                self._not_negative(name, value)
        elif name == "trace":
            self._not_negative(name, value)
        elif name == "eigenvalues":
            self._eigenvalues(value)

    def _not_negative(self, path: str, value: Any) -> None:
        if not _number(value):
            self.fail(path, f"expected a number, found {json.dumps(value)}")
        elif value < 0:
            self.fail(path, f"{value:g} is negative; a factor has no negative eigenvalue")

    def _eigenvalues(self, value: Any) -> None:
        if not isinstance(value, dict) or not value:
            self.fail("eigenvalues", 'expected an object of eigenvalues by rank, such as {"1": 3.9, "2": 3.7}')
            return
        ranks = [int(rank) if rank.isascii() and rank.isdigit() and len(rank) < 12 else 0 for rank in value]
        for rank, text, each in zip(ranks, value, value.values(), strict=True):
            if rank < 1:
                self.fail(f"eigenvalues.{text}", "expected a rank, a whole number from 1")
            self._not_negative(f"eigenvalues.{text}", each)
        if ranks[0] != 1 or any(low >= high for low, high in pairwise(ranks)):
            self.fail("eigenvalues", "expected rising ranks from 1, the largest eigenvalue")

    def _together(self, data: dict[str, Any]) -> None:
        """What keys say of each other."""
        values = data["eigenvalues"]
        for (high, before), (low, after) in pairwise(values.items()):
            if after > before * (1 + _ROUNDING):
                self.fail(f"eigenvalues.{low}", f"{after:g} is above {before:g}, the eigenvalue of rank {high}")
        last, value = list(values.items())[-1]
        if int(last) > data["n"]:
            self.fail(f"eigenvalues.{last}", f"a factor of order {data['n']} has no eigenvalue of this rank")
        total = sum(values.values())
        if total > data["trace"] * (1 + _ROUNDING):
            self.fail("trace", f"{data['trace']:g} is below {total:g}, the sum of the eigenvalues that are given")
        if data["smallest"] is not None and data["smallest"] > value * (1 + _ROUNDING):
            self.fail("smallest", f"{data['smallest']:g} is above {value:g}, the eigenvalue of rank {last}")
        if data["smallest"] is None and not data["subspace"]:
            self.fail("smallest", "expected a number where the whole spectrum was computed")
        if data.get("position") is not None and data.get("layers") is not None and data["position"] >= data["layers"]:
            self.fail("position", f"{data['position']} is not below {data['layers']}, the number of layers")
        if data.get("last_step") is not None and data["step"] > data["last_step"]:
            self.fail("step", f"{data['step']} is past {data['last_step']}, the last step of training")


def _number(value: Any) -> bool:
    """Whether a value is a finite number."""
    return not isinstance(value, bool) and isinstance(value, int | float) and abs(value) < 1e300


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"'{next(name for name in names if names.count(name) > 1)}' is given twice")
    return found
