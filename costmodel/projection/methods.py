"""The methods of a comparison as one workload has them."""

from __future__ import annotations

from functools import cache

from costmodel.methods import METHODS, FactorConstruction, Method, phases
from costmodel.methods.distribution import distributed
from costmodel.methods.registry import Build
from costmodel.workloads.workload import Fisher, Workload


def methods_of(workload: Workload) -> list[Method]:
    """Every registered method with the factors, the Fisher and the devices that a workload states."""
    methods = [_built(build, workload.kfac.factor_construction) for build in METHODS.values()]
    if workload.kfac.fisher is Fisher.EMPIRICAL:
        methods = [method.without(phases.SAMPLED_BACKWARD) for method in methods]
    if workload.devices > 1:
        methods = [distributed(method) for method in methods]
    return methods


@cache
def _built(build: Build, construction: FactorConstruction) -> Method:
    """A method, built once: at each of many points it is the same."""
    return build(construction)
