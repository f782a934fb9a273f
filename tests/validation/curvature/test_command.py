"""``curvature measure`` and ``curvature show`` as their users run them."""

import csv
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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

class Diverging(nn.CrossEntropyLoss):
    def forward(self, outputs, targets):
        return super().forward(outputs, targets) * float("nan")

def diverges():
    return good()[0], [(X, Y)], Diverging()

def labels():
    model = nn.Linear(4, 2)
    targets = torch.tensor([[0.0, float("nan")], [1.0, 1.0]]).repeat(8, 1)

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
    for arguments in (["measure", "mine:good", "--out", "notes.txt"], ["show", "notes.txt"]):
        assert run(capsys, *arguments) == (2, "", "notes.txt:1:1 not valid JSON: expecting value\n")
    assert Path("notes.txt").read_text() == "one line"


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
def test_targets_that_are_none_do_not_count(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "measure", "mine:padded", "--out", "f.jsonl", "--steps", "0", "--quiet")[0] == 0
    assert run(capsys, "measure", "mine:labels", "--out", "f.jsonl", "--steps", "0", "--quiet")[0] == 0
    padded, labels = (record for record in read_curvature(Path("f.jsonl")) if record.side == "G")
    assert (padded.network, padded.rows, padded.terms) == ("padded", 16, 10)
    assert (labels.network, labels.rows, labels.terms) == ("labels", 16, 16)
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


def lines() -> str:
    """Two steps of a layer by hand: at the second, G is a hundredth and theta with it."""
    A = {"network": "net", "kind": "mlp", "width": 4, "data": "d", "step": 0, "loss": 2.5, "layer": "l.0", "side": "A",
         "n": 4, "rows": 8, "terms": 8, "trace": 8.0, "subspace": False, "eigenvalues": {"1": 4.0, "4": 1.0},
         "smallest": 1.0}  # fmt: skip
    G = {**A, "side": "G", "n": 2, "trace": 0.2, "eigenvalues": {"1": 0.1, "2": 0.1}, "smallest": 0.1}
    low = {"trace": 0.002, "eigenvalues": {"1": 0.001, "2": 0.001}, "smallest": 0.001}
    later = [{**A, "step": 9, "loss": None}, {**G, "step": 9, **low, "loss": None}]
    alone = {**A, "layer": "l.1"}
    return "".join(json.dumps(each) + "\n" for each in (A, G, *later, alone))


def test_show_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    """Theta = 8 / 4 * 0.2 / 2 = 0.2; at damping 0.002 the root is 10, kappa of A 1 + 4 / 2 * 10, of G 1 + 10."""
    Path("f.jsonl").write_text(lines())
    code, out, err = run(capsys, "show", "f.jsonl", "--damping", "0.002", "--format", "csv")
    assert (code, err) == (0, "")
    first, second = csv.DictReader(io.StringIO(out))
    assert (first["layer"], first["role"], first["n_A"], first["n_G"], first["loss"]) == (
        "l.0",
        "first",
        "4",
        "2",
        "2.5",
    )
    for name, value in (
        ("theta", 0.2), ("stable_rank_A", 2), ("stable_rank_G", 2), ("condition_number_A", 21),
        ("condition_number_G", 11),
    ):  # fmt: skip
        assert float(first[name]) == pytest.approx(value, rel=1e-12)
    assert float(second["theta"]) == pytest.approx(0.002, rel=1e-12)
    assert float(second["condition_number_A"]) == pytest.approx(3, rel=1e-12)
    code, out, _ = run(capsys, "show", "f.jsonl", "--damping", "0.002", "--format", "json")
    assert json.loads(out)["damping"] == 0.002
    assert [row["step"] for row in json.loads(out)["layers"]] == [0, 9]
    code, out, _ = run(capsys, "show", "f.jsonl", "--damping", "0.002", "--format", "markdown")
    assert "| net | 9 | first | 1 | 2.0e-03 | 2 | 2 | 3 | 2 |" in out
    assert "| net | first | 0 | 2.5 | 2.0e-01 | 2 | 2 | 21 | 11 |" in out
    assert "1 factors without their partner are left out." in out


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_plots_are_of_the_kind_of_their_name(suffix: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("f.jsonl").write_text(lines())
    assert run(capsys, "show", "f.jsonl", "--plot", f"p.{suffix}")[0] == 0
    start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[suffix]
    assert Path(f"p.{suffix}").read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no.jsonl"], "no.jsonl: cannot be read: No such file or directory"),
        (["f.jsonl", "--damping", "0"], "--damping: 0 is not above 0"),
        (["f.jsonl", "--damping", "nan"], "--damping: nan is not above 0"),
        (["f.jsonl", "--network", "nets"], "--network: unknown network 'nets'; did you mean 'net'?"),
        (["f.jsonl", "--plot", "p.gif"], "--plot: 'p.gif' ends with none of .png, .svg, .pdf"),
        (["f.jsonl", "--plot", "no/p.png"], "--plot: 'no/p.png' cannot be written: No such file or directory"),
        (["half.jsonl"], "half.jsonl: holds no layer of which both factors are known"),
    ],
)
def test_what_cannot_be_shown_says_so(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("f.jsonl").write_text(lines())
    Path("half.jsonl").write_text(lines().splitlines()[0])
    assert run(capsys, "show", *arguments) == (2, "", message + "\n")
