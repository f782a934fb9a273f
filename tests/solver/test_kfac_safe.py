"""K-FAC as a torch optimizer: groups, schedulers, scaled gradients, resuming, tied weights, accumulation."""

import copy
import io

import pytest
import torch
from torch import nn
from torch.nn import functional

from costmodel import load_card
from solver import Converter, Machine, MissedTarget, invert, invert_by_columns, solve
from solver.kfac import KFAC, Cholesky, Eigen, NewtonSchulz, ThermoInverse, ThermoSolve


def network():
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(5, 4), nn.LayerNorm(4), nn.Tanh(), nn.Linear(4, 3)).double()


def batches(count):
    source = torch.Generator().manual_seed(7)
    for _ in range(count):
        yield torch.randn(6, 5, dtype=torch.float64, generator=source), torch.randint(0, 3, (6,), generator=source)


def train(model, optimizer, data, scheduler=None):
    for x, y in data:
        optimizer.zero_grad()
        logits = model(x)
        optimizer.observe([functional.cross_entropy(logits, y, reduction="sum")], examples=len(x))
        functional.cross_entropy(logits, y).backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
    return torch.cat([p.detach().flatten() for p in model.parameters()])


BACKENDS = {
    "cholesky": Cholesky,
    "eigen": Eigen,
    "newton_schulz": NewtonSchulz,
    "thermo.inverse": lambda: ThermoInverse(Machine(dac=Converter(bits=12)), samples=200),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("steps", [3, 4])
def test_a_resumed_run_is_the_same_run(backend, steps):
    """Saved between two refreshes (after 3 steps of every 4) and at one, through a file that needs no trust."""
    rules = {"lr": 0.1, "damping": 0.05, "momentum": 0.9, "factor_interval": 2, "refresh_interval": 4, "other_lr": 0.02}
    model = network()
    data = list(batches(8))
    optimizer = KFAC(model, backend=BACKENDS[backend](), **rules)
    train(model, optimizer, data[:steps])
    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, file)
    through = train(model, optimizer, data[steps:])
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    resumed = network()
    resumed.load_state_dict(saved["model"])
    again = KFAC(resumed, backend=BACKENDS[backend](), **rules)
    again.load_state_dict(saved["optimizer"])
    assert torch.equal(train(resumed, again, data[steps:]), through)
    assert optimizer.steps == again.steps == 8
    if backend == "thermo.inverse":
        assert again.backend.ledger == optimizer.backend.ledger


def test_a_state_does_not_move_with_the_run_that_it_was_taken_of():
    model, other = network(), network()
    optimizer, fresh = KFAC(model, damping=0.05), KFAC(other, damping=0.05)
    train(model, optimizer, batches(2))
    saved = copy.deepcopy(optimizer.state_dict())
    fresh.load_state_dict(optimizer.state_dict())
    train(model, optimizer, batches(3))
    for name, state in saved["kfac_state"]["layers"].items():
        (layer,) = (each for each in fresh.layers if each.name == name)
        assert torch.equal(layer.A, state["A"])


def test_states_that_do_not_fit_change_nothing():
    model = network()
    optimizer = KFAC(model, damping=0.05)
    train(model, optimizer, batches(1))
    before = optimizer.layers[0].A
    saved = optimizer.state_dict()
    for state, message in (
        (torch.optim.Adam(model.parameters()).state_dict(), "not a state of KFAC: it has no 'kfac_state'"),
        (KFAC(model, excluded=["3"]).state_dict(), "the state is of other layers: '3' only here or only there"),
        (KFAC(model, sharing="reduce").state_dict(), "sharing: the state was saved with reduce, this one has expand"),
        (
            {**saved, "kfac_state": {**saved["kfac_state"], "layers": {
                **saved["kfac_state"]["layers"], "0": {"A": torch.eye(2), "G": None, "prepared": None}}}},
            "0: its A has shape (6, 6), the state has (2, 2)",
        ),
    ):  # fmt: skip
        with pytest.raises(ValueError) as error:
            optimizer.load_state_dict(state)
        assert str(error.value) == message
        assert optimizer.layers[0].A is before


