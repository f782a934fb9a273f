"""K-FAC against curvlinops, against dense Kronecker algebra written out here, and its backends against each other."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from solver import Converter, Machine, MatrixError, invert
from solver.kfac import (
    KFAC,
    Cholesky,
    Damping,
    Eigen,
    NewtonSchulz,
    Sharing,
    ThermoInverse,
    ThermoSolve,
    damp,
    exact_cross_entropy,
    sampled_cross_entropy,
)
from solver.kfac.capture import Capture, covered_layers


def seeded(seed=0):
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)


class Tokens(nn.Module):
    """A layer over tokens, their mean, a head."""

    def __init__(self):
        super().__init__()
        self.first, self.head = nn.Linear(5, 4), nn.Linear(4, 3)

    def forward(self, x):
        return self.head(torch.tanh(self.first(x)).mean(1))


MODELS = {
    "mlp": (lambda: nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)), (6, 5)),
    "no bias": (lambda: nn.Sequential(nn.Linear(5, 4, bias=False), nn.Tanh(), nn.Linear(4, 3)), (6, 5)),
    "tokens": (Tokens, (6, 7, 5)),
    "convolution": (
        lambda: nn.Sequential(nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.Tanh(), nn.Flatten(), nn.Linear(27, 3)),
        (6, 2, 5, 5),
    ),
}


def problem(name):
    seeded(3)
    make, shape = MODELS[name]
    model, x = make().double(), torch.randn(shape, dtype=torch.float64)
    return model, x, torch.randint(0, 3, (shape[0],))


def natural_gradients(model, x, y, empirical=True, **options):
    optimizer = KFAC(model, **options)
    logits = model(x)
    losses = [functional.cross_entropy(logits, y, reduction="sum")] if empirical else exact_cross_entropy(logits)
    optimizer.observe(losses, examples=len(x))
    functional.cross_entropy(logits, y).backward()
    with torch.no_grad():
        return optimizer, optimizer.precondition(optimizer.layers)


def dense_solution(layer, damping, rule):
    """(A (x) G + damping)^-1 vec(gradient) with the factors damped and the Kronecker product formed."""
    A, G = damp(layer.A, layer.G, damping, rule)
    gradient = layer.gradient()
    return torch.linalg.solve(torch.kron(A, G), gradient.mT.flatten()).reshape(gradient.mT.shape).mT


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("rule", list(Damping))
def test_preconditioning_is_the_dense_kronecker_solve(name, rule):
    model, x, y = problem(name)
    optimizer, directions = natural_gradients(model, x, y, damping=0.02, rule=rule)
    for layer, direction in zip(optimizer.layers, directions, strict=True):
        torch.testing.assert_close(direction, dense_solution(layer, 0.02, rule), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("sharing", list(Sharing))
@pytest.mark.parametrize("rule", list(Damping))
@pytest.mark.parametrize("empirical", [True, False])
def test_equals_curvlinops(name, sharing, rule, empirical):
    curvlinops = pytest.importorskip("curvlinops")
    model, x, y = problem(name)
    optimizer, directions = natural_gradients(
        model, x, y, empirical=empirical, damping=0.02, rule=rule, sharing=sharing
    )
    operator = curvlinops.KFACLinearOperator(
        model,
        nn.CrossEntropyLoss(),
        list(model.parameters()),
        [(x, y)],
        fisher_type=curvlinops.FisherType.EMPIRICAL if empirical else curvlinops.FisherType.TYPE2,
        kfac_approx=curvlinops.KFACType.EXPAND if sharing is Sharing.EXPAND else curvlinops.KFACType.REDUCE,
        separate_weight_and_bias=False,
        check_deterministic=False,
    )
    operator.compute_kronecker_factors()
    inverse = curvlinops.KFACInverseLinearOperator(operator, damping=0.02, use_heuristic_damping=rule is Damping.PI)
    expected = inverse @ [p.grad for p in model.parameters()]
    got = []
    for layer, direction in zip(optimizer.layers, directions, strict=True):
        weight, bias = layer.module.weight, layer.module.bias
        torch.testing.assert_close(layer.A, operator._input_covariances[layer.name], rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(layer.G, operator._gradient_covariances[layer.name], rtol=1e-12, atol=1e-14)
        got.append(direction[:, : weight[0].numel()].reshape(weight.shape))
        if bias is not None:
            got.append(direction[:, -1])
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_exact_fisher_of_a_linear_softmax_model_is_the_ggn():
    """One example, one linear layer: K-FAC has no approximation left, so A (x) G is x x^T (x) (diag(p) - p p^T)."""
    seeded()
    model, x = nn.Linear(4, 3, bias=False).double(), torch.randn(1, 4, dtype=torch.float64)
    optimizer = KFAC(model)
    logits = model(x)
    optimizer.observe(exact_cross_entropy(logits), examples=1)
    p = logits.detach().softmax(-1)[0]
    (layer,) = optimizer.layers
    torch.testing.assert_close(layer.A, x.T @ x)
    torch.testing.assert_close(layer.G, torch.diag(p) - torch.outer(p, p))


def test_sampled_fisher_has_the_exact_one_as_its_mean():
    """20 000 copies of one input: entries of g g^T are at most 1, so 4 standard errors are below 4 / sqrt(20 000)."""
    generator = seeded()
    model = nn.Linear(4, 3, bias=False).double()
    x = torch.randn(1, 4, dtype=torch.float64).expand(20_000, 4)
    factors = []
    for draw in (lambda z: [sampled_cross_entropy(z, generator)], exact_cross_entropy):
        optimizer = KFAC(model)
        optimizer.observe(draw(model(x)), examples=20_000)
        factors.append(optimizer.layers[0].G)
        model._forward_hooks.clear()
    assert (factors[0] - factors[1]).abs().max() < 4 / 20_000**0.5


def test_graph_rows_reduce_over_their_graph_by_hand():
    """Two graphs with nodes {0, 1} and {2}: inputs averaged, gradients summed within each graph."""
    model = nn.Linear(2, 1, bias=False).double()
    x = torch.tensor([[1.0, 0.0], [3.0, 2.0], [5.0, 4.0]], dtype=torch.float64)
    optimizer = KFAC(model, sharing=Sharing.REDUCE)
    output = model(x)
    loss = (output * torch.tensor([[1.0], [2.0], [-1.0]], dtype=torch.float64)).sum()
    optimizer.observe([loss], examples=2, segments={"": torch.tensor([0, 0, 1])})
    (layer,) = optimizer.layers
    # means (2, 1) and (5, 4); sums of gradients 3 and -1
    expected = torch.tensor([[4 + 25, 2 + 20], [2 + 20, 1 + 16]], dtype=torch.float64) / 2
    torch.testing.assert_close(layer.A, expected)
    assert layer.G.item() == (9 + 1) / 2


def test_graph_and_token_layers_agree_when_graphs_have_one_size():
    """Six graphs of seven nodes are six examples of seven tokens."""
    for sharing in Sharing:
        model, x, y = problem("tokens")
        _, tokens = natural_gradients(model, x, y, sharing=sharing)

        class Graphs(Tokens):
            def forward(self, nodes):
                return self.head(torch.tanh(self.first(nodes)).reshape(6, 7, 4).mean(1))

        graphs = Graphs().double()
        graphs.load_state_dict(model.state_dict())
        optimizer = KFAC(graphs, sharing=sharing)
        logits = graphs(x.reshape(42, 5))
        loss = functional.cross_entropy(logits, y, reduction="sum")
        optimizer.observe([loss], examples=6, segments={"first": torch.arange(6).repeat_interleave(7)})
        functional.cross_entropy(logits, y).backward()
        with torch.no_grad():
            for got, expected in zip(optimizer.precondition(optimizer.layers), tokens, strict=True):
                torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("backend", [Eigen(), NewtonSchulz(1e-13)])
def test_digital_backends_agree(backend):
    model, x, y = problem("mlp")
    _, expected = natural_gradients(model, x, y, backend=Cholesky())
    model.zero_grad()
    _, got = natural_gradients(model, x, y, backend=backend)
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-10)


def test_newton_schulz_reports_what_it_could_not_reach():
    matrix = torch.diag(torch.tensor([1.0, 1e-12], dtype=torch.float64))
    with pytest.raises(ArithmeticError, match="after 5 iterations"):
        NewtonSchulz(limit=5).prepare(matrix, matrix)


@pytest.mark.parametrize("name", ["mlp", "tokens", "convolution"])
def test_a_perfect_machine_equals_the_digital_optimizer(name):
    """Method 2 without noise, settled to 1e-12; the trained weights agree after five steps."""
    weights = []
    for backend in (Cholesky(), ThermoSolve(Machine(), error=1e-11)):
        model, x, y = problem(name)
        optimizer = KFAC(model, lr=0.3, backend=backend, damping=0.05, momentum=0.9, clip=0.1)
        for _ in range(5):
            optimizer.zero_grad()
            logits = model(x)
            optimizer.observe([functional.cross_entropy(logits, y, reduction="sum")], examples=len(x))
            functional.cross_entropy(logits, y).backward()
            optimizer.step()
        weights.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    torch.testing.assert_close(weights[1], weights[0], rtol=1e-7, atol=1e-8)


def test_method_1_approaches_the_digital_optimizer_as_its_error_falls():
    """Relative error of the direction: bounded by the sum of both inverses' errors, about ten times less for 1 / 10."""
    model, x, y = problem("mlp")
    _, expected = natural_gradients(model, x, y, damping=0.05)
    errors = []
    for target in (0.1, 0.01):
        model.zero_grad()
        backend = ThermoInverse(Machine(), error=target, burn_in_error=1e-6)
        _, got = natural_gradients(model, x, y, damping=0.05, backend=backend)
        errors.append((torch.cat([g.flatten() for g in got]) - torch.cat([e.flatten() for e in expected])).norm())
    scale = torch.cat([e.flatten() for e in expected]).norm()
    assert errors[1] / scale < 3 * 2 * 0.01
    assert errors[1] < errors[0] / 3


