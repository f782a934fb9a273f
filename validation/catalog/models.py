"""What is in the catalog by tracing: for each model the code that makes it, its inputs, and its usual batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import version
from typing import Any, Final

import torch
from torch import nn

from costmodel.tracing.factory import import_torchvision
from costmodel.tracing.traced import Traced, from_torch

#: A module with its inputs.
Made = tuple[nn.Module, Any]


@dataclass(frozen=True, slots=True)
class Model:
    """One model of the catalog.

    Attributes:
        title: One line: what it is, with its size and the size of its inputs.
        library: The package on PyPI that its code is of.
        code: What of the package makes it, as it would be called.
        make: The module and the inputs, examples first.
        batch_size: Examples of a step, as it is commonly trained.
        examples: Examples in the inputs; the first dimension of the first without it.
        adam: Layers that nobody factors: outputs of vocabulary size.
        on_meta: Whether it is made on the meta device; edges of a graph need values.
    """

    title: str
    library: str
    code: str
    make: Callable[[], Made]
    batch_size: int
    examples: int | None = None
    adam: tuple[str, ...] = ()
    on_meta: bool = True


def trace(name: str) -> Traced:
    """Read a model from its library's code."""
    model = MODELS[name]
    import_torchvision()
    if model.on_meta:
        with torch.device("meta"):
            module, inputs = model.make()
    else:
        module, inputs = model.make()
    return from_torch(
        module,
        inputs,
        name=name,
        examples=model.examples,
        adam=model.adam,
        settings=[f"batch_size={model.batch_size}"],
        title=model.title,
        source=f"{model.code} of {model.library} {version(model.library.replace('_', '-'))}, read by costmodel trace",
    )


def _image(code: str, size: int = 224) -> Made:
    home, _, name = code.rpartition(".")
    if home == "timm":
        module = import_module("timm").create_model(name, num_classes=1000)
    else:
        module = getattr(import_module(home), name)()
    return module, torch.zeros(2, 3, size, size)


def _vision(title: str, code: str, size: int = 224, batch_size: int = 1024) -> Model:
    library = code.partition(".")[0]
    called = f"create_model('{code.partition('.')[2]}', num_classes=1000)" if library == "timm" else f"{code}()"
    return Model(title, library, called, partial(_image, code, size), batch_size)


def _text(name: str, tokens: int, sizes: dict[str, Any], *, decoder: bool = False, low: bool = False) -> Made:
    found = getattr(import_module("transformers"), name)
    module = found(found.config_class(**sizes))
    ids = torch.zeros(1, tokens, dtype=torch.int64)
    inputs = {"input_ids": ids, "decoder_input_ids": ids} if decoder else (ids,)
    # The grouped products of experts are there for bfloat16 alone.
    return module.to(torch.bfloat16) if low else module, inputs


def _language(
    title: str,
    name: str,
    tokens: int,
    batch_size: int,
    sizes: dict[str, Any],
    *,
    adam: tuple[str, ...] = (),
    **how: bool,
) -> Model:
    given = ", ".join(f"{key}={value}" for key, value in sizes.items())
    make = partial(_text, name, tokens, sizes, **how)
    return Model(f"{title}, {tokens} tokens", "transformers", f"{name}({given})", make, batch_size, adam=adam)


def _graph(name: str, layers: int, width: int, **sizes: Any) -> Made:
    from validation.catalog.graphs import molecules

    module = getattr(import_module("torch_geometric.nn"), name)(9, width, layers, 128, **sizes)
    return module, molecules()


def _graphs(title: str, name: str, layers: int, width: int, **sizes: Any) -> Model:
    from validation.catalog.graphs import GRAPHS

    given = "".join(f", {key}={value}" for key, value in sizes.items())
    code = f"nn.{name}(9, {width}, {layers}, 128{given})"
    make = partial(_graph, name, layers, width, **sizes)
    title = f"{title}, 26 nodes and 56 edges"
    return Model(title, "torch_geometric", code, make, 512, examples=GRAPHS, on_meta=False)


def _message_passing() -> Made:
    from validation.catalog.graphs import MessagePassing, batch_of_molecules, molecules

    return MessagePassing(), (*molecules(11, 5), batch_of_molecules())


def _graph_transformer() -> Made:
    from validation.catalog.graphs import EDGES, GRAPHS, NODES, GraphTransformer, batch_of_molecules, molecules

    kinds = torch.zeros(GRAPHS * EDGES, dtype=torch.int64)
    atoms = torch.zeros(GRAPHS * NODES, dtype=torch.int64)
    return GraphTransformer(), (atoms, molecules()[1], kinds, batch_of_molecules())


def _llama(width: int, depth: int, heads: int, inner: int) -> dict[str, Any]:
    return {
        "hidden_size": width, "num_hidden_layers": depth, "num_attention_heads": heads, "num_key_value_heads": 8,
        "intermediate_size": inner, "vocab_size": 128256,
    }  # fmt: skip


def _gpt2(width: int, depth: int, heads: int) -> dict[str, Any]:
    return {"n_embd": width, "n_layer": depth, "n_head": heads}


