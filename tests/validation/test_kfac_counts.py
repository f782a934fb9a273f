"""Formulas of digital K-FAC against operations counted in PyTorch on real layers.

Work is deterministic, so counts are equal, up to the last digit where LAPACK's thirds are rounded. Work on scalars (pi,
step lengths of conjugate gradients) is left out of the formulas; where it is, the test names the operations compared.
"""

import pytest
import torch
from torch import Tensor, nn

from costmodel import formulas, load_workload
from solver.kfac.rows import input_rows, weight_matrix
from tests.validation.expected import of_factors, of_layer
from tests.validation.networks import CASES, DOUBLE, Case, build, quadratic
from validation.counting import Kind
from validation.counting.counter import count
from validation.reference import capture, factors, solvers

P, F, E = Kind.PRODUCT, Kind.FACTORISATION, Kind.ELEMENTWISE
every_layer = pytest.mark.parametrize("name", CASES)


def record(name: str) -> capture.Seen:
    network, inputs = build(name)
    return next(iter(capture.run(network, inputs, quadratic).values()))


def damped(name: str) -> tuple[Case, Tensor, Tensor, Tensor]:
    """Damped factors A, G and the gradient of a case's layer."""
    seen = record(name)
    case = CASES[name]
    raw = (factors.full_product(factors.expand(rows)) / case.rows for rows in (seen.inputs, seen.gradients))
    return case, *factors.damped(*raw, damping=0.1)[:2], seen.weight_gradient


@pytest.mark.verifies("network.forward_backward.flops")
@every_layer
def test_forward_and_backward(name: str) -> None:
    network, inputs = build(name)
    counted = count(lambda: quadratic(network(*inputs)).backward())
    assert counted.flops[P] == of_layer("network.forward_backward.flops", CASES[name])


@pytest.mark.parametrize("name", ["linear", "tokens", "convolution", "grouped convolution"])
def test_the_first_layer_has_no_input_gradient(name: str) -> None:
    network, inputs = build(name)
    counted = count(lambda: quadratic(network(*(each.detach() for each in inputs))).backward())
    assert counted.flops[P] == of_layer("network.forward_backward.flops", CASES[name], j=0)


@pytest.mark.verifies("network.other.flops")
def test_attention_products() -> None:
    query, key, value = (torch.randn(2, 7, 4, requires_grad=True) for _ in range(3))
    counted = count(lambda: ((query @ key.mT) @ value).sum().backward())
    # forward: 2 heads, 7 queries, 7 keys, width 4: 2 * 2 * 7 * 7 * 4 for each of the two products
    assert counted.flops[P] == formulas.get("network.other.flops").evaluate(F_o=2 * (2 * 2 * 7 * 7 * 4))


@pytest.mark.verifies("kfac.fisher.backward.flops")
@every_layer
def test_backward_pass_of_sampled_targets(name: str) -> None:
    """Gradients at the input alone, as at the outputs of the layer before: all that G needs of a layer's pass."""
    network, inputs = build(name)
    wanted = [each.requires_grad_() for each in inputs if each.is_floating_point()]
    loss = quadratic(network(*inputs))
    counted = count(lambda: torch.autograd.grad(loss, wanted))
    assert counted.flops[P] == of_layer("kfac.fisher.backward.flops", CASES[name])


@pytest.mark.verifies("kfac.fisher.other.flops")
def test_backward_pass_outside_the_layers() -> None:
    layers = [
        {"name": "a", "kind": "linear", "d_in": 4, "d_out": 4},
        {"name": "b", "kind": "attention", "width": 4, "queries": 7, "keys": 7},
        {"name": "c", "kind": "tied_projection", "d_in": 4, "d_out": 9, "positions": 7},
    ]
    network = load_workload({"schema": 1, "name": "n", "batch_size": 2, "layers": layers})
    query, key, value = (torch.randn(2, 7, 4, requires_grad=True) for _ in range(3))
    tied = torch.randn(9, 4)
    loss = (((query @ key.mT) @ value) @ tied.T).sum()
    counted = count(lambda: torch.autograd.grad(loss, (query, key, value)))
    other = formulas.get("kfac.fisher.other.flops").evaluate(F_b=network.other_input_gradient_flops)
    assert counted.flops[P] == other


