"""Measured factors against explicit ones: every family of network, both ways of sharing, drawn and true labels."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from costmodel.inputs.curvature_file import FactorRecord, Side, read_curvature
from costmodel.inputs.faults import InputError
from tests.validation.curvature.examples import GraphNetwork, Lstm, ResNet18, Transformer, graphs
from validation.curvature import CurvatureProbe
from validation.curvature.fisher import Likelihood, sampled_loss

DOUBLE = torch.float64


@pytest.fixture(autouse=True)
def doubles() -> Iterator[None]:
    torch.manual_seed(3)
    torch.set_default_dtype(DOUBLE)
    yield
    torch.set_default_dtype(torch.float32)


class Explicit(nn.Module):
    """A layer with a term of zeros in its outputs, with respect to which their gradients are taken."""

    def __init__(self, layer: nn.Linear | nn.Conv2d) -> None:
        super().__init__()
        self.layer = layer
        self.inputs: list[Tensor] = []
        self.zeros: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.inputs.append(x.detach())
        output = self.layer(x)
        self.zeros.append(torch.zeros_like(output, requires_grad=True))
        return output + self.zeros[-1]


def explicit_factors(
    model: nn.Module, name: str, inputs: tuple[Tensor, ...], loss: Callable[[Tensor], Tensor], terms: int
) -> tuple[Tensor, Tensor]:
    """A and G of a linear layer from the definition."""
    parent, _, last = name.rpartition(".")
    holder: Any = model.get_submodule(parent)
    layer: Any = holder.get_submodule(last)
    watched = Explicit(layer)
    setattr(holder, last, watched)
    gradients = torch.autograd.grad(loss(model(*inputs)), watched.zeros)
    setattr(holder, last, layer)
    x = torch.cat([each.reshape(-1, each.shape[-1]) for each in watched.inputs])
    x = torch.cat([x, torch.ones(len(x), 1)], 1) if layer.bias is not None else x
    g = torch.cat([each.reshape(-1, each.shape[-1]) for each in gradients])
    return x.T @ x / len(x), g.T @ g / terms


def measure(
    model: nn.Module, inputs: tuple[Tensor, ...], loss: Callable[[Tensor], Tensor], out: Path, **options: Any
) -> dict[tuple[str, Side], FactorRecord]:
    given = {key: options.pop(key) for key in ("segments", "examples", "mask") if key in options}
    with CurvatureProbe(model, out=out, at=[0], network="net", quiet=True, **options) as probe, probe.step(0):
        outputs = model(*inputs)
        probe.observe(outputs, loss=loss(outputs), **given)
    return {(record.layer, record.side): record for record in read_curvature(out)}


def assert_spectrum(record: FactorRecord, factor: Tensor) -> None:
    """Trace exact, eigenvalues to the digits of a file."""
    values = torch.linalg.eigvalsh(factor).flip(0).clamp(min=0)
    assert record.n == len(factor)
    assert record.trace == pytest.approx(float(factor.trace()), rel=1e-12)
    ranks = torch.tensor([rank for rank, _ in record.eigenvalues]) - 1
    found = torch.tensor([value for _, value in record.eigenvalues])
    torch.testing.assert_close(found, values[ranks], rtol=5.1e-5, atol=1e-13 * float(values[0]))
    assert record.smallest == pytest.approx(float(values[-1]), rel=5.1e-4, abs=1e-13 * float(values[0]))


def cases() -> dict[str, tuple[nn.Module, tuple[Tensor, ...], Callable[[Tensor], Tensor], int, str]]:
    """Network, inputs, mean loss, its terms, and the likelihood."""
    words, classes = torch.randint(9, (4, 7)), torch.randint(3, (8,))
    labels, targets = torch.randint(2, (3, 4)).to(DOUBLE), torch.randn(6, 2)
    regression = nn.Sequential(nn.Linear(3, 5), nn.ReLU(inplace=True), nn.Linear(5, 2, bias=False))
    return {
        "transformer": (
            Transformer(), (words,),
            lambda outputs: functional.cross_entropy(outputs.flatten(0, 1), words.roll(1, 1).flatten()), 28,
            "categorical",
        ),
        "graph": (
            GraphNetwork(), graphs(),
            lambda outputs: functional.binary_cross_entropy_with_logits(outputs, labels, reduction="sum") / 3, 3,
            "bernoulli",
        ),
        "recurrent": (
            Lstm(), (torch.randn(8, 6, 2),), lambda outputs: functional.cross_entropy(outputs, classes), 8,
            "categorical",
        ),
        "regression": (
            regression, (torch.randn(6, 3),), lambda outputs: (outputs - targets).square().sum() / 12, 6, "gaussian",
        ),
    }  # fmt: skip


@pytest.mark.parametrize("family", ["transformer", "graph", "recurrent", "regression"])
def test_factors_are_those_of_the_definition(family: str, tmp_path: Path) -> None:
    model, inputs, loss, terms, likelihood = cases()[family]
    options = {"likelihood": likelihood, "fisher": "empirical", "layers_at_once": 2}
    found = measure(model, inputs, loss, tmp_path / "f.jsonl", **options)
    names = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    assert {name for name, _ in found} == set(names)
    for name in names:
        A, G = explicit_factors(model, name, inputs, lambda outputs: loss(outputs) * terms, terms)
        assert_spectrum(found[name, Side.A], A)
        assert_spectrum(found[name, Side.G], G)
        assert found[name, Side.A].terms == terms


def curvlinops_factors(
    model: nn.Module, images: Tensor, labels: Tensor, sharing: str
) -> dict[tuple[str, Side], Tensor]:
    """Factors of the empirical Fisher of every layer but the norms."""
    oracle = pytest.importorskip("curvlinops")
    operator = oracle.KFACLinearOperator(
        model,
        nn.CrossEntropyLoss(),
        [each for name, each in model.named_parameters() if "bn" not in name and "downsample.1" not in name],
        [(images, labels)],
        fisher_type=oracle.FisherType.EMPIRICAL,
        kfac_approx=getattr(oracle.KFACType, sharing.upper()),
        separate_weight_and_bias=False,
        check_deterministic=False,
    )
    operator.compute_kronecker_factors()
    A, G = operator._input_covariances, operator._gradient_covariances
    return {**{(name, Side.A): each for name, each in A.items()}, **{(name, Side.G): each for name, each in G.items()}}


@pytest.mark.parametrize("sharing", ["expand", "reduce"])
def test_convolutions_equal_curvlinops(sharing: str, tmp_path: Path) -> None:
    model = ResNet18(classes=5, width=4).eval()
    images, labels = torch.randn(6, 3, 32, 32), torch.randint(5, (6,))
    expected = curvlinops_factors(model, images, labels, sharing)
    options = {"fisher": "empirical", "sharing": sharing}
    found = measure(
        model, (images,), lambda outputs: functional.cross_entropy(outputs, labels), tmp_path / "f.jsonl", **options
    )
    assert len(found) == 42
    for key, record in found.items():
        assert_spectrum(record, expected[key])


@pytest.mark.parametrize("options", [{"padding": 2, "stride": 2}, {"padding": "same", "dilation": 3}, {"bias": False}])
def test_a_convolution_of_sequences_is_one_of_images_of_height_one(options: dict[str, Any], tmp_path: Path) -> None:
    flat = nn.Sequential(nn.Conv1d(3, 5, 3, **options), nn.Flatten())
    both = {key: (1, each) if isinstance(each, int) and key != "bias" else each for key, each in options.items()}
    if "padding" in options:
        both["padding"] = (0, 3 if options["padding"] == "same" else 2)
    image = nn.Sequential(nn.Conv2d(3, 5, (1, 3), **both), nn.Flatten())
    image[0].load_state_dict(
        {key: each.unsqueeze(2) if each.dim() > 1 else each for key, each in flat[0].state_dict().items()}
    )
    x = torch.randn(4, 3, 11)
    torch.testing.assert_close(flat(x), image(x.unsqueeze(2)))
    loss = lambda outputs: outputs.square().mean()  # noqa: E731
    given = {"fisher": "empirical", "likelihood": "gaussian"}
    expected = measure(image, (x.unsqueeze(2),), loss, tmp_path / "image.jsonl", **given)
    found = measure(flat, (x,), loss, tmp_path / "flat.jsonl", **given)
    assert found == expected


def test_a_layer_without_an_effect_on_the_loss_has_no_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            self.two(x)
            return self.one(x)

    model = Idle()
    with CurvatureProbe(model, out=tmp_path / "f.jsonl", at=[0], network="net") as probe, probe.step(0):
        probe.observe(model(torch.ones(3, 2)))
    assert {record.layer for record in read_curvature(tmp_path / "f.jsonl")} == {"one"}
    assert capsys.readouterr().err.endswith("step 0: without an effect on the loss: two\n")


def test_a_torchvision_sized_convolutional_network(tmp_path: Path) -> None:
    """In single precision; the factors of the last stage are of order 4608 and have two rows."""
    torch.set_default_dtype(torch.float32)
    model, labels = ResNet18().eval(), torch.tensor([1, 7])
    images = torch.randn(2, 3, 32, 32)
    expected = curvlinops_factors(model, images, labels, "expand")
    loss = lambda outputs: functional.cross_entropy(outputs, labels)  # noqa: E731
    found = measure(model, (images,), loss, tmp_path / "f.jsonl", fisher="empirical")
    assert len(found) == 42
    for key, record in found.items():
        assert record.trace == pytest.approx(float(expected[key].trace()), rel=1e-4)
        if record.n < 600:
            largest = float(torch.linalg.eigvalsh(expected[key])[-1])
            assert record.eigenvalues[0][1] == pytest.approx(largest, rel=1e-4)
    last = found["layer4.1.conv2", Side.A]
    assert (last.n, last.rows, last.subspace, last.smallest) == (4608, 2, True, None)
    assert [value for rank, value in last.eigenvalues if rank > 2] == [0.0] * (len(last.eigenvalues) - 2)
    assert last.eigenvalues[0][1] + last.eigenvalues[1][1] == pytest.approx(last.trace, rel=1e-4)
    roles = {name: record.role.value for (name, _), record in found.items()}
    assert (roles["conv1"], roles["layer3.0.downsample.0"], roles["fc"]) == ("first", "convolution", "head")
    assert (found["fc", Side.G].position, found["fc", Side.G].layers, found["fc", Side.G].width) == (20, 21, 64)


@pytest.mark.parametrize(("how", "digits"), [("checkpoint", 1e-12), ("half", 1e-2)])
def test_layers_that_run_twice_or_in_half_precision(how: str, digits: float, tmp_path: Path) -> None:
    """Checkpointed layers run again in the backward pass; bfloat16 has three digits."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.three = nn.Linear(8, 16), nn.Linear(16, 16), nn.Linear(16, 4)
            self.again = False

        def forward(self, x: Tensor) -> Tensor:
            y = self.one(x).relu()
            y = checkpoint(self.two, y, use_reentrant=False) if self.again else self.two(y)
            return self.three(torch.relu_(y))

    torch.set_default_dtype(torch.float32)
    model, x = Block(), torch.randn(64, 8)
    loss = lambda outputs: outputs.float().square().mean()  # noqa: E731
    options = {"fisher": "empirical", "likelihood": "gaussian", "layers_at_once": 1}
    expected = measure(model, (x,), loss, tmp_path / "plain.jsonl", **options)
    model.again = how == "checkpoint"
    with torch.autocast("cpu", torch.bfloat16, enabled=how == "half"):
        found = measure(model, (x,), loss, tmp_path / "other.jsonl", **options)
    assert list(found) == list(expected)
    for key, record in found.items():
        assert (record.rows, record.role) == (expected[key].rows, expected[key].role)
        assert record.trace == pytest.approx(expected[key].trace, rel=digits)


