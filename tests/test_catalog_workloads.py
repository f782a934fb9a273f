"""Shipped workloads, layers of every kind, and the examples."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

from costmodel.curvature.roles import LayerRole
from costmodel.inputs.faults import InputError
from costmodel.inputs.loading import CATALOG, catalog_names, load_workload
from costmodel.projection.counts import count
from costmodel.quantities.estimate import Status
from costmodel.workloads.workload import Layer, Unfactored, Workload
from validation.catalog.models import MODELS

EXAMPLES = Path(__file__).parents[1] / "examples"
ALGOPERF = [
    "criteo1tb",
    "fastmri",
    "imagenet_resnet",
    "imagenet_vit",
    "librispeech_conformer",
    "librispeech_deepspeech",
    "ogbg",
    "wmt",
]


@dataclass(frozen=True)
class Golden:
    """Totals of one step at full batch, factored layers only; parameters are those of the whole model."""

    parameters: int
    matrices: int
    pairs: int
    forward_backward: int
    factors_expand: int
    factors_reduce: int
    inverse: int
    precondition: int
    other_forward: int


# =====================================================================================================================
# GOLDEN VALUES. A change here is a change of meaning: it wants a human who says why.
#
# AlgoPerf: summed in exact integers by a separate script from tables of every parameter-bearing layer of the
# instantiated PyTorch models (algorithmic-efficiency at 2c90454), not from our YAML; parameters equal the sum over
# model.parameters(). ResNet-50's forward pass is the 4.09 G multiply-adds an image that the literature gives it.
# gpt: 12 blocks of (a, g) = (769, 2304), (769, 768), (769, 3072), (3073, 768) and 512 x 1024 rows; parameters are those
# of GPT-2 small. mlp: (785, 1024), 3 x (1025, 1024), (1025, 10) and 1024 rows.
# forward_backward: 6 M d g a layer, 4 M d g where a layer takes the network's input. Those are the first of each, and
# both embedders of ogbg; behind the embeddings of wmt and gpt there is none.
# other_forward: attention 4 T^2 width a block and the tied projection 2 T width vocabulary, by hand:
#   imagenet_vit           1024 * 12 * 4 * 196^2 * 384
#   wmt                    128 * ((6 + 2 * 6) * 4 * 256^2 * 1024 + 2 * 256 * 1024 * 32000)
#   librispeech_conformer  256 * 4 * 4 * 500^2 * 512
#   gpt                    512 * (12 * 4 * 1024^2 * 768 + 2 * 1024 * 768 * 50257)
# =====================================================================================================================
GOLDEN = {
    "imagenet_vit": Golden(
        parameters=22_122_472,
        matrices=75,
        pairs=75,
        forward_backward=25_810_113_134_592,
        factors_expand=30_164_616_556_544,
        factors_reduce=156_843_137_024,
        inverse=95_561_597_515,
        precondition=67_363_931_728,
        other_forward=725_077_721_088,
    ),
    "imagenet_resnet": Golden(
        parameters=25_557_032,
        matrices=54,
        pairs=54,
        forward_backward=24_882_255_495_168,
        factors_expand=51_363_972_777_984,
        factors_reduce=315_087_998_976,
        inverse=452_798_667_340,
        precondition=156_157_878_480,
        other_forward=0,
    ),
    "ogbg": Golden(
        parameters=3_554_176,
        matrices=18,
        pairs=18,
        forward_backward=325_151_883_264,
        factors_expand=456_720_982_016,
        factors_reduce=14_322_896_896,
        inverse=12_445_280_184,
        precondition=8_373_110_528,
        other_forward=0,
    ),
    "wmt": Golden(
        parameters=133_521_408,
        matrices=66,
        pairs=66,
        forward_backward=19_791_209_299_968,
        factors_expand=16_908_214_075_392,
        factors_reduce=66_047_711_232,
        inverse=521_914_097_688,
        precondition=592_856_530_944,
        other_forward=2_765_958_938_624,
    ),
    "fastmri": Golden(
        parameters=7_756_097,
        matrices=23,
        pairs=23,
        forward_backward=3_608_150_016_000,
        factors_expand=14_395_814_707_200,
        factors_reduce=4_684_784_832,
        inverse=253_288_517_435,
        precondition=53_603_230_980,
        other_forward=0,
    ),
    "criteo1tb": Golden(
        parameters=539_267_457,
        matrices=8,
        pairs=8,
        forward_backward=3_760_109_649_920,
        factors_expand=3_033_440_190_464,
        factors_reduce=3_033_440_190_464,
        inverse=5_039_639_106,
        precondition=7_941_156_612,
        other_forward=0,
    ),
    "librispeech_conformer": Golden(
        parameters=32_321_792,
        matrices=44,
        pairs=2_088,  # 40 matrices, and 4 depthwise convolutions of 512 groups
        forward_backward=59_386_437_304_320,
        factors_expand=165_837_637_242_880,
        factors_reduce=111_877_887_488,
        inverse=1_332_613_091_343,
        precondition=246_123_106_304,
        other_forward=524_288_000_000,
    ),
    "librispeech_deepspeech": Golden(
        parameters=18_393_600,
        matrices=31,
        pairs=31,
        forward_backward=48_708_263_608_320,
        factors_expand=150_580_067_706_880,
        factors_reduce=81_362_748_416,
        inverse=1_201_977_505_286,
        precondition=167_637_576_704,
        other_forward=0,
    ),
    "mlp": Golden(
        parameters=3_962_890,
        matrices=5,
        pairs=5,
        forward_backward=22_678_601_728,
        factors_expand=18_458_888_192,
        factors_reduce=18_458_888_192,
        inverse=9_086_267_421,
        precondition=15_833_293_020,
        other_forward=0,
    ),
    "gpt": Golden(
        parameters=124_439_808,
        matrices=48,
        pairs=48,
        forward_backward=267_181_325_549_568,
        factors_expand=341_533_702_225_920,
        factors_reduce=333_529_006_080,
        inverse=870_134_510_640,
        precondition=587_790_452_736,
        other_forward=60_263_491_436_544,
    ),
}


def _totals(workload: Workload) -> dict[str, float]:
    """The definitions of docs/model-yaml.md, over the layers as they are stored."""
    totals = dict.fromkeys(vars(GOLDEN["mlp"]), 0.0)
    totals.update(parameters=workload.parameters, other_forward=workload.other_forward_flops)
    for layer in workload.layers:
        d, a, g, pairs = layer.input_dimension, layer.input_factor_dimension, layer.output_dimension, layer.pairs
        rows = workload.batch_size * layer.positions * layer.calls
        totals["matrices"] += 1
        totals["pairs"] += pairs
        totals["forward_backward"] += (6 if layer.input_gradient else 4) * rows * d * g * pairs
        totals["factors_expand"] += 2 * rows * (a**2 + g**2) * pairs
        totals["factors_reduce"] += 2 * workload.batch_size * (a**2 + g**2) * pairs
        totals["inverse"] += (a**3 + g**3) * pairs
        totals["precondition"] += 2 * a * g * (a + g) * pairs
    return totals


def test_every_shipped_workload_has_golden_values() -> None:
    assert sorted(GOLDEN) == sorted([*ALGOPERF, "gpt", "mlp"])
    assert catalog_names("models") == sorted([*GOLDEN, *MODELS])  # others are compared with what they are read from


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_totals(name: str) -> None:
    totals, golden = _totals(load_workload(name)), vars(GOLDEN[name])
    for exact in ("parameters", "matrices", "pairs"):
        assert totals[exact] == golden[exact], exact
    for flops in golden:
        assert math.isclose(totals[flops], golden[flops], rel_tol=1e-12), flops


@pytest.mark.parametrize("name", GOLDEN)
def test_counts_are_the_golden_totals(name: str) -> None:
    counts, golden = count(load_workload(name)), GOLDEN[name]
    for counted, expected in (
        (counts.forward_backward, golden.forward_backward),
        (counts.other_forward_backward, 3 * golden.other_forward),
        (counts.factors_expand, golden.factors_expand),
        (counts.factors_reduce, golden.factors_reduce),
        (counts.inversion_cholesky, golden.inverse),
        (counts.inversion_eigh, 9 * golden.inverse),
        (counts.precondition, golden.precondition),
    ):
        assert math.isclose(counted, expected, rel_tol=1e-12)


@pytest.mark.parametrize("name", GOLDEN)
def test_catalog_name_is_file_name(name: str) -> None:
    workload = load_workload(name)
    assert (workload.name, bool(workload.title), bool(workload.source)) == (name, True, True)


@pytest.mark.parametrize("name", ALGOPERF)
def test_training_says_where_its_numbers_come_from(name: str) -> None:
    training = load_workload(name).training
    assert training is not None
    for quantity in (training.adam_steps, training.kfac_step_ratio):
        assert quantity.status in {Status.SOURCED, Status.ASSUMED}
        assert quantity.low < quantity.high
        assert "AlgoPerf" in quantity.source or "arXiv" in quantity.source


def test_three_workloads_wait_for_the_host() -> None:
    found = [name for name in GOLDEN if load_workload(name).host_time is not None]
    assert found == ["ogbg", "fastmri", "criteo1tb"]


def test_gpt_settings_give_gpt2_medium() -> None:
    settings = ["parameters.depth=24", "parameters.width=1024", "parameters.heads=16"]
    assert load_workload("gpt", settings).parameters == 354_823_168


def test_gpt_with_factored_output_has_a_factor_of_vocabulary_size() -> None:
    workload = load_workload("gpt", ["parameters.factored_output=true"])
    assert workload.layers[-1] == Layer(
        "output", "linear", 768, 50257, bias=False, positions=1024.0, role=LayerRole.HEAD
    )
    assert workload.parameters == 124_439_808 + 768 * 50257


# --- layers by hand ---------------------------------------------------------------------------------------------------
# Each expectation: (a, g, rows of a step, pairs, parameters). The batch is 8.
BY_HAND = [
    # a = 10 + 1, 8 rows, 11 x 3 parameters
    ("kind: linear, d_in: 10, d_out: 3", [(11, 3, 8, 1, 33)]),
    # no bias column
    ("kind: linear, d_in: 10, d_out: 3, bias: false", [(10, 3, 8, 1, 30)]),
    # tokens: 8 x 196 rows
    ("kind: linear, d_in: 384, d_out: 1536, positions: 196", [(385, 1536, 1568, 1, 591_360)]),
    # edges: an average of 37.3 a graph, 8 x 37.3 rows; nodes: 8 x 18
    ("kind: linear, d_in: 384, d_out: 128, positions: 37.3", [(385, 128, 298.4, 1, 49_280)]),
    ("kind: linear, d_in: 11, d_out: 128, positions: 18", [(12, 128, 144, 1, 1536)]),
    # one weight used twice on 5 positions: 8 x 5 x 2 rows, parameters once
    ("kind: linear, d_in: 4, d_out: 6, positions: 5, calls: 2", [(5, 6, 80, 1, 30)]),
    # 3 x 3, stride 2, padding 1 on 32 x 32: (32 + 2 - 3) // 2 + 1 = 16, 256 outputs; a = 64 x 9, no bias
    (
        "kind: convolution, d_in: 64, d_out: 128, kernel: [3, 3], stride: [2, 2], padding: [1, 1], bias: false, "
        "input_size: [32, 32]",
        [(576, 128, 2048, 1, 73_728)],
    ),
    # sides differ: (35 - 5) // 2 + 1 = 16 and (20 + 2 - 3) // 1 + 1 = 20, 320 outputs; a = 3 x 5 x 3 + 1
    (
        "kind: convolution, d_in: 3, d_out: 7, kernel: [5, 3], stride: [2, 1], padding: [0, 1], input_size: [35, 20]",
        [(46, 7, 2560, 1, 322)],
    ),
    # patches: 224 / 16 = 14, 196 outputs; a = 3 x 256 + 1
    (
        "kind: convolution, d_in: 3, d_out: 384, kernel: [16, 16], stride: [16, 16], input_size: [224, 224]",
        [(769, 384, 1568, 1, 295_296)],
    ),
    # one dimension, positions given outright; a = 6 x 5 + 1
    ("kind: convolution, d_in: 6, d_out: 4, kernel: [5], positions: 100", [(31, 4, 800, 1, 124)]),
    # 2 x 2, stride 2, on 10 x 10: each of 100 input pixels maps to a 2 x 2 patch, g = 4 x 4
    (
        "kind: transposed_convolution, d_in: 6, d_out: 4, kernel: [2, 2], stride: [2, 2], bias: false, "
        "input_size: [10, 10]",
        [(6, 16, 800, 1, 96)],
    ),
    # 4 groups of 16 -> 32 channels: a = 16 x 9 + 1, g = 32, four pairs; 128 x 16 x 9 + 128 parameters
    (
        "kind: convolution, d_in: 64, d_out: 128, kernel: [3, 3], padding: [1, 1], groups: 4, input_size: [8, 8]",
        [(145, 32, 512, 4, 18_560)],
    ),
    # depthwise with two outputs a channel: 12 pairs of a = 9, g = 2; 24 x 9 parameters; 6 x 6 outputs
    (
        "kind: convolution, d_in: 12, d_out: 24, kernel: [3, 3], groups: 12, bias: false, input_size: [8, 8]",
        [(9, 2, 288, 12, 216)],
    ),
    # LSTM, both directions: input matrix 513 x 4 * 256, state matrix 257 x 4 * 256, each twice; 8 x 50 rows
    (
        "kind: recurrent, cell: lstm, d_in: 512, d_hidden: 256, directions: 2, positions: 50",
        [(513, 1024, 400, 1, 525_312), (257, 1024, 400, 1, 263_168)] * 2,
    ),
    # GRU cell without bias: three gates
    (
        "kind: recurrent, cell: gru, d_in: 10, d_hidden: 6, bias: false, positions: 7, calls: 3",
        [(10, 18, 168, 1, 180), (6, 18, 168, 1, 108)],
    ),
    # plain recurrent cell: one gate
    (
        "kind: recurrent, cell: rnn, d_in: 10, d_hidden: 6, positions: 7",
        [(11, 6, 56, 1, 66), (7, 6, 56, 1, 42)],
    ),
]


def _model(tmp_path: Path, layers: list[Any] | str) -> Workload:
    text = layers if isinstance(layers, str) else json.dumps(layers)  # JSON is YAML
    file = tmp_path / "model.yaml"
    file.write_text(f"schema: 1\nname: test\nbatch_size: 8\nlayers: {text}\n", encoding="utf-8")
    return load_workload(file)


@pytest.mark.parametrize(("entry", "expected"), BY_HAND)
def test_layers_by_hand(entry: str, expected: list[tuple[float, ...]], tmp_path: Path) -> None:
    layers = _model(tmp_path, f"[{{name: x, {entry}}}]").layers
    found = [
        (layer.input_factor_dimension, layer.output_dimension, layer.rows(8), layer.pairs, layer.parameters)
        for layer in layers
    ]
    assert found == expected


def test_recurrent_matrices_are_named_as_in_pytorch(tmp_path: Path) -> None:
    entry = "{name: lstm, kind: recurrent, cell: lstm, d_in: 512, d_hidden: 256, directions: 2}"
    names = [layer.name for layer in _model(tmp_path, f"[{entry}]").layers]
    weights = [f"lstm.{name}" for name, _ in nn.LSTM(2, 2, bidirectional=True).named_parameters() if "weight" in name]
    assert names == weights


@pytest.mark.parametrize(
    ("entry", "module", "size"),
    [
        (
            "kind: convolution, d_in: 8, d_out: 12, kernel: [5, 3], stride: [3, 2], padding: [2, 0], groups: 4, "
            "input_size: [29, 18]",
            lambda: nn.Conv2d(8, 12, (5, 3), stride=(3, 2), padding=(2, 0), groups=4),
            (8, 29, 18),
        ),
        (
            "kind: convolution, d_in: 3, d_out: 5, kernel: [2, 3, 4], padding: [1, 0, 2], bias: false, "
            "input_size: [6, 7, 8]",
            lambda: nn.Conv3d(3, 5, (2, 3, 4), padding=(1, 0, 2), bias=False),
            (3, 6, 7, 8),
        ),
    ],
)
def test_convolution_agrees_with_torch(entry: str, module: Any, size: tuple[int, ...], tmp_path: Path) -> None:
    (layer,) = _model(tmp_path, f"[{{name: x, {entry}}}]").layers
    convolution = module()
    assert layer.parameters == sum(parameter.numel() for parameter in convolution.parameters())
    assert layer.positions == convolution(torch.zeros(1, *size))[0, 0].numel()


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        # queries with keys and weights with values, 2 FLOPs a multiply-add: 2 * 2 * 5 * 7 * 16
        ("kind: attention, width: 16, queries: 5, keys: 7", Unfactored("x", "attention", 0, 2240.0)),
        ("kind: embedding, vocabulary: 100, width: 16", Unfactored("x", "embedding", 1600)),
        # 2 * 5 * 16 * 100
        (
            "kind: tied_projection, d_in: 16, d_out: 100, positions: 5",
            Unfactored("x", "tied_projection", 0, 16_000.0, weighted=True),
        ),
        ("kind: norm, width: 16", Unfactored("x", "norm", 32, tensors=2)),
        ("kind: other, parameters: 9", Unfactored("x", "other", 9)),
    ],
)
def test_other_parts_by_hand(entry: str, expected: Unfactored, tmp_path: Path) -> None:
    model = _model(tmp_path, f"[{{name: x, {entry}}}, {{name: y, kind: linear, d_in: 1, d_out: 1}}]")
    assert model.others == (expected,)
    assert model.other_forward_flops == 8 * expected.forward_flops_per_example


# --- one model, two encodings -----------------------------------------------------------------------------------------
def _written_out(entries: list[Any], prefix: str = "") -> list[Any]:
    """Entries of model.yaml without their repeats."""
    result: list[Any] = []
    for entry in entries:
        if "repeat" in entry:
            start = entry.get("start", 0)
            for index in range(start, start + entry["repeat"]):
                result += _written_out(entry["layers"], f"{prefix}{entry['name'].format(i=index)}.")
        else:
            result.append({**entry, "name": prefix + entry["name"]})
    return result


@pytest.mark.parametrize("name", ALGOPERF)
def test_repeats_and_written_out_layers_are_one_model(name: str, tmp_path: Path) -> None:
    entries = yaml.safe_load((CATALOG / "models" / f"{name}.yaml").read_text(encoding="utf-8"))["layers"]
    shipped, written = load_workload(name), _model(tmp_path, _written_out(entries))
    assert written.layers == shipped.layers
    assert written.others == shipped.others
    assert written.shapes() == shipped.shapes()


def test_nested_repeats(tmp_path: Path) -> None:
    up = {"name": "up", "kind": "linear", "d_in": 4, "d_out": 8}
    inner = {"repeat": 2, "start": 1, "name": "layer{i}", "layers": [up]}
    nested = _model(tmp_path, [{"repeat": 2, "name": "stage", "layers": [inner]}])
    written = _model(
        tmp_path,
        [{**up, "name": f"stage.{stage}.layer{layer}.up"} for stage in (0, 1) for layer in (1, 2)],
    )
    assert nested.layers == written.layers


def test_repeats_that_multiply_without_end_are_refused(tmp_path: Path) -> None:
    layers: list[Any] = [{"name": "x", "kind": "linear", "d_in": 4, "d_out": 8}]
    for name in ("inner", "middle", "outer"):
        layers = [{"repeat": 1000, "name": name, "layers": layers}]
    with pytest.raises(InputError) as error:
        _model(tmp_path, layers)
    (fault,) = error.value.faults
    assert fault.path == "layers.0.layers.0.repeat"
    assert fault.message == "more than 200000 layers once repeats are written out"


@pytest.mark.parametrize(
    ("layers", "path", "message"),
    [
        ("[]", "layers", "is empty; it needs at least one entry"),
        ("[{name: n, kind: norm, width: 4}]", "layers", "none of them is factored; K-FAC has nothing to do"),
        (
            "[{name: c, kind: convolution, d_in: 3, d_out: 8, kernel: [], positions: 4}]",
            "layers.0.kernel",
            "is empty; it needs at least one entry",
        ),
    ],
)
def test_nothing_to_do_is_a_fault(layers: str, path: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        _model(tmp_path, layers)
    assert [(fault.path, fault.message) for fault in error.value.faults] == [(path, message)]


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("criteo1tb", ["bot_mlp.0"]),  # the top stack reads the bottom one and a trained table
        ("ogbg", ["node_embedder", "edge_embedder"]),
        ("imagenet_vit", ["conv_patch_extract"]),
        ("mlp", ["layers.0"]),
        ("wmt", []),  # behind a trained embedding
        ("gpt", []),
    ],
)
def test_layers_that_take_the_input_have_no_gradient_there(name: str, layers: list[str]) -> None:
    assert [layer.name for layer in load_workload(name).layers if not layer.input_gradient] == layers


def test_a_stated_role_decides_whether_a_layer_takes_the_input(tmp_path: Path) -> None:
    layers = [{"name": "embed", "kind": "embedding", "vocabulary": 5, "width": 4}] + [
        {"name": name, "kind": "linear", "d_in": 4, "d_out": 4, "role": role}
        for name, role in (("words", "hidden"), ("pixels", "first"))
    ]
    assert [layer.input_gradient for layer in _model(tmp_path, layers).layers] == [True, False]
    assert [layer.input_gradient for layer in _model(tmp_path, layers[1:]).layers] == [True, False]


def test_order_of_layers_does_not_change_shapes(tmp_path: Path) -> None:
    layers = [
        {"name": f"l{width}", "kind": "linear", "role": "hidden", "d_in": width, "d_out": 4} for width in (3, 9, 5)
    ]
    assert _model(tmp_path, layers).shapes() == _model(tmp_path, layers[::-1]).shapes()


# --- examples ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "parameters", "pairs"),
    [
        # stem 27 * 64, down 576 * 128, 4 blocks of 128 * 64 + 8 * 72 * 8 + 64 * 128 and norms of 64, 64 and 128, head
        # 129 * 10, norms of 64 and 128; pairs 2 + 4 * (1 + 8 + 1) + 1
        ("vision", 1_728 + 73_728 + 4 * (8_192 + 4_608 + 8_192 + 512) + 1_290 + 384, 43),
        # 12 * 128, 6 * 128, 385 * 128, GRU 2 * 129 * 384, norm 256, 129 * 128, 129 * 12
        ("graph", 1_536 + 768 + 49_280 + 99_072 + 256 + 16_512 + 1_548, 7),
        # embeddings 16048 * 512; 2 encoder layers of 2 * (513 + 257) * 1024 and a norm; 3 decoder layers of
        # 513 * (1536 + 512 + 512 + 1024 + 512 + 2048) + 2049 * 512 and three norms; a temperature; pairs 2 * 4 + 3 * 7
        ("language", 8_216_576 + 2 * (1_576_960 + 1_024) + 3 * (3_151_872 + 1_049_088 + 3_072) + 1, 29),
    ],
)
def test_examples_load(name: str, parameters: int, pairs: int) -> None:
    workload = load_workload(EXAMPLES / f"{name}.yaml")
    assert workload.parameters == parameters
    assert sum(layer.pairs for layer in workload.layers) == pairs


def test_there_are_no_other_examples() -> None:
    assert sorted(path.stem for path in EXAMPLES.glob("*.yaml")) == ["graph", "language", "sweep", "vision"]
