"""What a projection knows of a network's curvature, as quantities with a range: what the model states, and the law."""

from __future__ import annotations

from typing import Final

import numpy as np

from costmodel.curvature.law import Target
from costmodel.curvature.roles import LayerRole
from costmodel.quantities.estimate import DEVIATE_95, Quantity, Status
from costmodel.quantities.units import one
from costmodel.workloads.workload import Layer, Workload

#: Where deviations from the law are found among the quantities of a projection.
LAW: Final = "curvature"
#: Where a model states curvature of layers and roles.
STATED: Final = "model.kfac.curvature"


def targets(workload: Workload) -> list[Target]:
    """What a projection has to know of a network's curvature."""
    given = workload.kfac.condition_number is not None
    return [target for target in Target if not (given and target is Target.MEAN_CURVATURE)]


def curvature_quantities(workload: Workload) -> dict[str, Quantity]:
    """What the model states of curvature, and how far the network as a whole may deviate from the law, by path.

    The latter are factors on the law's values; a target that the model states for all layers needs none.
    """
    kfac, law = workload.kfac, workload.kfac.curvature_law
    found: dict[str, Quantity] = {}
    for target in targets(workload):
        stated = {path: each for path, each in kfac.curvature.quantities().items() if path.endswith(f".{target}")}
        found |= {f"{STATED}.{path}": each for path, each in stated.items()}
        for_all: Quantity | None = getattr(kfac, target.value)
        if for_all is not None:
            found[f"model.kfac.{target}"] = for_all
        elif not _all_stated(workload, target):
            width = float(np.exp(DEVIATE_95 * law.targets[target].spread_in(workload.network).network))
            found[f"{LAW}.{target}"] = Quantity(1.0, 1 / width, width, one, Status.EXTRAPOLATED, law.source)
    return found


def _all_stated(workload: Workload, target: Target) -> bool:
    stated = workload.kfac.curvature
    return all(stated.of(layer.name, role_of(layer), target) is not None for layer in workload.layers)


def role_of(layer: Layer) -> LayerRole:
    """Role of a layer; one that stands alone has none of its own."""
    return layer.role or LayerRole.HIDDEN
