"""A probe that a training loop passes at chosen steps, to write down the curvature of its network's layers."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from torch import Tensor, nn

from costmodel.curvature.roles import LayerRole
from costmodel.inputs.curvature_file import FactorRecord, Side, parse_curvature
from costmodel.inputs.faults import Fault, InputError
from solver.kfac.factors import Sharing
from validation.appending import LineFile
from validation.curvature.collection import Collection, Observed
from validation.curvature.fisher import Fisher, Likelihood
from validation.curvature.hooks import watching
from validation.curvature.layers import chosen, layers_of, leftovers, usual_width
from validation.curvature.settings import Described, Settings

#: How a line of a curvature file begins.
_START: Final = '{"network": "'
#: Types of modules that are shown as not measured, where they hold at least this share of the parameters.
_SHOWN: Final = 1e-3


class CurvatureProbe:
    """Measures both Kronecker factors of every covered layer of a network while it trains.

        with CurvatureProbe(model, out="mine.jsonl", at=[0, 30, 150], network="mine") as probe:
            for step, (x, y) in enumerate(loader):
                with probe.step(step):
                    outputs = model(x)
                    loss = cross_entropy(outputs, y)
                    probe.observe(outputs, loss=loss)
                loss.backward()
                ...

    At other steps ``step`` and ``observe`` do nothing, and no hook is left on the model. Drawn labels come from a
    generator of the probe's own, so that training is the same with it and without. What the file holds is not measured
    again.

    Args:
        model: Its linear layers, ungrouped convolutions and projections of ``nn.MultiheadAttention`` are measured.
        out: File of lines, made where it is missing.
        at: Steps to measure.
        network: Name under which the lines stand.
        kind: Family of the network, free text.
        width: Width of its hidden layers; 0 stands for the number of outputs that most layers have.
        data: What it is trained on.
        last_step: Step at which training ends, from which its stage follows; without it the last that the file holds.
        quiet: No progress on standard error.
        settings: How it is measured, as a whole or by the keywords of :class:`~validation.curvature.settings.Settings`.

    Raises:
        InputError: The file is of another format or was measured otherwise, a pattern fits no layer, or none is
            covered.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        out: str | Path,
        at: Iterable[int],
        network: str,
        kind: str = "custom",
        width: int = 0,
        data: str = "own",
        last_step: int | None = None,
        likelihood: Likelihood | str = Likelihood.CATEGORICAL,
        fisher: Fisher | str = Fisher.SAMPLED,
        sharing: Sharing | str = Sharing.EXPAND,
        layers: Sequence[str] = (),
        roles: Mapping[str, LayerRole | str] | None = None,
        observations: int = 1,
        layers_at_once: int = 8,
        seed: int = 0,
        quiet: bool = False,
    ) -> None:
        self.settings = Settings(
            Likelihood(likelihood),
            Fisher(fisher),
            Sharing(sharing),
            tuple(layers),
            {pattern: LayerRole(role) for pattern, role in (roles or {}).items()},
            observations,
            layers_at_once,
            seed,
        )
        self.at, self.quiet = frozenset(at), quiet
        self.layers = layers_of(model)
        self._check(network)
        self.described = Described(network, kind, width or usual_width(self.layers), data, last_step)
        wanted = chosen(self.layers, self.settings.layers)
        self._factors = frozenset((layer.name, side) for layer in wanted for side in Side)
        self._current: Collection | None = None
        self._file = LineFile(Path(out), _START)
        try:
            self._done = self._take_up()
        except InputError:
            self._file.close()
            raise
        self._say(_not_measured(model, self))

    def __enter__(self) -> CurvatureProbe:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Let others write the file."""
        self._file.close()

    def due(self, step: int) -> frozenset[tuple[str, Side]]:
        """Factors of a step, by layer and side, that are to be measured and not in the file."""
        return frozenset(each for each in self._factors if (step, *each) not in self._done and step in self.at)

    @contextmanager
    def step(self, step: int) -> Iterator[None]:
        """Hold the forward pass of one training step, counted from 0, and ``observe`` after it.

        Raises:
            RuntimeError: The step is to be measured, and ``observe`` was called less often than announced.
        """
        due = self.due(step)
        if not due:
            yield
            return
        self._current = Collection(step, self.described, self.settings, self.layers, due)
        try:
            with watching(self.layers) as capture:
                self._current.calls = capture.calls
                yield
            if not self._current.is_complete:
                times = f"{self._current.observed} of {self.settings.observations} times"
                raise RuntimeError(f"step {step} is to be measured, but observe() was called {times}")
        finally:
            self._current = None

    def observe(
        self,
        outputs: Tensor,
        *,
        loss: Tensor | None = None,
        mask: Tensor | None = None,
        segments: Mapping[str, Tensor] | None = None,
        examples: int = 0,
        terms: int = 0,
    ) -> None:
        """Measure, after the forward pass and before the backward pass that frees the graph.

        Args:
            outputs: Of the network: logits with classes last, logits of binary labels, or predictions.
            loss: The mean loss, which is recorded; the empirical Fisher needs it.
            mask: True where a term of the loss counts, such as a token that is no padding.
            segments: With ``reduce``, for layers of a graph network by name: the graph of each row of the input.
            examples: Graphs, where there are segments; without it the leading dimension of the outputs.
            terms: Terms that the mean loss averages over, where it is not one a row of logits (cross entropy) or one
                an example (the other two).

        Raises:
            InputError: The loss or something that a layer saw is not finite.
            RuntimeError: No covered layer ran with gradients.
        """
        current = self._current
        if current is None or current.is_complete:
            return
        count = examples or int(outputs.shape[0])
        for record in current.observe(Observed(outputs, loss, mask, segments or {}, count, terms)):
            self._file.append(record.as_dict())
            self._done.add(record.key[1:])
            self._progress(current, record)
        if current.is_complete and not self.quiet:
            print(file=sys.stderr)  # ends the line of progress
        if current.unreached:
            self._say(f"step {current.step}: without an effect on the loss: {', '.join(current.unreached)}")

    def _progress(self, current: Collection, record: FactorRecord) -> None:
        done = len(current.due) - len(self.due(current.step))
        line = f"\rstep {current.step}: {done} of {len(current.due)} factors, {record.layer}"
        if not self.quiet:
            print(f"{line:79.79}", end="", file=sys.stderr, flush=True)

    def _check(self, network: str) -> None:
        """Refuse a network without covered layers, and patterns that fit none."""
        if not self.layers:
            what = "linear, convolution or nn.MultiheadAttention with a trained weight"
            raise InputError.about(network, f"has no layer that can be measured: {what}")
        faults = [
            Fault(option, 0, 0, "", f"'{pattern}' fits no layer; there are {', '.join(x.name for x in self.layers)}")
            for option, patterns in (("layers", self.settings.layers), ("roles", self.settings.roles))
            for pattern in patterns
            if not chosen(self.layers, [pattern])
        ]
        if faults:
            raise InputError(faults)

    def _take_up(self) -> set[tuple[int, str, Side]]:
        """What the file holds of this network; lines of others stay beside it."""
        records = self._file.read(lambda text: parse_curvature(text, self._file.name))
        own = [record for record in records if record.network == self.described.network]
        here = replace(self.described), self.settings.sharing.value, self.settings.fisher.value
        for record in own:
            last = record.last_step if record.last_step is not None else self.described.last_step
            about = Described(record.network, record.kind, record.width, record.data, last)
            there = about, record.sharing, record.fisher
            if there != here:
                what = next(f"{old} where this is {new}" for old, new in _values(there, here) if old != new)
                message = f"holds '{record.network}' measured otherwise, with {what}; choose another --out or --network"
                raise InputError.about(self._file.name, message)
        return {record.key[1:] for record in own}

    def _say(self, message: str) -> None:
        if message and not self.quiet:
            print(message, file=sys.stderr)


def _values(*sides: tuple[Described, str, str]) -> Iterator[tuple[str, str]]:
    texts = [
        (
            f"kind {each.kind}",
            f"width {each.width}",
            f"data {each.data}",
            f"training to step {each.last_step}",
            f"sharing {sharing}",
            f"fisher {fisher}",
        )
        for each, sharing, fisher in sides
    ]
    return zip(*texts, strict=True)


def _not_measured(model: nn.Module, probe: CurvatureProbe) -> str:
    """What the measurement does not cover, in one line; empty where that is nothing to speak of."""
    left = [each for each in leftovers(model, chosen(probe.layers, probe.settings.layers)) if each.share >= _SHOWN]
    parts = ", ".join(f"{each.what} {each.share:.1%}" for each in left)
    return f"{probe.described.network}: not measured, by share of the parameters: {parts}" if parts else ""
