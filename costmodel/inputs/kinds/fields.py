"""What the schemas of layers share: sizes, counts, and layers that run over positions."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from costmodel.curvature.roles import LayerRole
from costmodel.inputs.schema import Name, Strict

LARGEST_COUNT: Final = 1e15

Size = Annotated[int, Field(ge=1, le=10**9)]
Count = Annotated[float, Field(gt=0, le=LARGEST_COUNT, allow_inf_nan=False)]


class Positioned(Strict):
    """A layer that runs over shared positions, tokens, pixels, nodes, edges or frames, and has a role.

    ``factored: false`` leaves it to Adam: its products and parameters count, and it has no factors.
    """

    name: Name
    positions: Count = 1.0
    calls: Size = 1
    role: Annotated[LayerRole, Field(strict=False)] | None = None
    factored: bool = True
