"""What holds of K-FAC where a model says nothing is data of the catalog."""

from costmodel.formulas.kfac.factors import FactorConstruction
from costmodel.inputs.loading import load_workload
from costmodel.inputs.workload_file import kfac_defaults
from costmodel.inputs.workload_schema import KfacEntry
from costmodel.quantities.estimate import Status
from costmodel.workloads.workload import FactorProducts, WeightSharing


def test_every_setting_has_a_default_but_those_that_replace_others() -> None:
    missing = {name for name in KfacEntry.model_fields if getattr(kfac_defaults(), name) is None}
    assert missing == {"condition_number", "rank"}


# A change here changes every answer: it wants a human who says why.
def test_golden_defaults() -> None:
    kfac = load_workload("mlp").kfac
    assert (kfac.weight_sharing, kfac.factor_products) == (WeightSharing.EXPAND, FactorProducts.FULL)
    assert (kfac.factor_interval, kfac.refresh_interval) == (10, 100)
    ranges = {
        "damping": (1e-3, 1e-3, 1e-3),
        "mean_curvature": (1e-6, 2e-4, 6e-2),
        "input_stable_rank": (1.02, 1.2, 1.5),
        "output_stable_rank": (1.9, 3.8, 6.0),
        "relative_error": (0.06, 0.1, 0.3),
        "input_spectral_decay": (2.0, 2.9, 4.5),
        "output_spectral_decay": (1.8, 2.2, 2.7),
        "block_size": (1024, 1024, 1024),
    }
    found = {name: getattr(kfac, name) for name in ranges}
    assert {name: (each.low, each.value, each.high) for name, each in found.items()} == ranges
    sourced = {name for name, each in found.items() if each.status is Status.SOURCED}
    assert sourced == {"damping", "block_size"}


def test_factor_constructions_are_named_as_their_formulas() -> None:
    settings = ["kfac.weight_sharing=reduce", "kfac.factor_products=symmetric"]
    found = [load_workload("mlp", settings[:count]).kfac.factor_construction for count in (0, 1, 2)]
    assert found == ["expand", "reduce", "reduce.symmetric"]
    assert all(isinstance(each, FactorConstruction) for each in found)