def test_schedulers_and_scalers_reach_every_parameter():
    """A rate of 0 after two steps leaves every weight, K-FAC's and Adam's, where it is."""
    model = network()
    optimizer = KFAC(model, damping=0.05, lr=0.1, other_lr=0.01)
    reached = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert reached == {id(p) for p in model.parameters()}
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: float(step < 2))
    two = train(model, optimizer, batches(2), scheduler)
    assert [group["lr"] for group in optimizer.param_groups] == [0.0, 0.0]
    assert torch.equal(train(model, optimizer, batches(3)), two)
    # cycles the momentum of K-FAC and the betas of Adam
    torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=[0.1, 0.01], total_steps=5)


def test_scaled_gradients_are_unscaled_for_both_rules():
    weights = []
    for scale in (1.0, 1024.0):
        model = network()
        optimizer = KFAC(model, damping=0.05, lr=0.1, momentum=0.9, other_lr=0.01)
        scaler = torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=1000)
        for x, y in batches(3):
            optimizer.zero_grad()
            logits = model(x)
            optimizer.observe([functional.cross_entropy(logits, y, reduction="sum")], examples=len(x))
            scaler.scale(functional.cross_entropy(logits, y)).backward()
            scaler.step(optimizer)
            scaler.update()
        weights.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    torch.testing.assert_close(weights[1], weights[0], rtol=1e-12, atol=1e-14)


def test_a_scaler_skips_both_rules_on_overflow():
    model = network()
    optimizer = KFAC(model, damping=0.05)
    scaler = torch.amp.GradScaler("cpu")
    before = [p.detach().clone() for p in model.parameters()]
    ((x, y),) = batches(1)
    logits = model(x)
    optimizer.observe([functional.cross_entropy(logits, y, reduction="sum")], examples=len(x))
    (scaler.scale(functional.cross_entropy(logits, y)) * torch.inf).backward()
    scaler.step(optimizer)
    for parameter, old in zip(model.parameters(), before, strict=True):
        assert torch.equal(parameter, old)


def test_groups_have_settings_of_their_own():
    """No decay on biases and norms; a layer that is not given stays as it is."""
    model = network()
    decayed = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": decayed, "weight_decay": 0.5}, {"params": rest, "weight_decay": 0.0, "other_lr": 0.02}]
    optimizer = KFAC(model, groups, lr=0.1, damping=0.05)
    assert [(g["kfac"], g["lr"], g["weight_decay"], len(g["params"])) for g in optimizer.param_groups] == [
        (True, 0.1, 0.5, 2),
        (True, 0.1, 0.0, 2),
        (False, 0.02, 0.0, 2),
    ]
    reference = network()
    plain = KFAC(reference, lr=0.1, damping=0.05, other_lr=0.02)
    before = [p.detach().clone() for p in reference.parameters()]
    train(model, optimizer, batches(1))
    train(reference, plain, batches(1))
    for moved, free, start in zip(model.parameters(), reference.parameters(), before, strict=True):
        lost = 0.1 * 0.5 * start if start.dim() > 1 else torch.zeros_like(start)
        torch.testing.assert_close(free.detach() - moved.detach(), lost, rtol=1e-9, atol=1e-12)
    head = KFAC(model, model[3].parameters(), damping=0.05)
    still = [p.detach().clone() for p in (*model[0].parameters(), *model[1].parameters())]
    train(model, head, batches(1))
    assert [layer.name for layer in head.layers] == ["3"]
    for parameter, old in zip((*model[0].parameters(), *model[1].parameters()), still, strict=True):
        assert torch.equal(parameter, old)
    with pytest.raises(ValueError) as error:
        KFAC(model, [model[0].weight])
    assert str(error.value) == "0: its weight is to be moved, its bias is not; give both, or freeze the bias"
    with pytest.raises(ValueError, match="no parameters to move"):
        KFAC(model, [])