@pytest.mark.parametrize("cross", [False, True])
@pytest.mark.parametrize("sharing", ["expand", "reduce"])
def test_the_projections_of_torch_attention_are_measured(cross: bool, sharing: str, tmp_path: Path) -> None:
    """The same weights in torch's module and as four linear layers have the same factors."""

    class Decoder(Transformer):
        def forward(self, words: Tensor) -> Tensor:
            y, memory = self.embed(words), self.embed(words[:, :3] if cross else words)
            attended = self.attention(y, memory) if self.own else self.attention(y, memory, memory)[0]
            return self.head(attended)

    theirs, ours = Decoder(own=False), Decoder(own=True)
    ours.load_state_dict(theirs.state_dict(), strict=False)
    parts = zip(theirs.attention.in_proj_weight.chunk(3), torch.randn(36).chunk(3), strict=True)
    for name, (weight, bias) in zip(("query", "key", "value"), parts, strict=True):
        getattr(ours.attention, name).load_state_dict({"weight": weight, "bias": bias})
    theirs.attention.in_proj_bias.data = torch.cat(
        [getattr(ours.attention, name).bias for name in ("query", "key", "value")]
    ).detach()
    words = torch.randint(9, (4, 7))
    loss = lambda outputs: functional.cross_entropy(outputs.flatten(0, 1), words.flatten())  # noqa: E731
    torch.testing.assert_close(theirs(words), ours(words))
    wanted = ["attention.*", "head"]
    options = {"fisher": "empirical", "sharing": sharing, "layers": wanted, "layers_at_once": 3}
    expected = measure(ours, (words,), loss, tmp_path / "ours.jsonl", **options)
    found = measure(theirs, (words,), loss, tmp_path / "theirs.jsonl", **options)
    assert list(found) == list(expected)
    assert len(found) == 10
    for key, record in found.items():
        assert record.trace == pytest.approx(expected[key].trace, rel=1e-12)
        assert dict(record.eigenvalues) == pytest.approx(dict(expected[key].eigenvalues), rel=2.1e-5, abs=1e-13)
    roles = [record.role.value for (_, side), record in found.items() if side is Side.A]
    assert roles == ["query", "key", "value", "attention_output", "head"]
    assert functional.linear.__name__ == "linear"  # as it was


