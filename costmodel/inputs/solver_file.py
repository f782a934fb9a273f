"""From ``solver.yaml``, what simulated trials say of the analog laws, to factors on those laws."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from costmodel.inputs.schema import QuantityEntry, Strict, report, validate
from costmodel.inputs.yaml_reader import Document
from costmodel.machines.solver import PREDICTIONS, LawFactor, SolverLaw, Span
from costmodel.quantities import units

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Factor(QuantityEntry, of=units.one):
    """Time over that of the law, which predicts it."""


class BoundedFactor(Factor, of=units.one):
    """Time over that of the law, which bounds it."""

    @model_validator(mode="after")
    def _bounded(self) -> BoundedFactor:
        largest = max(self.value, self.high or self.value)
        if largest > 1:
            raise ValueError(f"{largest:g} is above 1, which the law itself is")
        return self


class SpanEntry(Strict):
    """What the trials cover."""

    low: Positive
    high: Positive

    @model_validator(mode="after")
    def _ordered(self) -> SpanEntry:
        if self.low > self.high:
            raise ValueError(f"low {self.low:g} is above high {self.high:g}")
        return self

    def span(self) -> Span:
        """The entry as the model uses it."""
        return Span(self.low, self.high)


class PredictionEntry(Strict):
    """A law of the solver that predicts times; :class:`LawFactor` says more."""

    factor: Factor
    kappa: SpanEntry
    size: SpanEntry

    def law_factor(self) -> LawFactor:
        """The entry as the model uses it."""
        return LawFactor(self.factor.quantity(), self.kappa.span(), self.size.span())


class BoundEntry(PredictionEntry):
    """A law of the solver that bounds times."""

    factor: BoundedFactor


class SolverFile(Strict):
    """The top of a solver file: a factor for every law, since a law without one would be taken as it is."""

    schema_: Literal[1] = Field(alias="schema")
    kind: Literal["solver"]
    source: str
    settle_mean: BoundEntry
    settle_covariance: BoundEntry
    average_mean: BoundEntry
    average_covariance: PredictionEntry
    underdamped_settle_mean: BoundEntry
    underdamped_settle_covariance: BoundEntry
    underdamped_average_mean: BoundEntry
    underdamped_average_covariance: PredictionEntry


def solver_from(document: Document) -> dict[SolverLaw, LawFactor]:
    """Check a document against the schema and build the factors.

    Raises:
        InputError: All faults at once, each with its place.
    """
    file, faults = validate(SolverFile, document)
    report(document, faults)
    assert file is not None  # a missing file has faults
    return {law: getattr(file, law).law_factor() for law in SolverLaw}


assert set(SolverLaw) < set(SolverFile.model_fields)
assert {law for law in SolverLaw if SolverFile.model_fields[law].annotation is PredictionEntry} == PREDICTIONS