def test_ledgers_add_up_over_layers_and_steps():
    """MLP 5-4-3 with biases: factors 6 and 4 in, 4 and 3 out of the layers... uploads 36 + 16 + 25 + 9 a refresh."""
    model, x, y = problem("mlp")
    backend = ThermoInverse(Machine(), samples=50)
    optimizer = KFAC(model, backend=backend, damping=0.1, refresh_interval=2)
    for _ in range(4):
        optimizer.zero_grad()
        logits = model(x)
        optimizer.observe([functional.cross_entropy(logits, y, reduction="sum")], examples=6)
        functional.cross_entropy(logits, y).backward()
        optimizer.step()
    assert backend.ledger.uploaded_values == 2 * (36 + 16 + 25 + 9)
    assert backend.ledger.programmings == 2 * 4


def test_intervals_decay_and_rest_parameters():
    """Factors move at steps 0 and 2 only; the second look mixes a quarter of the new batch in; LayerNorm moves too."""
    seeded(1)
    model = nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3), nn.Linear(3, 2)).double()
    optimizer = KFAC(model, lr=0.0, decay=0.75, factor_interval=2, other_lr=0.1)
    norm = model[1].weight.detach().clone()
    looks = []
    batches = [torch.randn(8, 3, dtype=torch.float64) for _ in range(3)]
    for x in batches:
        logits = model(x)
        optimizer.observe(
            [functional.cross_entropy(logits, torch.zeros(8, dtype=torch.long), reduction="sum")], examples=8
        )
        logits.square().mean().backward()
        optimizer.step()
        looks.append(optimizer.layers[0].A.clone())
    extended = [torch.cat([x, torch.ones(8, 1)], 1) for x in batches]
    first, third = extended[0].T @ extended[0] / 8, extended[2].T @ extended[2] / 8
    torch.testing.assert_close(looks[1], first)
    torch.testing.assert_close(looks[2], 0.75 * first + 0.25 * third)
    assert not torch.equal(model[1].weight, norm)


