"""From ``catalog/curvature.yaml``, what measured networks say of curvature, to the law of a projection."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from costmodel.curvature.law import STAGES, CurvatureLaw, RoleEffect, Spread, Target, TargetLaw
from costmodel.curvature.roles import LayerRole, NetworkKind
from costmodel.inputs.schema import Strict, report, validate
from costmodel.inputs.yaml_reader import Document, read_yaml

_SHIPPED: Final = Path(__file__).parents[1] / "catalog" / "curvature.yaml"

Effect = Annotated[float, Field(allow_inf_nan=False)]
Stages = Annotated[list[Effect], Field(min_length=len(STAGES), max_length=len(STAGES))]
Deviation = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class RoleEntry(Strict):
    """What a role adds; :class:`RoleEffect` says more."""

    stages: Stages
    width: Effect = 0.0
    entrance: Effect = 0.0
    depth: Effect = 0.0

    def effect(self) -> RoleEffect:
        """The entry as the model uses it."""
        return RoleEffect(tuple(self.stages), self.width, self.entrance, self.depth)


class SpreadEntry(Strict):
    """Standard deviations of logarithms; :class:`Spread` says more."""

    network: Deviation
    stage: Deviation
    role: Deviation
    layer: Deviation
    early: Deviation

    def spread(self) -> Spread:
        """The entry as the model uses it."""
        return Spread(self.network, self.stage, self.role, self.layer, self.early)


class TargetEntry(Strict):
    """The law of one target; :class:`TargetLaw` says more."""

    stages: Stages
    width: Effect
    sharing: Effect
    spread: SpreadEntry
    spread_elsewhere: SpreadEntry
    networks: dict[Annotated[NetworkKind, Field(strict=False)], Stages]
    roles: dict[Annotated[LayerRole, Field(strict=False)], RoleEntry]

    def law(self) -> TargetLaw:
        """The entry as the model uses it."""
        return TargetLaw(
            tuple(self.stages),
            self.width,
            self.sharing,
            {role: entry.effect() for role, entry in self.roles.items()},
            {kind: tuple(stages) for kind, stages in self.networks.items()},
            self.spread.spread(),
            self.spread_elsewhere.spread(),
        )


class CurvatureLawFile(Strict):
    """The top of a file of curvature laws: one for every target."""

    schema_: Literal[1] = Field(alias="schema")
    kind: Literal["curvature"]
    source: str
    widths: Annotated[list[Deviation], Field(min_length=2, max_length=2)]
    mean_curvature: TargetEntry
    input_stable_rank: TargetEntry
    output_stable_rank: TargetEntry
    input_top_mode_gap: TargetEntry
    output_top_mode_gap: TargetEntry
    input_spectral_decay: TargetEntry
    output_spectral_decay: TargetEntry

    def conflicts(self) -> Iterator[str]:
        """Widths in the wrong order."""
        smallest, largest = self.widths
        if smallest > largest:
            yield f"the smallest width {smallest:g} is above the largest {largest:g}"


def law_from(document: Document) -> CurvatureLaw:
    """Check a document against the schema and build the law.

    Raises:
        InputError: All faults at once, each with its place.
    """
    file, faults = validate(CurvatureLawFile, document)
    report(document, faults)
    assert file is not None  # a missing file has faults
    smallest, largest = file.widths
    laws = {target: getattr(file, target.value).law() for target in Target}
    return CurvatureLaw(file.source, (smallest, largest), laws)


@cache
def shipped_law() -> CurvatureLaw:
    """The law of the catalog."""
    return law_from(read_yaml(_SHIPPED))


assert set(Target) < set(CurvatureLawFile.model_fields)
