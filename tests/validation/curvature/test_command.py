"""``curvature measure`` as its users run it."""

import importlib
import json
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from costmodel.cli import main
from costmodel.inputs.curvature_file import read_curvature

DOC = Path(__file__).parents[3] / "docs" / "curvature.md"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    old = sys.argv
    sys.argv = ["costmodel", "curvature", *arguments]
    try:
        main()
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        sys.argv = old
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder of its own, whose modules are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)


def test_the_documents_examples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine, words, loop = blocks()
    Path("mine.py").write_text(mine)
    Path("words.py").write_text(words)
    code, out, err = run(capsys, "measure", "mine:classifier", "--out", "mine.jsonl", "--steps", "0,10,30")
    assert (code, out) == (0, "")
    assert err.endswith("measured; look at it with: python -m costmodel curvature show mine.jsonl\n")
    records = read_curvature(Path("mine.jsonl"))
    assert len(records) == 3 * 3 * 2
    assert {(record.network, record.width, record.rows) for record in records} == {("classifier", 32, 128)}
    code, out, err = run(capsys, "show", "mine.jsonl", "--plot", "mine.png")
    assert (code, err) == (0, "")
    assert out.startswith("mine.jsonl: by role, last step")
    assert Path("mine.png").read_bytes().startswith(b"\x89PNG")
    assert run(capsys, "measure", "words:language", "--out", "words.jsonl", "--steps", "2", "--quiet") == (0, "", "")
    roles = {record.layer: record.role.value for record in read_curvature(Path("words.jsonl"))}
    assert roles == {
        "block.self_attn.query": "query", "block.self_attn.key": "key", "block.self_attn.value": "value",
        "block.self_attn.out_proj": "attention_output", "block.linear1": "mlp_in", "block.linear2": "mlp_out",
        "head": "head",
    }  # fmt: skip
    exec(compile(loop, "loop", "exec"), {})
    assert len(read_curvature(Path("loop.jsonl"))) == 2 * 2 * 2


FACTORIES = """
import torch
from torch import nn
from torch.nn import functional
from validation.curvature import Task

torch.manual_seed(0)
X, Y = torch.randn(16, 4), torch.randint(3, (16,))
constant = 3


def good():
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)), [(X, Y)], nn.CrossEntropyLoss()

def tuned():
    model, batches, loss = good()
    return model, batches, loss, torch.optim.SGD(model.parameters(), lr=0.0)

def raises():
    raise ValueError("no data\\nat all")

def nothing():
    return None

def cast():
    model, batches, loss = good()
    return Task(model, batches, loss, roles={"0": "mlp_in", "2": "node"})

def miscast():
    model, batches, loss = good()
    return Task(model, batches, loss, roles={"0": "mlp_inn"})

def listed():
    model, batches, loss = good()
    return Task(model, batches, loss, roles=["mlp_in"])

def wrong():
    return good, 3, nn.CrossEntropyLoss()

def unclear():
    return good()[0], [(X, Y)], lambda outputs, targets: functional.cross_entropy(outputs, targets)

def no_layers():
    return nn.Embedding(3, 3), [(Y, Y)], nn.CrossEntropyLoss()

def shapes():
    return nn.Linear(5, 3), [(X, Y)], nn.CrossEntropyLoss()

def empty():
    return good()[0], [], nn.CrossEntropyLoss()

def once():
    return good()[0], iter([(X, Y)]), nn.CrossEntropyLoss()

def lonely():
    return good()[0], [X], nn.CrossEntropyLoss()

def vector():
    return good()[0], [(X, Y)], nn.CrossEntropyLoss(reduction="none")

def activations():
    return good()[0], [(X, Y), (X / 0, Y)], nn.CrossEntropyLoss()

def steep():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 1)).eval()
    batches = [(scale * X, X[:, :1]) for scale in (1.0, 9.0)]
    return model, batches, nn.MSELoss()

class Diverging(nn.CrossEntropyLoss):
    def forward(self, outputs, targets):
        return super().forward(outputs, targets) * float("nan")

def diverges():
    return good()[0], [(X, Y)], Diverging()

def labels():
    model = nn.Linear(4, 2)
    targets = torch.tensor([[0.0, float("nan")], [1.0, float("nan")]]).repeat(8, 1)

    def loss(outputs, y):
        known = ~y.isnan()
        return functional.binary_cross_entropy_with_logits(outputs[known], y[known])

    return Task(model, [(X, targets)], loss, likelihood="bernoulli", kind="mlp", width=4, data="random")

def padded():
    targets = Y.clone()
    targets[:6] = -100
    return nn.Linear(4, 3), [(X, targets)], nn.CrossEntropyLoss()
"""