def test_clip_bounds_the_fisher_norm_of_the_step():
    model, x, y = problem("mlp")
    optimizer, directions = natural_gradients(model, x, y, lr=0.5, clip=1e-3)
    before = [layer.gradient().clone() for layer in optimizer.layers]
    with torch.no_grad():
        scale = optimizer._clip(optimizer.layers, directions)
    norm = sum((scale * d * g).sum().item() for d, g in zip(directions, before, strict=True))
    assert 0.25 * norm * scale == pytest.approx(1e-3)
    assert scale < 1


def test_weight_decay_is_decoupled_and_scaled_by_the_learning_rate():
    """One step with and without a decay of 0.5 at lr = 0.2: they differ by 0.2 * 0.5 of the weights before the step."""
    after, before = [], []
    for decay in (0.0, 0.5):
        model, x, y = problem("mlp")
        before = [p.detach().clone() for p in model.parameters()]
        optimizer, _ = natural_gradients(model, x, y, lr=0.2, damping=0.05, weight_decay=decay)
        optimizer.step()
        after.append([p.detach() for p in model.parameters()])
    for plain, decayed, start in zip(*after, before, strict=True):
        torch.testing.assert_close(plain - decayed, 0.1 * start, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["mlp", "convolution"])
def test_a_frozen_bias_is_no_part_of_the_factors(name):
    """The step on the weights is that of the same layer with the bias as a constant: A has no row for it."""
    model, x, y = problem(name)
    model[0].bias.requires_grad_(False)
    start = model[0].bias.clone()
    optimizer, directions = natural_gradients(model, x, y, lr=0.2, damping=0.02, weight_decay=0.5)
    for layer, direction in zip(optimizer.layers, directions, strict=True):
        torch.testing.assert_close(direction, dense_solution(layer, 0.02, Damping.PI), rtol=1e-9, atol=1e-12)
    inputs = model[0].weight[0].numel()
    assert optimizer.layers[0].A.shape == (inputs, inputs)
    before = model[0].weight.detach().clone()
    optimizer.step()
    assert torch.equal(model[0].bias, start)
    moved = 0.9 * before - 0.2 * directions[0].reshape(before.shape)
    torch.testing.assert_close(model[0].weight.detach(), moved, rtol=1e-9, atol=1e-12)