def test_reduced_factors_of_a_graph_network(tmp_path: Path) -> None:
    model, inputs = GraphNetwork(), graphs()
    labels = torch.randint(2, (3, 4)).to(DOUBLE)
    loss = lambda outputs: functional.binary_cross_entropy_with_logits(outputs, labels, reduction="sum")  # noqa: E731
    nodes, edges = inputs[3], inputs[3][inputs[1]]
    segments = {"embed": nodes, **{f"edge.{i}": edges for i in range(2)}, **{f"node.{i}": nodes for i in range(2)}}
    options = {"likelihood": "bernoulli", "fisher": "empirical", "sharing": "reduce", "segments": segments}
    found = measure(model, inputs, lambda outputs: loss(outputs) / 3, tmp_path / "f.jsonl", examples=3, **options)
    rows = []
    for graph in range(3):  # the gradient of a bias is the sum of the gradients of the outputs
        part = nodes == graph
        first = int(part.nonzero()[0])
        alone = (inputs[0][part], inputs[1][part] - first, inputs[2][part] - first, nodes[part] - graph)
        one = functional.binary_cross_entropy_with_logits(model(*alone), labels[graph : graph + 1], reduction="sum")
        rows.append(torch.autograd.grad(one, [model.edge[1].bias])[0])
    g = torch.stack(rows)
    assert_spectrum(found["edge.1", Side.G], g.T @ g / 3)
    x = torch.stack([inputs[0][nodes == graph].mean(0) for graph in range(3)])
    x = torch.cat([x, torch.ones(3, 1)], 1)
    assert_spectrum(found["embed", Side.A], x.T @ x / 3)