class Tied(nn.Module):
    """One weight, used by two modules or by one module twice."""

    def __init__(self, twice):
        super().__init__()
        torch.manual_seed(4)
        self.first = nn.Linear(3, 3).double()
        self.second = self.first
        if not twice:
            self.second = nn.Linear(3, 3).double()
            self.second.weight, self.second.bias = self.first.weight, self.first.bias

    def forward(self, x):
        return self.second(torch.tanh(self.first(x)))


def test_tied_weights_move_once_and_see_both_uses():
    weights, factors = [], []
    for twice in (True, False):
        model = Tied(twice)
        optimizer = KFAC(model, lr=0.1, damping=0.05)
        assert [layer.name for layer in optimizer.layers] == ["first"]
        data = [(x[:, :3], y) for x, y in batches(3)]
        weights.append(train(model, optimizer, data))
        factors.append((optimizer.layers[0].A, optimizer.layers[0].G))
    assert torch.equal(weights[0], weights[1])
    assert torch.equal(factors[0][0], factors[1][0])
    assert torch.equal(factors[0][1], factors[1][1])


def test_what_is_left_to_adam_is_named_with_its_reason():
    model = nn.ModuleDict(
        {
            "attention": nn.MultiheadAttention(4, 2),
            "grouped": nn.Conv2d(4, 4, 3, groups=2),
            "norm": nn.LayerNorm(4),
            "words": nn.Embedding(9, 4),
            "out": nn.Linear(4, 2),
            "head": nn.Linear(4, 2, bias=False),
        }
    )
    optimizer = KFAC(model, excluded=["head"])
    assert [layer.name for layer in optimizer.layers] == ["out"]
    function = "nn.MultiheadAttention uses it by function, where nothing sees its inputs"
    assert optimizer.left_to_adam == {
        "attention.in_proj_weight": "no Kronecker factors of MultiheadAttention",
        "attention.in_proj_bias": "no Kronecker factors of MultiheadAttention",
        "attention.out_proj.weight": function,
        "attention.out_proj.bias": function,
        "grouped.weight": "grouped Conv2d",
        "grouped.bias": "grouped Conv2d",
        "norm.weight": "no Kronecker factors of LayerNorm",
        "norm.bias": "no Kronecker factors of LayerNorm",
        "words.weight": "no Kronecker factors of Embedding",
        "head.weight": "excluded",
    }


def test_a_transformer_block_trains():
    """Its attention is used by function; every parameter moves, by K-FAC or by Adam."""
    torch.manual_seed(0)
    model = nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, batch_first=True).double()
    optimizer = KFAC(model, damping=0.05, lr=0.1)
    assert [layer.name for layer in optimizer.layers] == ["linear1", "linear2"]
    before = [p.detach().clone() for p in model.parameters()]
    x = torch.randn(4, 5, 8, dtype=torch.float64)
    loss = (model(x) * torch.randn(4, 5, 8, dtype=torch.float64)).sum()
    optimizer.observe([loss], examples=4)
    loss.backward()
    optimizer.step()
    assert all(not torch.equal(p, old) for p, old in zip(model.parameters(), before, strict=True))


def test_a_weight_used_by_function_is_named():
    class ByFunction(nn.Module):
        def __init__(self):
            super().__init__()
            self.seen, self.hidden = nn.Linear(3, 3), nn.Linear(3, 2)

        def forward(self, x):
            return functional.linear(self.seen(x), self.hidden.weight, self.hidden.bias)

    model = ByFunction()
    optimizer = KFAC(model)
    loss = model(torch.randn(5, 3)).sum()
    optimizer.observe([loss], examples=5)
    loss.backward()
    with pytest.raises(RuntimeError) as error:
        optimizer.step()
    assert str(error.value) == (
        "layer hidden has no factors yet though it has a gradient: its module was not called in training mode when the "
        "factors were due, as where a function takes its weight; leave it to Adam with excluded=['hidden']"
    )


