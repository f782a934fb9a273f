"""What holds of K-FAC where a model says nothing is data of the catalog."""

from costmodel.curvature.law import Target
from costmodel.curvature.measured import MeasuredCurvature
from costmodel.formulas.kfac.factors import FactorConstruction
from costmodel.inputs.curvature_law_file import shipped_law
from costmodel.inputs.loading import load_workload
from costmodel.inputs.workload_file import kfac_defaults
from costmodel.inputs.workload_schema import KfacEntry
from costmodel.quantities.estimate import Status
from costmodel.workloads.workload import FactorProducts, WeightSharing


def test_every_setting_has_a_default_but_curvature_and_what_replaces_others() -> None:
    """Curvature follows from its law, and a stage left out stands for the whole run."""
    missing = {name for name in KfacEntry.model_fields if getattr(kfac_defaults(), name) is None}
    assert missing == {"condition_number", "rank", "training_stage", "curvature", *Target}


# A change here changes every answer: it wants a human who says why.
def test_golden_defaults() -> None:
    kfac = load_workload("mlp").kfac
    assert (kfac.weight_sharing, kfac.factor_products) == (WeightSharing.EXPAND, FactorProducts.FULL)
    assert (kfac.factor_interval, kfac.refresh_interval) == (10, 100)
    ranges = {
        "damping": (1e-3, 1e-3, 1e-3),
        "drift": (0.05, 0.3, 0.9),
        "factor_decay": (0.95, 0.95, 0.95),
        "diagonal_peak": (2, 6, 20),
        "block_size": (1024, 1024, 1024),
    }
    found = {name: getattr(kfac, name) for name in ranges}
    assert {name: (each.low, each.value, each.high) for name, each in found.items()} == ranges
    sourced = {name for name, each in found.items() if each.status is Status.SOURCED}
    assert sourced == {"damping", "factor_decay", "block_size"}
    assert kfac.curvature_law is shipped_law()
    assert (kfac.curvature, kfac.training_stage) == (MeasuredCurvature(), None)
    assert [getattr(kfac, target) for target in Target] == [None] * 7


def test_factor_constructions_are_named_as_their_formulas() -> None:
    settings = ["kfac.weight_sharing=reduce", "kfac.factor_products=symmetric"]
    found = [load_workload("mlp", settings[:count]).kfac.factor_construction for count in (0, 1, 2)]
    assert found == ["expand", "reduce", "reduce.symmetric"]
    assert all(isinstance(each, FactorConstruction) for each in found)