@pytest.mark.parametrize(
    ("likelihood", "expected"),
    [
        # One logit pattern: p = softmax, G = diag(p) - p p^T has the trace 1 - sum p^2 = 1 - (0.25 + 0.09 + 0.04)
        (Likelihood.CATEGORICAL, 0.62),
        # p = sigmoid(log p) = p / (1 + p): the sum of p (1 - p) is 2 / 9 + 0.3 / 1.69 + 0.2 / 1.44
        (Likelihood.BERNOULLI, 2 / 9 + 0.3 / 1.69 + 0.2 / 1.44),
        (Likelihood.GAUSSIAN, 3.0),  # the identity
    ],
)
def test_drawn_labels_give_the_fisher_on_average(likelihood: Likelihood, expected: float) -> None:
    """5 standard errors over 4000 draws: a false alarm in less than a millionth of seeds, and the seed is fixed."""
    outputs = torch.tensor([0.5, 0.3, 0.2]).log().repeat(4000, 1).requires_grad_()
    loss = sampled_loss(outputs, likelihood, torch.Generator().manual_seed(1))
    traces = torch.autograd.grad(loss, outputs)[0].square().sum(1)
    assert float(traces.mean()) == pytest.approx(expected, abs=5 * float(traces.std()) / 4000**0.5)


def test_terms_that_a_mask_leaves_out_do_not_count(tmp_path: Path) -> None:
    """Padding of another length: the same labels are drawn for the rows that count, and G is the same."""
    model, words = Transformer(), torch.randint(9, (2, 7))
    layer = nn.Sequential(model.embed, model.head)
    whole = measure(layer, (words,), lambda outputs: outputs.mean(), tmp_path / "whole.jsonl")
    padded = torch.cat([words, torch.zeros(2, 3, dtype=torch.long)], 1)
    mask = torch.arange(10).expand(2, 10) < 7
    found = measure(layer, (padded,), lambda outputs: outputs.mean(), tmp_path / "padded.jsonl", mask=mask)
    assert found["1", Side.G].terms == 14
    assert found["1", Side.G].rows == 20
    assert found["1", Side.G].trace == pytest.approx(whole["1", Side.G].trace, rel=1e-12)


