"""One step that is measured: from what its layers saw to lines of the file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from costmodel.curvature.roles import LayerRole
from costmodel.inputs.curvature_file import FactorRecord, Side
from costmodel.inputs.faults import InputError
from solver.kfac.capture import Call
from validation.curvature.factor import OuterSum
from validation.curvature.fisher import Fisher, loss_terms, sampled_loss
from validation.curvature.hooks import arranged, gradients
from validation.curvature.layers import Layer
from validation.curvature.roles import infer_roles
from validation.curvature.rows import rows_of_gradients, rows_of_inputs
from validation.curvature.settings import Described, Settings
from validation.curvature.spectrum import spectrum


@dataclass(frozen=True, slots=True)
class Observed:
    """What one call of ``observe`` was given; see there."""

    outputs: Tensor
    loss: Tensor | None
    mask: Tensor | None
    segments: Mapping[str, Tensor]
    examples: int
    terms: int


class Collection:
    """Factors of one step, added up over its observations.

    Args:
        step: Of training.
        described: What every line says, its width known.
        settings: How it is measured.
        layers: Every covered layer.
        due: Factors to measure, by layer and side.
    """

    def __init__(
        self,
        step: int,
        described: Described,
        settings: Settings,
        layers: Sequence[Layer],
        due: frozenset[tuple[str, Side]],
    ) -> None:
        self.step, self.described, self.settings, self.due = step, described, settings, due
        self.layers = {layer.name: layer for layer in layers}
        self.calls: dict[str, list[Call]] = {}
        self.observed = 0
        #: Layers that ran without rows or without an effect on the loss.
        self.unreached: list[str] = []
        self._order: list[str] = []
        self._roles: list[LayerRole] = []
        self._sums: dict[tuple[str, Side], OuterSum] = {}
        self._terms = 0
        self._losses: list[float] = []

    @property
    def is_complete(self) -> bool:
        """Whether it has had all its observations."""
        return self.observed == self.settings.observations

    def observe(self, given: Observed) -> Iterator[FactorRecord]:
        """Take one observation; lines are given out with the last one, a layer at a time.

        Raises:
            InputError: Something is not finite.
            RuntimeError: No covered layer ran with gradients.
        """
        calls = dict(self.calls)
        self.calls.clear()
        if not calls:
            raise RuntimeError("no covered layer ran with gradients inside step()")
        self._require(bool(given.outputs.isfinite().all()), "the outputs of the network are not finite")
        self._order = self._order or list(calls)
        self._roles = self._roles or infer_roles(
            [self.layers[name] for name in self._order],
            {name: len(each) for name, each in calls.items()},
            self.settings.roles,
        )
        summed = self._summed_loss(given)
        self.observed += 1
        wanted = [name for name in calls if {(name, side) for side in Side} & self.due]
        for start in range(0, len(wanted), self.settings.layers_at_once):
            group = wanted[start : start + self.settings.layers_at_once]
            self._add(group, calls, summed, given)
            if self.is_complete:
                for name in group:
                    yield from self._lines(name)
        self.calls.clear()  # checkpointed layers ran once more

    def _summed_loss(self, given: Observed) -> Tensor:
        """The loss whose gradients make G."""
        terms = given.terms or loss_terms(given.outputs, self.settings.likelihood, given.mask)
        self._require(terms > 0, "no term of the loss counts")
        self._terms += terms
        if given.loss is not None:
            loss = float(given.loss.detach())
            self._require(math.isfinite(loss), f"the loss is {loss:g}")
            self._losses.append(loss)
        if self.settings.fisher is Fisher.EMPIRICAL:
            if given.loss is None:
                raise ValueError("the empirical Fisher needs the loss: observe(outputs, loss=...)")
            return given.loss * terms
        generator = torch.Generator(given.outputs.device)
        generator.manual_seed((self.settings.seed * 1_000_003 + self.step) * 1_009 + self.observed)
        return sampled_loss(given.outputs, self.settings.likelihood, generator, given.mask)

    def _add(self, names: Sequence[str], calls: Mapping[str, Sequence[Call]], summed: Tensor, given: Observed) -> None:
        """Add what some layers saw to their factors."""
        flat = [(name, call) for name in names for call in calls[name]]
        found = gradients(summed, [call for _, call in flat])
        for (name, call), gradient in zip(flat, found, strict=True):
            layer, segments = self.layers[name], given.segments.get(name)
            if (name, Side.A) in self.due:
                outer = self._sums.setdefault((name, Side.A), OuterSum(layer.inputs))
                x = layer.as_rows_take_it(arranged(call, call.inputs))
                for rows in rows_of_inputs(layer, x, self.settings.sharing, segments, given.examples):
                    outer.add(rows)
            if (name, Side.G) in self.due:
                outer = self._sums.setdefault((name, Side.G), OuterSum(layer.outputs))
                if gradient is None:
                    continue  # the loss does not depend on this call
                g = layer.as_rows_take_it(arranged(call, gradient))
                for rows in rows_of_gradients(layer, g, self.settings.sharing, segments, given.examples):
                    outer.add(rows)

    def _lines(self, name: str) -> Iterator[FactorRecord]:
        """Lines of one layer, whose sums are then given up; none where the loss does not depend on it."""
        sums = {side: outer for side in Side if (outer := self._sums.pop((name, side), None)) is not None}
        if any(outer.rows == 0 for outer in sums.values()):
            self.unreached.append(name)
            return
        for side, outer in sums.items():
            what = "inputs" if side is Side.A else "gradients"
            self._require(math.isfinite(outer.trace), f"layer '{name}': its {what} are not finite")
            found = spectrum(outer, outer.rows if side is Side.A else self._terms)
            yield FactorRecord(
                network=self.described.network,
                kind=self.described.kind,
                width=self.described.width,
                data=self.described.data,
                step=self.step,
                loss=sum(self._losses) / len(self._losses) if self._losses else None,
                layer=name,
                side=side,
                n=outer.n,
                rows=outer.rows,
                terms=self._terms,
                trace=found.trace,
                subspace=found.smallest is None,
                eigenvalues=found.eigenvalues,
                smallest=found.smallest,
                role=self._roles[self._order.index(name)],
                position=self._order.index(name),
                layers=len(self._order),
                sharing=self.settings.sharing.value,
                fisher=self.settings.fisher.value,
                last_step=self.described.last_step,
            )

    def _require(self, holds: bool, message: str) -> None:
        if not holds:
            raise InputError.about(self.described.network, f"step {self.step}: {message}")