def test_accumulated_parts_are_the_whole_batch():
    """Parts of 2 and 4 of six examples, observed and backpropagated one after the other; two steps, with a decay."""
    weights, factors = [], []
    for cuts in ([6], [2, 4]):
        model = network()
        optimizer = KFAC(model, lr=0.1, damping=0.05, decay=0.5)
        for x, y in batches(2):
            optimizer.zero_grad()
            for part, labels in zip(x.split(cuts), y.split(cuts), strict=True):
                logits = model(part)
                optimizer.observe([functional.cross_entropy(logits, labels, reduction="sum")], examples=len(part))
                (functional.cross_entropy(logits, labels, reduction="sum") / len(x)).backward()
            optimizer.step()
        weights.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
        factors.append([factor for layer in optimizer.layers for factor in (layer.A, layer.G)])
    torch.testing.assert_close(weights[1], weights[0], rtol=1e-9, atol=1e-12)
    for part, whole in zip(factors[1], factors[0], strict=True):
        torch.testing.assert_close(part, whole, rtol=1e-10, atol=1e-12)


def test_numbers_that_are_none_move_no_factor():
    model = network()
    optimizer = KFAC(model, damping=0.05)
    train(model, optimizer, batches(1))
    held = optimizer.layers[0].A
    optimizer.zero_grad()
    with pytest.raises(FloatingPointError) as error:
        optimizer.observe([model(torch.full((6, 5), torch.nan, dtype=torch.float64)).sum()], examples=6)
    assert str(error.value) == "layer 0: inputs or gradients of this batch are not finite"
    assert optimizer.layers[0].A is held


def test_a_solve_that_misses_its_target_says_so():
    """7 bits cannot reach 0.01; 16 can reach 0.05, and nothing is said."""
    source = torch.Generator().manual_seed(1)
    root = torch.randn(12, 12, dtype=torch.float64, generator=source)
    A = root @ root.T / 12 + 0.1 * torch.eye(12, dtype=torch.float64)
    B = torch.randn(12, 2, dtype=torch.float64, generator=source)
    runs = {
        "invert": lambda machine, error: invert(A, machine, error=error, seed=3),
        "columns": lambda machine, error: invert_by_columns(A, machine, settle_error=error),
        "solve": lambda machine, error: solve(A, B, machine, error=error),
    }
    for run in runs.values():
        with pytest.warns(MissedTarget, match=r"the machine left 0\.\d+: bits, mismatch or noise, not time, limit it"):
            coarse = run(Machine(dac=Converter(bits=7)), 0.01)
        assert coarse.missed
        assert coarse.reached > 2 * coarse.target
        fine = run(Machine(dac=Converter(bits=16)), 0.05)
        assert not fine.missed
        assert 0 < fine.reached < 0.1
    assert invert(A, Machine(), samples=50).reached is None


def test_misses_are_counted_and_told_once():
    model = network()
    backend = ThermoSolve(Machine(dac=Converter(bits=6)), error=1e-3)
    optimizer = KFAC(model, backend=backend, damping=0.5)
    with pytest.warns(MissedTarget) as told:
        train(model, optimizer, batches(2))
    assert len([each for each in told if each.category is MissedTarget]) == 1
    assert backend.missed == 8


def test_a_machine_from_a_card():
    """kT/C of 1 nF is 4.1e-12 V^2; a clock in units of the largest coupling has no simulator's unit."""
    card = load_card("tngd-2024", set={"input_bits": "9 bit", "mismatch": 0.02, "arrays": 3})
    machine = Machine.from_card(card)
    assert (machine.dac.bits, machine.adc.bits, machine.mismatch, machine.arrays, machine.cells) == (
        9,
        16,
        0.02,
        3,
        None,
    )
    assert machine.noise == pytest.approx(4.1e-12**0.5)
    other = load_card("tngd-2024", set={"relaxation_of": "largest_coupling"})
    with pytest.raises(ValueError) as error:
        Machine.from_card(other)
    assert str(error.value) == (
        "tngd-2024: its relaxation time is of the largest coupling, the simulator's of the largest eigenvalue; how far "
        "apart they are depends on the matrix, so give tau_s"
    )