def test_parts_of_a_batch_add_up(tmp_path: Path) -> None:
    model, (x,), *_ = cases()["recurrent"]
    whole = measure(model, (x,), lambda outputs: outputs.square().mean(), tmp_path / "whole.jsonl", fisher="empirical")
    probe = CurvatureProbe(
        model, out=tmp_path / "parts.jsonl", at=[0], network="net", fisher="empirical", observations=2, quiet=True
    )
    with probe, probe.step(0):
        for part in x.split(4):
            outputs = model(part)
            probe.observe(outputs, loss=outputs.square().mean())
    for record in read_curvature(tmp_path / "parts.jsonl"):
        expected = whole[record.layer, record.side]
        assert (record.rows, record.terms) == (expected.rows, expected.terms)
        assert record.loss == pytest.approx(expected.loss, rel=1e-12)
        assert record.trace == pytest.approx(expected.trace, rel=1e-12)
        assert dict(record.eigenvalues) == pytest.approx(dict(expected.eigenvalues), rel=2.1e-5, abs=1e-14)


def test_every_part_of_a_batch_draws_labels_of_its_own(tmp_path: Path) -> None:
    """The same part twice, with the same labels, would have the G of one."""
    model, (x,), *_ = cases()["recurrent"]
    traces = []
    for count in (1, 2):
        out = tmp_path / f"{count}.jsonl"
        probe = CurvatureProbe(model, out=out, at=[0], network="net", observations=count, quiet=True)
        with probe, probe.step(0):
            for _ in range(count):
                probe.observe(model(x))
        traces.append([record.trace for record in read_curvature(out)])
    for index, (once, twice) in enumerate(zip(*traces, strict=True)):
        assert (once == pytest.approx(twice, rel=1e-9)) == (index % 2 == 0)  # A is the same, G is not


def test_roles_and_the_order_of_layers(tmp_path: Path) -> None:
    model, inputs, loss, _, likelihood = cases()["recurrent"]
    found = measure(model, inputs, loss, tmp_path / "f.jsonl", likelihood=likelihood)
    rows = [(name, record.role.value, record.position, record.layers) for (name, side), record in found.items()]
    expected = [("input", "recurrent", 0, 3), ("state", "recurrent", 1, 3), ("readout", "head", 2, 3)]
    assert rows[::2] == rows[1::2] == expected
    given = {"edge.*": "edge", "node.*": "node"}
    model, inputs, loss, _, likelihood = cases()["graph"]
    found = measure(model, inputs, loss, tmp_path / "g.jsonl", likelihood=likelihood, roles=given)
    roles = {name: record.role.value for (name, _), record in found.items()}
    assert roles == {
        "embed": "first", "edge.0": "edge", "edge.1": "edge", "node.0": "node", "node.1": "node", "readout": "head",
    }  # fmt: skip


def train(out: Path, steps: int, stop_after: int = 0, probed: bool = True) -> list[float]:
    """A short run; the write after ``stop_after`` lines is cut off and ends it, as a kill does."""
    torch.manual_seed(7)
    model = Transformer()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    with CurvatureProbe(model, out=out, at=[0, 2] if probed else [], network="net", quiet=True) as probe:
        written = 0
        append = probe._file.append

        def dying(record: Any) -> None:
            nonlocal written
            if stop_after and written == stop_after:
                probe._file._write(json.dumps(record).encode()[:40])
                raise KeyboardInterrupt
            written += 1
            append(record)

        probe._file.append = dying  # type: ignore[method-assign]
        for step in range(steps):
            words = torch.randint(9, (4, 7))
            with probe.step(step):
                outputs = model(words)
                loss = functional.cross_entropy(outputs.flatten(0, 1), words.flatten())
                probe.observe(outputs, loss=loss)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
    return losses


@pytest.mark.parametrize("lines", [0, 1, 9, 20])
def test_a_run_that_was_killed_is_taken_up(lines: int, tmp_path: Path) -> None:
    whole, resumed = tmp_path / "whole.jsonl", tmp_path / "resumed.jsonl"
    train(whole, 3)
    with pytest.raises(KeyboardInterrupt):
        train(resumed, 3, stop_after=lines) if lines else _torn(resumed)
    assert resumed.read_bytes() != whole.read_bytes()
    train(resumed, 3)
    assert resumed.read_bytes() == whole.read_bytes()
    train(resumed, 3)
    assert resumed.read_bytes() == whole.read_bytes()