@pytest.fixture
def mine() -> None:
    Path("mine.py").write_text(FACTORIES)
    Path("broken.py").write_text("import absent")


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mine"], "mine: is not of the form package.module:factory"),
        (["theirs:good"], "theirs:good: there is no module 'theirs', here or installed"),
        (["mine.net:good"], "mine.net:good: there is no module 'mine.net', here or installed"),
        (["broken:good"], "broken:good: importing it raised ModuleNotFoundError: No module named 'absent' "
         "(broken.py:1)"),
        (["mine:better"], "mine:better: module 'mine' has no 'better'"),
        (["mine:constant"], "mine:constant: 'constant' is a int, not a function without arguments"),
        (["mine:raises"], "mine:raises: raised ValueError: no data (mine.py:20)"),
        (["mine:nothing"], "mine:nothing: gave None, no Task and no tuple (model, batches, loss[, optimizer])"),
        (["mine:wrong"], "mine:wrong: model is a function, expected a torch module; batches is a int, expected an "
         "iterable of tuples"),
        (["mine:miscast"], "mine:miscast: roles['0']: unknown role 'mlp_inn'; did you mean 'mlp_in'?"),
        (["mine:listed"], "mine:listed: roles is a list, expected a mapping of patterns to roles"),
        (["mine:unclear"], "mine:unclear: its loss does not say what the outputs stand for; give Task(..., "
         "likelihood=...), one of categorical, bernoulli, gaussian"),
        (["mine:no_layers"], "no_layers: has no layer that can be measured: linear, convolution or "
         "nn.MultiheadAttention with a trained weight"),
        (["mine:shapes"], "mine:shapes: step 0: raised RuntimeError: mat1 and mat2 shapes cannot be multiplied (16x4 "
         "and 5x3)"),
        (["mine:empty"], "mine:empty: batches end before the last of --steps; a generator gives them once, a list or "
         "loader again"),
        (["mine:once", "--steps", "0,1"], "mine:once: batches end before the last of --steps; a generator gives them "
         "once, a list or loader again"),
        (["mine:lonely"], "mine:lonely: step 0: raised TypeError: a batch is a tuple (*inputs, targets), not a Tensor"),
        (["mine:vector"], "mine:vector: the loss is a Tensor of shape (16,), expected a tensor with one number, the "
         "mean over the batch"),
        (["mine:diverges"], "diverges: step 0: the loss is nan"),
        (["mine:diverges", "--steps", "1"], "mine:diverges: step 0: the loss is nan"),
        (["mine:good", "--layer", "fc"], "layers: 'fc' fits no layer; there are 0, 2"),
        (
            ["mine:good", "--steps", "0,x", "--sharing", "expnd", "--fisher", "true", "--device", "tpu", "--role", "q",
             "--role", "0=qery"],
            "--device: 'tpu' is none of cpu, cuda\n"
            "--fisher: unknown value 'true'; known are empirical, sampled\n"
            "--role: 'q' is not of the form PATTERN=ROLE\n"
            "--role: unknown role 'qery'; did you mean 'query'?\n"
            "--sharing: unknown value 'expnd'; did you mean 'expand'?\n"
            "--steps: '0,x' is not a list of steps like 0,30,150",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_a_fault(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "measure", *arguments, "--out", "f.jsonl", "--quiet") == (2, "", message + "\n")


@pytest.mark.usefixtures("mine")
def test_a_failure_later_on_leaves_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "measure", "mine:activations", "--out", "f.jsonl", "--steps", "0,1", "--quiet")
    assert (code, err) == (2, "activations: step 1: the outputs of the network are not finite\n")
    assert {record.step for record in read_curvature(Path("f.jsonl"))} == {0}


@pytest.mark.usefixtures("mine")
def test_a_file_of_another_format_is_left_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    Path("notes.txt").write_text("one line")
    arguments = ["measure", "mine:good", "--out", "notes.txt"]
    assert run(capsys, *arguments) == (2, "", "notes.txt:1:1 not valid JSON: expecting value\n")
    assert Path("notes.txt").read_text() == "one line"