def test_a_frozen_weight_leaves_its_bias_to_adam():
    model, x, y = problem("mlp")
    model[0].weight.requires_grad_(False)
    weight, bias = (p.detach().clone() for p in model[0].parameters())
    optimizer, _ = natural_gradients(model, x, y, other_lr=0.1)
    assert [layer.name for layer in optimizer.layers] == ["2"]
    optimizer.step()
    assert torch.equal(model[0].weight, weight)
    # the first step of Adam moves every entry by its learning rate
    torch.testing.assert_close((model[0].bias.detach() - bias).abs(), torch.full_like(bias, 0.1), rtol=1e-4, atol=0)


def test_an_activation_in_place_changes_no_factor():
    """The output that a hook sees is overwritten by the activation; the gradient wanted is that before it."""
    factors = []
    for in_place in (False, True):
        seeded(3)
        model = nn.Sequential(nn.Linear(5, 4), nn.ReLU(inplace=in_place), nn.Linear(4, 3)).double()
        x, y = torch.randn(6, 5, dtype=torch.float64), torch.randint(0, 3, (6,))
        optimizer, _ = natural_gradients(model, x, y)
        factors.append([factor for layer in optimizer.layers for factor in (layer.A, layer.G)])
    for outside, inside in zip(*factors, strict=True):
        torch.testing.assert_close(inside, outside, rtol=0, atol=0)


def test_an_input_given_by_name_changes_no_factor():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, x, named):
            return self.layer(input=x) if named else self.layer(x)

    network, x = Net(), torch.randn(5, 3)
    found = []
    for named in (False, True):
        with Capture(covered_layers(network)) as seen:
            network(x, named).sum().backward()
        found.append(seen.calls["layer"][0].inputs)
    assert torch.equal(found[0], x)
    assert torch.equal(found[1], x)