def _torn(file: Path) -> None:
    file.write_text('{"netw')
    raise KeyboardInterrupt


def test_training_is_the_same_with_and_without_a_probe(tmp_path: Path) -> None:
    assert train(tmp_path / "a.jsonl", 4) == train(tmp_path / "b.jsonl", 4, probed=False)


def test_a_network_that_was_measured_otherwise_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "f.jsonl"
    model, inputs, loss, *_ = cases()["recurrent"]
    measure(model, inputs, loss, out)
    before = out.read_bytes()
    with pytest.raises(InputError) as caught:
        measure(model, inputs, loss, out, sharing="reduce")
    message = "holds 'net' measured otherwise, with sharing expand where this is sharing reduce"
    assert str(caught.value) == f"{out}: {message}; choose another --out or --network"
    assert out.read_bytes() == before


def test_two_probes_do_not_write_one_file(tmp_path: Path) -> None:
    out = tmp_path / "f.jsonl"
    with CurvatureProbe(nn.Linear(2, 2), out=out, at=[0], network="a", quiet=True), pytest.raises(InputError) as caught:
        CurvatureProbe(nn.Linear(2, 2), out=out, at=[0], network="b", quiet=True)
    assert str(caught.value) == f"{out}: another measure is writing it; choose another --out"


@pytest.mark.parametrize("contents", ["one line", '{"kind": "timing", "op": "gemm"}\n'])
def test_a_file_of_another_format_is_left_as_it_is(contents: str, tmp_path: Path) -> None:
    out = tmp_path / "notes.txt"
    out.write_text(contents)
    with pytest.raises(InputError) as caught:
        CurvatureProbe(nn.Linear(2, 2), out=out, at=[0], network="a", quiet=True)
    assert str(caught.value).startswith(f"{out}:1:1 ")
    assert out.read_text() == contents


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (
            nn.Embedding(3, 4), {},
            "net: has no layer that can be measured: linear, convolution or nn.MultiheadAttention with a trained "
            "weight",
        ),
        (nn.Sequential(nn.Linear(2, 2)), {"layers": ["fc*"]}, "layers: 'fc*' fits no layer; there are 0"),
        (nn.Sequential(nn.Linear(2, 2)), {"roles": {"q": "query"}}, "roles: 'q' fits no layer; there are 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_says_so(
    model: nn.Module, options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        CurvatureProbe(model, out=tmp_path / "f.jsonl", at=[0], network="net", quiet=True, **options)
    assert str(caught.value) == message


def test_what_is_not_finite_is_not_written(tmp_path: Path) -> None:
    class Infinite(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.one(x) + self.two(x / 0).nan_to_num(0, 0, 0)

    x = torch.ones(3, 2)
    for model, inputs, loss, message in (
        (nn.Linear(2, 2), x / 0, 0.0, "the outputs of the network are not finite"),
        (nn.Linear(2, 2), x, np.nan, "the loss is nan"),
        (Infinite(), x, 0.0, "layer 'two': its inputs are not finite"),
    ):
        with pytest.raises(InputError) as caught:
            measure(model, (inputs,), lambda outputs, loss=loss: outputs.sum() * 0 + loss, tmp_path / "f.jsonl")
        assert str(caught.value) == f"net: step 0: {message}"


def test_what_is_not_covered_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of 54 + 66 + 28 parameters the embedding has 54 and the depthwise convolution 28."""
    model = nn.Sequential(nn.Embedding(9, 6), nn.Linear(6, 6), nn.Linear(6, 3), nn.Conv1d(4, 4, 6, groups=4))
    CurvatureProbe(model, out=tmp_path / "f.jsonl", at=[0], network="net").close()
    assert capsys.readouterr().err == ("net: not measured, by share of the parameters: Embedding 37.2%, Conv1d 19.3%\n")


def test_a_step_without_observations_is_an_error(tmp_path: Path) -> None:
    model = nn.Linear(2, 2)
    with CurvatureProbe(model, out=tmp_path / "f.jsonl", at=[1], network="net", quiet=True) as probe:
        with probe.step(0):
            pass
        with pytest.raises(RuntimeError) as caught, probe.step(1):
            model(torch.ones(1, 2))
        assert str(caught.value) == "step 1 is to be measured, but observe() was called 0 of 1 times"
        with pytest.raises(RuntimeError) as caught, probe.step(1), torch.no_grad():
            probe.observe(model(torch.ones(1, 2)))
        assert str(caught.value) == "no covered layer ran with gradients inside step()"