@pytest.mark.usefixtures("mine")
def test_lines_of_another_length_of_training_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The cosine, and the share of training that a step stands for, depend on the last step."""
    options = ["measure", "mine:good", "--out", "f.jsonl", "--quiet"]
    assert run(capsys, *options, "--steps", "0,2")[0] == 0
    before = Path("f.jsonl").read_text()
    assert json.loads(before.splitlines()[0])["last_step"] == 2
    message = (
        "f.jsonl: holds 'good' measured otherwise, with training to step 2 where this is training to step 4; "
        "choose another --out or --network\n"
    )
    assert run(capsys, *options, "--steps", "0,4") == (2, "", message)
    assert Path("f.jsonl").read_text() == before
    assert run(capsys, *options, "--steps", "1,2")[0] == 0


@pytest.mark.usefixtures("mine")
def test_roles_of_a_task_come_after_those_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["measure", "mine:cast", "--out", "f.jsonl", "--steps", "0", "--quiet"]
    assert run(capsys, *options, "--role", "2=mlp_out")[0] == 0
    roles = {record.layer: record.role.value for record in read_curvature(Path("f.jsonl"))}
    assert roles == {"0": "mlp_in", "2": "mlp_out"}


@pytest.mark.usefixtures("mine")
def test_the_users_optimizer_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    """A learning rate of zero: the network and its only batch stay as they are, and with them A."""
    assert run(capsys, "measure", "mine:tuned", "--out", "f.jsonl", "--steps", "0,3", "--quiet")[0] == 0
    first, *_, last = (record for record in read_curvature(Path("f.jsonl")) if record.layer == "2" and record.n == 9)
    assert (first.step, last.step) == (0, 3)
    assert (first.trace, first.loss) == (last.trace, last.loss)
    assert run(capsys, "measure", "mine:good", "--out", "f.jsonl", "--steps", "0,3", "--quiet")[0] == 0
    first, *_, last = (record for record in read_curvature(Path("f.jsonl")) if (record.layer, record.n) == ("2", 9))
    own = [each for each in read_curvature(Path("f.jsonl")) if (each.network, each.layer, each.n) == ("good", "2", 9)]
    assert own[0].trace != own[1].trace


@pytest.mark.usefixtures("mine")
def test_without_an_optimizer_the_recipe_is_the_documented_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "measure", "mine:steep", "--out", "f.jsonl", "--steps", "0,3,5", "--quiet")[0] == 0
    model, batches, loss_of = importlib.import_module("mine").steep()
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    losses = []
    for step in range(6):
        x, y = batches[step % 2]
        loss = loss_of(model(x), y)
        losses.append(loss.item())
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * (1 + math.cos(math.pi * step / 5)) / 2
        optimizer.zero_grad()
        loss.backward()
        norm = torch.cat([each.grad.flatten() for each in model.parameters()]).norm()
        for each in model.parameters():
            each.grad *= min(1.0, 1.0 / float(norm + 1e-6))
        optimizer.step()
    found = {record.step: record.loss for record in read_curvature(Path("f.jsonl"))}
    assert found == pytest.approx({step: losses[step] for step in (0, 3, 5)}, rel=1e-5)


@pytest.mark.usefixtures("mine")
def test_targets_that_are_none_do_not_count(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "measure", "mine:padded", "--out", "f.jsonl", "--steps", "0", "--quiet")[0] == 0
    assert run(capsys, "measure", "mine:labels", "--out", "f.jsonl", "--steps", "0", "--quiet")[0] == 0
    padded, labels = (record for record in read_curvature(Path("f.jsonl")) if record.side == "G")
    assert (padded.network, padded.rows, padded.terms) == ("padded", 16, 10)
    assert (labels.network, labels.rows, labels.terms) == ("labels", 16, 16)
    assert labels.eigenvalues[1][1] == labels.smallest == 0.0  # nobody knows the second label
    assert (labels.kind, labels.width, labels.data) == ("mlp", 4, "random")


@pytest.mark.usefixtures("mine")
def test_measuring_again_adds_only_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["mine:good", "--out", "f.jsonl", "--quiet", "--seed", "5"]
    assert run(capsys, "measure", *options, "--steps", "0,4")[0] == 0
    before = Path("f.jsonl").read_text()
    assert run(capsys, "measure", *options, "--steps", "0,4")[0] == 0
    assert Path("f.jsonl").read_text() == before
    Path("f.jsonl").write_text("".join(before.splitlines(keepends=True)[:5]) + '{"network": "go')
    assert run(capsys, "measure", *options, "--steps", "0,4")[0] == 0
    assert Path("f.jsonl").read_text() == before