def _bert(width: int, depth: int, heads: int) -> dict[str, Any]:
    return {
        "hidden_size": width, "num_hidden_layers": depth, "num_attention_heads": heads, "intermediate_size": 4 * width,
    }  # fmt: skip


def _t5(width: int, depth: int, heads: int, inner: int) -> dict[str, Any]:
    return {"d_model": width, "num_layers": depth, "num_heads": heads, "d_ff": inner, "d_kv": 64}


_HEAD: Final = ("lm_head",)
_RESNETS: Final = {
    f"resnet{depth}": _vision(f"ResNet-{depth}, images of 224 x 224", f"torchvision.models.resnet{depth}")
    for depth in (18, 34, 50, 101, 152)
}
_VITS: Final = {
    f"vit_{short}": _vision(f"ViT-{title}, images of 224 x 224", f"timm.vit_{code}_224", batch_size=batch)
    for short, title, code, batch in (
        ("ti16", "Ti/16", "tiny_patch16", 1024),
        ("s16", "S/16", "small_patch16", 1024),
        ("b16", "B/16", "base_patch16", 1024),
        ("l16", "L/16", "large_patch16", 1024),
        ("h14", "H/14", "huge_patch14", 1024),
        ("g14", "g/14", "giant_patch14", 1024),
    )
}
MODELS: Final[dict[str, Model]] = {
    **_RESNETS,
    "densenet121": _vision("DenseNet-121, images of 224 x 224", "torchvision.models.densenet121", batch_size=256),
    "densenet201": _vision("DenseNet-201, images of 224 x 224", "torchvision.models.densenet201", batch_size=256),
    "inception_v4": _vision("Inception-v4, images of 299 x 299", "timm.inception_v4", 299, 256),
    "convnext_t": _vision("ConvNeXt-T, images of 224 x 224", "torchvision.models.convnext_tiny"),
    "convnext_b": _vision("ConvNeXt-B, images of 224 x 224", "torchvision.models.convnext_base"),
    **_VITS,
    "swin_t": _vision("Swin-T, images of 224 x 224", "timm.swin_tiny_patch4_window7_224"),
    "swin_b": _vision("Swin-B, images of 224 x 224", "timm.swin_base_patch4_window7_224"),
    "gin": _graphs("GIN of five layers, width 300", "GIN", 5, 300),
    "gcn": _graphs("GCN of five layers, width 300", "GCN", 5, 300),
    "gat": _graphs("GAT of five layers, width 304, 8 heads", "GAT", 5, 304, heads=8),
    "mpnn": Model(
        "MPNN of three rounds, width 64, 26 nodes and 56 edges", "torch_geometric",
        "nn.NNConv(64, 64) with a GRU and Set2Set, as examples/qm9_nn_conv.py", _message_passing, 512,
        examples=4, on_meta=False,
    ),
    "graph_transformer": Model(
        "GPS of ten layers, width 64, 26 nodes and 56 edges", "torch_geometric",
        "nn.GPSConv(64, GINEConv, heads=4), ten times", _graph_transformer, 512, examples=4, on_meta=False,
    ),
    "gpt2": _language("GPT-2, 124 M parameters", "GPT2LMHeadModel", 1024, 512, _gpt2(768, 12, 12)),
    "gpt2_medium": _language("GPT-2 medium, 355 M parameters", "GPT2LMHeadModel", 1024, 512, _gpt2(1024, 24, 16)),
    "gpt2_large": _language("GPT-2 large, 774 M parameters", "GPT2LMHeadModel", 1024, 512, _gpt2(1280, 36, 20)),
    "gpt2_xl": _language("GPT-2 XL, 1.5 G parameters", "GPT2LMHeadModel", 1024, 512, _gpt2(1600, 48, 25)),
    "llama_8b": _language(
        "Llama 3 of 8 G parameters", "LlamaForCausalLM", 8192, 512, _llama(4096, 32, 32, 14336), adam=_HEAD
    ),
    "llama_70b": _language(
        "Llama 3 of 70 G parameters", "LlamaForCausalLM", 8192, 2048, _llama(8192, 80, 64, 28672), adam=_HEAD
    ),
    "mixtral_8x7b": _language(
        "Mixtral 8x7B, two experts a token", "MixtralForCausalLM", 4096, 512, {"num_hidden_layers": 32}, adam=_HEAD,
        low=True,
    ),
    "bert_base": _language("BERT base", "BertForMaskedLM", 512, 256, _bert(768, 12, 12)),
    "bert_large": _language("BERT large", "BertForMaskedLM", 512, 256, _bert(1024, 24, 16)),
    "t5_base": _language("T5 base, as many tokens on either side", "T5ForConditionalGeneration", 512, 128,
                         _t5(768, 12, 12, 3072), decoder=True),
    "t5_large": _language("T5 large, as many tokens on either side", "T5ForConditionalGeneration", 512, 128,
                          _t5(1024, 24, 16, 4096), decoder=True),
}  # fmt: skip
