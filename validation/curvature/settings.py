"""What is measured and how, apart from the network itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from costmodel.curvature.roles import LayerRole
from solver.kfac.factors import Sharing
from validation.curvature.fisher import Fisher, Likelihood


@dataclass(frozen=True, slots=True)
class Described:
    """What every line of a measured network says.

    Attributes:
        network: Its name; with the step and the layer it is the key under which a file holds a factor.
        kind: Family, free text.
        width: Width of its hidden layers; 0 stands for the number of outputs that most layers have.
        data: What it is trained on.
        last_step: Step at which training ends; None where that is not known.
    """

    network: str
    kind: str = "custom"
    width: int = 0
    data: str = "own"
    last_step: int | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """How it is measured.

    Attributes:
        likelihood: What the outputs stand for.
        fisher: Labels drawn from the model, or the true ones.
        sharing: How positions that share a weight enter.
        layers: Shell patterns of the names to measure; all without.
        roles: Roles by shell pattern of names, before any that is inferred.
        observations: Calls of ``observe`` a measured step has, as where gradients are accumulated over parts of a
            batch; with more than one the factors of all layers are held at once.
        layers_at_once: Layers whose gradients are held together; each such group costs a backward pass.
        seed: Of the drawn labels.
    """

    likelihood: Likelihood = Likelihood.CATEGORICAL
    fisher: Fisher = Fisher.SAMPLED
    sharing: Sharing = Sharing.EXPAND
    layers: tuple[str, ...] = ()
    roles: Mapping[str, LayerRole] = field(default_factory=dict)
    observations: int = 1
    layers_at_once: int = 8
    seed: int = 0