@every_layer
def test_rows_are_those_of_the_case(name: str) -> None:
    seen, case = record(name), CASES[name]
    assert seen.inputs.shape == (case.pairs, case.batch, case.rows // case.batch, case.a)
    assert seen.gradients.shape == (case.pairs, case.batch, case.rows // case.batch, case.g)
    # The gradient of the weights is the sum over rows of y x^T: the rows are the right ones.
    product = factors.expand(seen.gradients).mT @ factors.expand(seen.inputs)
    torch.testing.assert_close(product, seen.weight_gradient, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["linear", "grouped convolution", "transposed convolution"])
def test_rows_give_the_gradient_of_each_example(name: str) -> None:
    """Against torch.func, which knows no rows: an example's gradient is the sum over its positions of g x^T."""
    network, inputs = build(name)
    seen, parameters = record(name), dict(network.named_parameters())

    def loss(parameters: dict[str, Tensor], example: Tensor) -> Tensor:
        return quadratic(torch.func.functional_call(network, parameters, example[None]))

    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(parameters, inputs[0])
    for example, ours in enumerate((seen.gradients.mT @ seen.inputs).unbind(1)):
        bias = each["bias"][example] if "bias" in each else None
        expected = weight_matrix(network, each["weight"][example], bias)
        torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.verifies("kfac.factors.expand.flops", "kfac.factors.expand.symmetric.flops")
@every_layer
def test_factors_expand(name: str) -> None:
    seen, case = record(name), CASES[name]
    rows = factors.expand(seen.inputs), factors.expand(seen.gradients)
    full = count(lambda: [factors.full_product(each) for each in rows])
    triangle = count(lambda: [factors.symmetric_product(each) for each in rows])
    assert full.flops[P] == of_layer("kfac.factors.expand.flops", case)
    assert triangle.flops[P] == of_layer("kfac.factors.expand.symmetric.flops", case)
    for each in rows:
        torch.testing.assert_close(factors.symmetric_product(each), factors.full_product(each), rtol=1e-12, atol=1e-12)


@pytest.mark.verifies(
    *(f"kfac.factor.{how}.flops" for how in ("expand", "expand.symmetric", "reduce", "reduce.symmetric"))
)
@every_layer
def test_each_factor_alone(name: str) -> None:
    seen, case = record(name), CASES[name]
    for rows, n in ((seen.inputs, case.a), (seen.gradients, case.g)):
        for how, number in (("expand", {"M": case.rows}), ("reduce", {"B": case.batch})):
            taken = getattr(factors, how)(rows)
            full = count(lambda taken=taken: factors.full_product(taken))
            triangle = count(lambda taken=taken: factors.symmetric_product(taken))
            for counted, formula in (
                (full, f"kfac.factor.{how}.flops"),
                (triangle, f"kfac.factor.{how}.symmetric.flops"),
            ):
                assert counted.flops[P] == case.pairs * formulas.get(formula).evaluate(n=n, **number)


@pytest.mark.verifies("network.tensors", "network.outputs.bytes", "kfac.factors.rows.bytes", "descent.update.bytes")
@pytest.mark.parametrize("bias", [True, False])
def test_what_a_step_of_one_layer_moves(bias: bool) -> None:
    layer = nn.Linear(5, 3, bias=bias)
    inputs = torch.randn(7, 5)
    outputs, parameters = layer(inputs), list(layer.parameters())
    rows = torch.cat([inputs, torch.ones(7, 1)], 1) if bias else inputs
    a = rows.shape[1]
    assert formulas.get("network.tensors").evaluate(N_t=len(parameters)) == 1 + bias
    assert formulas.get("network.outputs.bytes").evaluate(M=7, g=3) == 4 * outputs.numel()
    # rows of inputs and of output gradients, each read once and written once
    laid_out = rows.numel() + outputs.numel()
    assert formulas.get("kfac.factors.rows.bytes").evaluate(M=7, a=a, g=3) == 2 * 4 * laid_out
    # weights and direction read, weights written
    numbers = sum(each.numel() for each in parameters)
    assert formulas.get("descent.update.bytes").evaluate(N=numbers) == 3 * 4 * numbers


@pytest.mark.verifies("kfac.factors.reduce.flops", "kfac.factors.reduce.symmetric.flops", "kfac.factors.reduce.bytes")
@every_layer
def test_factors_reduce(name: str) -> None:
    seen, case = record(name), CASES[name]
    summed = count(lambda: [factors.reduce(seen.inputs.float()), factors.reduce(seen.gradients.float())])
    rows = factors.reduce(seen.inputs), factors.reduce(seen.gradients)
    full = count(lambda: [factors.full_product(each) for each in rows])
    triangle = count(lambda: [factors.symmetric_product(each) for each in rows])
    assert full.flops[P] == of_layer("kfac.factors.reduce.flops", case)
    assert triangle.flops[P] == of_layer("kfac.factors.reduce.symmetric.flops", case)
    # The sums themselves are written too; one of them to every position read.
    assert summed.read["sum"] == of_layer("kfac.factors.reduce.bytes", case)


def test_symmetric_product_in_blocks() -> None:
    rows = torch.randn(1, 10, 12, dtype=DOUBLE)
    counted = count(lambda: factors.symmetric_product(rows, block=4))
    assert counted.flops[P] == 10 * 12 * (12 + 4)  # n (n + block) a row
    torch.testing.assert_close(factors.symmetric_product(rows, block=5), factors.full_product(rows))


@pytest.mark.verifies("kfac.running_average.flops", "kfac.running_average.bytes")
@every_layer
def test_running_average(name: str) -> None:
    case, input_factor, gradient_factor, _ = damped(name)
    both = input_factor.float(), gradient_factor.float()
    counted = count(lambda: [factors.running_average(each, each.clone(), 0.05) for each in both])
    assert counted.total == of_layer("kfac.running_average.flops", case)
    assert counted.moved == of_layer("kfac.running_average.bytes", case)


@pytest.mark.verifies("kfac.damping.flops")
@every_layer
def test_damping(name: str) -> None:
    case, input_factor, gradient_factor, _ = damped(name)
    counted = count(lambda: factors.damped(input_factor, gradient_factor, 1e-2))
    assert counted.by_operation["sum"] + counted.by_operation["add"] == of_layer("kfac.damping.flops", case)
    assert counted.total - of_layer("kfac.damping.flops", case) <= 10 * case.pairs  # pi, once a pair


@pytest.mark.verifies("kfac.cholesky.refresh.flops", "kfac.precondition.flops")
@every_layer
def test_cholesky(name: str) -> None:
    case, input_factor, gradient_factor, weight = damped(name)
    both = input_factor, gradient_factor
    refresh = count(lambda: [solvers.cholesky_inverse(each) for each in both])
    inverses = [solvers.cholesky_inverse(each) for each in both]
    step = count(lambda: solvers.precondition(inverses[1], weight, inverses[0]))
    assert refresh.total == pytest.approx(of_factors("kfac.cholesky.refresh.flops", case), rel=1e-14)
    assert step.total == of_layer("kfac.precondition.flops", case)


@pytest.mark.verifies("kfac.cholesky_solve.refresh.flops", "kfac.cholesky_solve.step.flops")
@every_layer
def test_cholesky_solve(name: str) -> None:
    case, input_factor, gradient_factor, weight = damped(name)
    both = input_factor, gradient_factor
    refresh = count(lambda: [torch.linalg.cholesky(each) for each in both])
    triangles = [torch.linalg.cholesky(each) for each in both]
    step = count(lambda: solvers.cholesky_solve(triangles[1], weight, triangles[0]))
    assert refresh.total == pytest.approx(of_factors("kfac.cholesky_solve.refresh.flops", case), rel=1e-14)
    assert step.total == of_factors("kfac.cholesky_solve.step.flops", case)


@pytest.mark.verifies(
    "kfac.eigh.refresh.flops", "kfac.eigh.scale.flops", "kfac.eigh.scale.bytes", "kfac.eigh.precondition.flops"
)
@every_layer
def test_eigh(name: str) -> None:
    case, input_factor, gradient_factor, weight = damped(name)
    refresh = count(lambda: [torch.linalg.eigh(each) for each in (input_factor, gradient_factor)])
    (input_values, input_vectors), (gradient_values, gradient_vectors) = (
        torch.linalg.eigh(each) for each in (input_factor, gradient_factor)
    )
    scale = count(lambda: solvers.scaling_table(gradient_values.float(), input_values.float(), 0.1))
    table = solvers.scaling_table(gradient_values, input_values, 0.1)
    step = count(lambda: solvers.precondition_in_eigenbasis(gradient_vectors, weight, input_vectors, table))
    assert refresh.total == of_factors("kfac.eigh.refresh.flops", case)
    assert scale.total == of_layer("kfac.eigh.scale.flops", case)
    assert scale.written["reciprocal"] == of_layer("kfac.eigh.scale.bytes", case)  # a fused kernel writes nothing else
    assert step.total == of_layer("kfac.eigh.precondition.flops", case)


@pytest.mark.verifies("kfac.newton_schulz.refresh.flops", "kfac.newton_schulz.products", "kfac.newton_schulz.steps")
@pytest.mark.parametrize("kappa", [1.0, 30.0, 1000.0])
@every_layer
def test_newton_schulz(name: str, kappa: float) -> None:
    case, input_factor, gradient_factor, _ = damped(name)
    steps = int(formulas.get("kfac.newton_schulz.iterations").evaluate(kappa=kappa, epsilon=0.1))
    both = input_factor, gradient_factor
    counted = count(lambda: [solvers.newton_schulz_inverse(each, 1.0, 1 / kappa, steps) for each in both])
    assert counted.flops[P] == of_factors("kfac.newton_schulz.refresh.flops", case, kappa=kappa, epsilon=0.1)
    calls = counted.calls["bmm"] + counted.calls["baddbmm"]
    assert calls == 2 * formulas.get("kfac.newton_schulz.products").evaluate(kappa=kappa, epsilon=0.1)
    assert calls == 4 * formulas.get("kfac.newton_schulz.steps").evaluate(kappa=kappa, epsilon=0.1)


@pytest.mark.verifies(
    "kfac.low_rank.sketch.flops",
    "kfac.low_rank.qr.flops",
    "kfac.low_rank.eigh.flops",
    "kfac.low_rank.step.flops",
    "kfac.low_rank.rescale.flops",
    "kfac.low_rank.rescale.bytes",
)
@pytest.mark.parametrize(("size", "columns", "rank"), [(12, 5, 4), (40, 30, 7), (6, 6, 6)])
def test_low_rank(size: int, columns: int, rank: int) -> None:
    factor = torch.randn(1, size, size)
    factor = factor @ factor.mT
    generator = torch.Generator().manual_seed(0)
    refresh = count(lambda: solvers.low_rank(factor, rank, generator))
    assert refresh.flops[P] == formulas.get("kfac.low_rank.sketch.flops").evaluate(n=size, r=rank)
    assert refresh.by_operation["linalg_qr"] == pytest.approx(
        formulas.get("kfac.low_rank.qr.flops").evaluate(n=size, r=rank), rel=1e-14
    )
    assert refresh.by_operation["_linalg_eigh"] == formulas.get("kfac.low_rank.eigh.flops").evaluate(r=rank)
    values, vectors = solvers.low_rank(factor, rank, generator)
    step = count(lambda: solvers.low_rank_solve(values, vectors, torch.ones(1), torch.randn(1, size, columns)))
    assert step.flops[P] == formulas.get("kfac.low_rank.step.flops").evaluate(n=size, r=rank, k=columns)
    sizes = {"n": size, "r": rank, "k": columns}
    # On top come the weights of r modes, 4 r + 2, and the sum with the product, n k, which a product does in passing.
    rescale = formulas.get("kfac.low_rank.rescale.flops").evaluate(**sizes)
    assert step.flops[E] == rescale + size * columns + 4 * rank + 2
    moved = sum(step.read[name] + step.written[name] for name in ("mul", "div"))
    assert 0 <= moved - formulas.get("kfac.low_rank.rescale.bytes").evaluate(**sizes) <= 8 * (4 * rank + 4)


@pytest.mark.verifies("kfac.cg.step.flops", "kfac.cg.vectors.flops", "kfac.cg.launches")
@pytest.mark.parametrize("dimension", [1.0, 8.0])
@every_layer
def test_conjugate_gradients(name: str, dimension: float) -> None:
    case, input_factor, gradient_factor, weight = damped(name)
    settings = {"kappa": 30.0, "T_t": 0.1, "d_e": dimension, "q": 0.5}
    iterations = int(formulas.get("kfac.cg.iterations").evaluate(**settings))

    def run() -> None:
        left = solvers.conjugate_gradients(gradient_factor, weight, iterations)
        solvers.conjugate_gradients(input_factor, left.mT, iterations)

    counted = count(run)
    assert counted.flops[P] == of_factors("kfac.cg.step.flops", case, **settings)
    vectors = counted.flops[E] - sum(counted.by_operation[name] for name in ("div", "neg", "clamp_min"))
    assert vectors == of_factors("kfac.cg.vectors.flops", case, **settings)
    # An inner product is two of torch's operations, a fused kernel one; the first residual's norm comes on top.
    kernels = (counted.calls["mul"] + counted.calls["sum"]) / 2 + counted.calls["addcmul"]
    assert kernels - 2 == 2 * formulas.get("kfac.cg.launches").evaluate(**settings)


@pytest.mark.verifies(
    "kfac.layer.elements", "kfac.layer.triangle.elements", "kfac.factor.elements", "kfac.cholesky_solve.step.elements"
)
@every_layer
def test_elements(name: str) -> None:
    case, input_factor, gradient_factor, weight = damped(name)
    both = input_factor.numel() + gradient_factor.numel()
    assert both == of_layer("kfac.layer.elements", case) == of_factors("kfac.factor.elements", case)
    triangles = sum(int(torch.ones_like(each).tril().sum()) for each in (input_factor, gradient_factor))
    assert triangles == of_layer("kfac.layer.triangle.elements", case)
    assert 2 * weight.numel() == of_factors("kfac.cholesky_solve.step.elements", case)


@pytest.mark.verifies("kfac.low_rank.qr.elements", "kfac.low_rank.eigh.elements")
def test_low_rank_elements() -> None:
    values, vectors = solvers.low_rank(torch.eye(9)[None], 4, torch.Generator().manual_seed(0))
    assert 2 * vectors.numel() == formulas.get("kfac.low_rank.qr.elements").evaluate(n=9, r=4)
    assert values.numel() ** 2 == formulas.get("kfac.low_rank.eigh.elements").evaluate(r=4)


@pytest.mark.verifies(
    *(
        f"kfac.{member}.memory.bytes"
        for member in ("cholesky", "cholesky_solve", "eigh", "newton_schulz", "cg", "low_rank")
    )
)
@every_layer
def test_memory_is_what_a_step_keeps(name: str) -> None:
    case, *matrices = damped(name)
    input_factor, gradient_factor, weight = (each.float() for each in matrices)
    both = [input_factor, gradient_factor]
    running = [*both, torch.zeros_like(weight)]  # factors and momentum
    decompositions = [torch.linalg.eigh(each) for each in both]
    vectors = [each.eigenvectors for each in decompositions]
    table = solvers.scaling_table(decompositions[1].eigenvalues, decompositions[0].eigenvalues, 0.1)
    sketches = [solvers.low_rank(each, 2, torch.Generator().manual_seed(0))[1] for each in both]
    kept = {
        "cholesky": [*running, *(solvers.cholesky_inverse(each) for each in both)],
        "cholesky_solve": [*running, *(torch.linalg.cholesky(each) for each in both)],
        "eigh": [*running, *vectors, table],
        "newton_schulz": [*running, *(solvers.newton_schulz_inverse(each, 9.0, 0.1, 3) for each in both)],
        "cg": running,
        "low_rank": [*running, *sketches],
    }
    for member, state in kept.items():
        expected = of_layer(f"kfac.{member}.memory.bytes", case, r=2)
        assert sum(each.nbytes for each in state) == expected, member


def test_a_layer_without_factors_is_refused() -> None:
    with pytest.raises(TypeError, match="Embedding has no Kronecker factors"):
        input_rows(nn.Embedding(3, 2), torch.zeros(1))
