"""Every traced model of the catalog is what its library's code gives, and does what torch counts of it."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from costmodel.inputs.loading import load_workload
from costmodel.tracing.factory import import_torchvision
from validation.catalog.models import MODELS, trace

#: Larger sizes of what a smaller one is run of.
LARGE = {
    "resnet34", "resnet101", "resnet152", "densenet201", "convnext_b", "vit_b16", "vit_l16", "vit_h14", "vit_g14",
    "swin_b", "gpt2_medium", "gpt2_large", "gpt2_xl", "llama_70b", "bert_large", "t5_large", "mixtral_8x7b",
}  # fmt: skip
EACH = [pytest.param(name, marks=pytest.mark.slow if name in LARGE else ()) for name in MODELS]


@pytest.mark.parametrize("name", EACH)
def test_the_shipped_shapes_are_those_of_the_code(name: str) -> None:
    traced, shipped = trace(name), load_workload(name)
    assert traced.layers == shipped.layers
    assert traced.others == shipped.others
    assert (traced.network, traced.loss_terms, traced.batch_size) == (
        shipped.network, shipped.loss_terms, shipped.batch_size,
    )  # fmt: skip


#: As their libraries and papers give them.
PARAMETERS = {
    "resnet18": 11_689_512, "resnet50": 25_557_032, "resnet152": 60_192_808, "densenet121": 7_978_856,
    "convnext_t": 28_589_128, "vit_b16": 86_567_656, "swin_t": 28_288_354, "gpt2": 124_439_808,
    "gpt2_xl": 1_557_611_200, "llama_8b": 8_030_261_248, "llama_70b": 70_553_706_496, "mixtral_8x7b": 46_702_792_704,
}  # fmt: skip


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_the_published_ones(name: str) -> None:
    assert load_workload(name).parameters == PARAMETERS[name]


#: What torch leaves out of its count.
OVER_EDGES = {"aggregation", "edge_softmax"}
COUNTED = [
    "resnet18", "resnet50", "densenet121", "inception_v4", "convnext_t", "vit_s16", "swin_t", "gpt2", "bert_base",
    "t5_base", "gin", "mpnn",
]  # fmt: skip


@pytest.mark.parametrize("name", COUNTED)
def test_forward_flops_are_those_that_torch_counts(name: str) -> None:
    """Sums over edges are not among them: torch counts products alone."""
    import_torchvision()
    model, shipped = MODELS[name], load_workload(name)
    with torch.device("meta"):
        module, inputs = model.make()
        given = list(inputs.values()) if isinstance(inputs, dict) else inputs if isinstance(inputs, tuple) else [inputs]
        with FlopCounterMode(display=False) as counter:
            module(**inputs) if isinstance(inputs, dict) else module(*given)
    examples = model.examples or len(given[0])
    layers = sum(
        2 * layer.positions * layer.calls * layer.pairs * layer.input_dimension * layer.output_dimension
        for layer in shipped.layers
    )
    others = sum(other.forward_flops_per_example for other in shipped.others if other.kind not in OVER_EDGES)
    assert (layers + others) * examples == pytest.approx(counter.get_total_flops(), rel=1e-12)