def test_misuse_is_explained():
    model, x, y = problem("mlp")
    optimizer = KFAC(model)
    with pytest.raises(RuntimeError, match="call the model first"):
        optimizer.observe([torch.zeros(())], examples=6)
    functional.cross_entropy(model(x), y).backward()
    with pytest.raises(RuntimeError, match="layer 0 has no factors yet"):
        optimizer.step()
    with pytest.raises(ValueError, match="damping must be positive"):
        damp(torch.eye(2), torch.eye(2), 0.0, Damping.PI)
    with pytest.raises(ValueError, match="intervals >= 1"):
        KFAC(model, factor_interval=0)


def test_misspelt_layers_are_named():
    """Left alone, the one would be preconditioned and the nodes of the other taken for graphs."""
    model, x, _ = problem("mlp")
    with pytest.raises(ValueError) as error:
        KFAC(model, excluded=["2", "haed"])
    assert str(error.value) == "excluded: the model has no module named 'haed'"
    optimizer, output = KFAC(model), model(x)
    with pytest.raises(ValueError) as error:
        optimizer.observe([output.sum()], examples=6, segments={"0": torch.arange(6), "1st": torch.arange(6)})
    assert str(error.value) == "segments: the model has no module named '1st'"


@pytest.mark.parametrize(
    "settings", [{"momentum": 1.0}, {"lr": -0.1}, {"other_lr": -0.1}, {"weight_decay": -0.1}, {"clip": 0.0}]
)
def test_settings_that_cannot_train(settings):
    with pytest.raises(ValueError, match="need 0 <= momentum < 1, lr, other_lr and weight_decay >= 0, clip > 0"):
        KFAC(problem("mlp")[0], **settings)


def test_a_machine_too_coarse_for_the_damping_says_so():
    """4 bits hold no factor at lambda = 1e-6: the error reaches the user of the optimizer with its advice."""
    model, x, y = problem("convolution")
    backend = ThermoSolve(Machine(dac=Converter(bits=4)), error=0.1)
    with pytest.raises(MatrixError, match="use at least"):
        natural_gradients(model, x, y, damping=1e-6, backend=backend)


def test_a_guarded_machine_damps_what_it_cannot_hold():
    """The same 4 bits with guard: every factor fits after some retries, and the direction still points downhill."""
    model, x, y = problem("convolution")
    backend = ThermoSolve(Machine(dac=Converter(bits=4)), error=0.1, guard=True)
    optimizer, directions = natural_gradients(model, x, y, damping=1e-6, backend=backend)
    assert backend.retries > 0
    for layer, direction in zip(optimizer.layers, directions, strict=True):
        assert (direction * layer.gradient()).sum() > 0


def test_the_guard_doubles_its_damping_until_the_machine_holds():
    """Mismatch of 1 % moves the eigenvalues of 2 I, rows of norm 2, by 2 * 0.01 * 2 = 0.04; added 1, 2, 4, 8 times."""
    matrix, tried = 2 * torch.eye(3, dtype=torch.float64), []

    def run(damped):
        tried.append((damped - matrix).diagonal().tolist())
        if len(tried) < 5:
            raise MatrixError("too coarse")
        return invert(damped, Machine(), samples=5)

    backend = ThermoInverse(Machine(mismatch=0.01), guard=True, samples=5)
    backend._held(matrix, run)
    assert tried == [pytest.approx([added] * 3) for added in (0, 0.04, 0.08, 0.16, 0.32)]
    assert backend.retries == 4


def test_factors_stay_loaded_between_refreshes():
    """Four steps, refresh every second: 4 factors are programmed twice, and each step sends its right-hand sides.

    MLP 5-4-3 with biases: G (4) with 6 columns and A (6) with 4; G (3) with 5 and A (5) with 3: 24 + 24 + 15 + 15
    values a step beyond the 36 + 16 + 25 + 9 couplings of a refresh.
    """
    model, x, y = problem("mlp")
    backend = ThermoSolve(Machine(), error=1e-3)
    optimizer = KFAC(model, backend=backend, damping=0.1, refresh_interval=2)
    for _ in range(4):
        optimizer.zero_grad()
        logits = model(x)
        optimizer.observe([functional.cross_entropy(logits, y, reduction="sum")], examples=6)
        functional.cross_entropy(logits, y).backward()
        optimizer.step()
    assert backend.ledger.uploaded_values == 2 * 86 + 4 * 78
    assert backend.ledger.programmings == 2 * 4
