"""KAISA's placement, its messages counted one by one, and the published sizes of ResNet-50's factors."""

from fractions import Fraction

import pytest

from costmodel import formulas, load_workload
from costmodel.workloads.workload import Layer


def evaluate(name: str, **values: float) -> float:
    return float(formulas.get(f"kfac.distributed.{name}").evaluate(**values))


def ring_all_reduce(workers: int, words: int) -> int:
    """Words one worker sends: each of its neighbour's chunks once to sum up, once to spread the sums."""
    chunk, sent = words // workers, 0
    for _phase in ("reduce-scatter", "all-gather"):
        for _turn in range(workers - 1):
            sent += chunk
    return sent


def broadcasts(senders: dict[int, list[int]], words: int) -> int:
    """Words over all links when each sender brings the same words to its receivers."""
    return sum(words for receivers in senders.values() for _ in receivers)


@pytest.mark.verifies(
    *(
        f"kfac.distributed.{part}"
        for part in (
            "gradient_workers",
            "factor_all_reduce.words",
            "inverse_broadcast.words",
            "eigen_broadcast.words",
            "gradient_broadcast.words",
            "inverse.elements",
        )
    )
)
@pytest.mark.parametrize(
    ("workers", "share"),
    # memory-optimal, two hybrids, communication-optimal; one worker alone
    [(8, Fraction(1, 8)), (8, Fraction(1, 4)), (8, Fraction(1, 2)), (8, Fraction(1)), (1, Fraction(1))],
)
def test_messages_of_one_layer(workers: int, share: Fraction) -> None:
    a, g = 24, 16  # both squares divide by 8
    sizes = {"a": a, "g": g}
    placed = {"p": workers, "f_g": float(share)}
    gradient_workers = list(range(int(share * workers)))
    others = [worker for worker in range(workers) if worker not in gradient_workers]
    assert evaluate("gradient_workers", **placed) == len(gradient_workers)
    assert evaluate("factor_all_reduce.words", p=workers, **sizes) == ring_all_reduce(workers, a**2 + g**2)
    # One gradient worker inverts and brings the inverses to the rest of them.
    refresh = broadcasts({0: gradient_workers[1:]}, a**2 + g**2)
    assert evaluate("inverse_broadcast.words", **placed, **sizes) == refresh
    eigen = broadcasts({0: gradient_workers[1:]}, a**2 + g**2 + a * g)
    assert evaluate("eigen_broadcast.words", **placed, **sizes) == eigen
    # Each gradient worker has its own receivers among those without the inverses.
    groups = {worker: others[worker :: len(gradient_workers)] for worker in gradient_workers}
    assert {len(group) for group in groups.values()} == {int(1 / share) - 1}
    assert evaluate("gradient_broadcast.words", **placed, **sizes) == broadcasts(groups, a * g)
    held = len(gradient_workers) * (a**2 + g**2) / workers
    assert evaluate("inverse.elements", f_g=float(share), **sizes) == held


@pytest.mark.verifies("kfac.distributed.inversion.flops", "kfac.distributed.precondition.flops")
def test_work_of_one_worker() -> None:
    """Sixteen equal layers on four workers, half of them gradient workers of each layer."""
    workers, layers, a, g = 4, 16, 10, 6
    inverted = [0.0] * workers
    preconditioned = [0.0] * workers
    for layer in range(layers):
        inverted[layer % workers] += a**3 + g**3
        for helper in range(2):
            preconditioned[(layer + helper) % workers] += 2 * a * g * (a + g)
    one_layer = evaluate("inversion.flops", n=a, p=workers) + evaluate("inversion.flops", n=g, p=workers)
    assert inverted == [layers * one_layer] * workers
    assert preconditioned == [layers * evaluate("precondition.flops", a=a, g=g, f_g=0.5)] * workers


def test_factors_of_resnet_50() -> None:
    """SPD-KFAC (arXiv 2107.06533) publishes 62.3 M elements in the triangles of A, 14.6 M in those of G."""
    layers = load_workload("imagenet_resnet").layers
    assert len(layers) == 54

    def triangles(layer: Layer) -> tuple[float, float]:
        both = formulas.get("kfac.layer.triangle.elements")
        a, g = layer.input_factor_dimension, layer.output_dimension
        return both.evaluate(a=a, g=g) - g * (g + 1) / 2, g * (g + 1) / 2

    A, G = (sum(side) / 1e6 for side in zip(*map(triangles, layers), strict=True))
    assert (round(A, 1), round(G, 1)) == (62.3, 14.6)
    # Words one of 64 workers sends to average them: twice 63 / 64 of the triangles.
    assert pytest.approx(151.5, abs=0.1) == 2 * 63 / 64 * (A + G)
