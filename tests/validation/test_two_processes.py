"""K-FAC on two processes of torch.distributed (gloo): every word that is sent is counted, every result checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, multiprocessing

from costmodel import formulas
from costmodel.methods import METHODS, FactorConstruction, MessageWork, Scope
from costmodel.methods.distribution import distributed
from validation.counting import FlopCounter, Kind

#: Outputs and inputs of three layers, biases in the inputs; squares and products are even, so that halves are whole.
LAYERS: Final = ((6, 4), (8, 6), (2, 8))
WORKERS: Final = 2
#: What is counted.
KINDS: Final = ("words", "messages", "flops", "held")


class Ledger:
    """What this process sent, by phase: words and messages; its FLOPs, and elements of inverses it holds."""

    def __init__(self) -> None:
        self.words: dict[str, int] = {}
        self.messages: dict[str, int] = {}
        self.flops: dict[str, float] = {}
        self.held: dict[str, int] = {}

    def send(self, phase: str, data: Tensor, to: int) -> None:
        self.words[phase] = self.words.get(phase, 0) + data.numel()
        self.messages[phase] = self.messages.get(phase, 0) + 1
        dist.send(data.contiguous(), to)

    def exchange(self, phase: str, data: Tensor, rank: int) -> Tensor:
        """Send to the neighbour and receive its own."""
        received = torch.empty_like(data)
        if rank == 0:
            self.send(phase, data, 1)
            dist.recv(received, 1)
        else:
            dist.recv(received, 0)
            self.send(phase, data, 0)
        return received

    def all_reduce(self, phase: str, data: Tensor, rank: int) -> Tensor:
        """A ring of two: each sums one half and passes it on."""
        halves = list(data.flatten().chunk(2))
        halves[rank] = halves[rank] + self.exchange(phase, halves[1 - rank], rank)
        halves[1 - rank] = self.exchange(phase, halves[rank], rank)
        return torch.cat(halves).view_as(data)

    def broadcast(self, phase: str, data: Tensor, owner: int, rank: int) -> Tensor:
        if rank == owner:
            self.send(phase, data, 1 - rank)
        else:
            dist.recv(data, owner)
        return data


def inverse_of(damped: Tensor, ledger: Ledger) -> Tensor:
    """Cholesky factor and explicit inverse, which torch counts nothing for."""
    with FlopCounter() as counter:
        found = torch.cholesky_inverse(torch.linalg.cholesky(damped))
    ledger.flops["inversion"] = ledger.flops.get("inversion", 0.0) + counter.flops[Kind.FACTORISATION]
    return found


def step(rank: int, holders: int, eigen: bool, folder: str) -> None:
    """One step with every phase done once; ``holders`` devices hold a layer's inverses, or eigenvectors and a table."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=WORKERS)
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(rank)
    ledger = Ledger()
    gradients = [torch.randn(g, a, generator=generator, dtype=torch.float64) for g, a in LAYERS]
    whole = torch.cat([each.flatten() for each in gradients])
    reference = whole.clone()
    dist.all_reduce(reference)
    whole = ledger.all_reduce("gradient_all_reduce", whole, rank)
    torch.testing.assert_close(whole, reference)
    gradients = [part.view(g, a) for part, (g, a) in zip(whole.split([g * a for g, a in LAYERS]), LAYERS, strict=True)]
    for layer, (g, a) in enumerate(LAYERS):
        local = torch.eye(a, dtype=torch.float64) * (1 + rank), torch.eye(g, dtype=torch.float64) * (2 + rank)
        both = ledger.all_reduce("factor_all_reduce", torch.cat([each.flatten() for each in local]), rank)
        owner = layer % WORKERS
        shapes = [a * a, g * g, a * g] if eigen else [a * a, g * g]
        inverses = torch.zeros(sum(shapes), dtype=torch.float64)
        if rank == owner:
            factors = [part.view(n, n) for part, n in zip(both.split([a * a, g * g]), (a, g), strict=True)]
            if eigen:
                (alpha, basis_a), (gamma, basis_g) = (torch.linalg.eigh(factor) for factor in factors)
                parts = [basis_a, basis_g, 1 / (gamma[:, None] * alpha[None, :])]
            else:
                parts = [inverse_of(factor, ledger) for factor in factors]
            inverses = torch.cat([part.flatten() for part in parts])
        if holders == WORKERS:
            inverses = ledger.broadcast("inverse_broadcast", inverses, owner, rank)
        direction = torch.zeros(g, a, dtype=torch.float64)
        if rank == owner or holders == WORKERS:
            ledger.held[str(layer)] = inverses.numel()
            left, right = (part.view(n, n) for part, n in zip(inverses.split(shapes)[:2], (a, g), strict=True))
            if eigen:
                table = inverses.split(shapes)[2].view(g, a)
                direction = right @ ((right.mT @ gradients[layer] @ left) * table) @ left.mT
            else:
                with FlopCounter() as counter:
                    direction = right @ gradients[layer] @ left
                ledger.flops["precondition"] = ledger.flops.get("precondition", 0.0) + counter.total
        if holders < WORKERS:
            direction = ledger.broadcast("gradient_broadcast", direction, owner, rank)
        # the factors of both add up to 3 and 5 times the identity
        torch.testing.assert_close(direction, gradients[layer] / 15)
    counts = {kind: getattr(ledger, kind) for kind in KINDS}
    Path(folder, f"{rank}.json").write_text(json.dumps(counts))
    dist.destroy_process_group()


def counted(holders: int, eigen: bool, folder: Path) -> dict[str, dict[str, float]]:
    """Means over both processes."""
    multiprocessing.spawn(step, args=(holders, eigen, str(folder)), nprocs=WORKERS)
    each = [json.loads((folder / f"{rank}.json").read_text()) for rank in range(WORKERS)]
    return {
        kind: {
            phase: sum(one[kind].get(phase, 0) for one in each) / WORKERS
            for phase in {phase for one in each for phase in one[kind]}
        }
        for kind in KINDS
    }


@pytest.mark.verifies(
    *(
        f"kfac.distributed.{name}"
        for name in (
            "gradient_all_reduce.words",
            "factor_all_reduce.words",
            "all_reduce.messages",
            "gradient_workers",
            "inverse.elements",
            "inversion.flops",
            "precondition.flops",
            "inverse_broadcast.words",
            "gradient_broadcast.words",
            "inverse_broadcast.messages",
            "inverse_broadcast.worker_words",
            "gradient_broadcast.messages",
            "gradient_broadcast.worker_words",
            "solution_broadcast.messages",
            "solution_broadcast.worker_words",
        )
    )
)
@pytest.mark.parametrize("holders", [1, 2])
def test_what_two_processes_send(holders: int, tmp_path: Path) -> None:
    found = counted(holders, False, tmp_path)
    method = distributed(METHODS["kfac.cholesky"](FactorConstruction.EXPAND))
    parameters = sum(g * a for g, a in LAYERS)
    words = {}
    for phase in method.phases:
        for work in phase.works:
            if isinstance(work, MessageWork) and work.words is not None:
                words[phase.name] = added(work.words.name, work.scope, holders, parameters)
    assert {name: each for name, each in words.items() if each} == found["words"]
    assert evaluated("all_reduce.messages") == found["messages"]["gradient_all_reduce"]
    name = "gradient_broadcast" if holders == 1 else "inverse_broadcast"
    assert len(LAYERS) * evaluated(f"{name}.messages", f_g=holders / WORKERS) == found["messages"][name]
    if holders == 1:  # one device for a layer is what a solver on one device does
        solved = added("kfac.distributed.solution_broadcast.worker_words", Scope.LAYER, holders, parameters)
        assert solved == found["words"]["gradient_broadcast"]
        assert len(LAYERS) * evaluated("solution_broadcast.messages") == found["messages"]["gradient_broadcast"]
    else:
        for name in ("solution_broadcast.worker_words", "gradient_broadcast.worker_words"):
            assert evaluated(name, a=4, g=6, **({"f_g": 1.0} if name.startswith("gradient") else {})) in {0, 12}
        assert evaluated("solution_broadcast.messages") == 0.5
        assert evaluated("gradient_broadcast.messages", f_g=1.0) == 0
    assert evaluated("inverse_broadcast.messages", f_g=0.5) == 0
    share = {"f_g": holders / WORKERS}
    assert evaluated("gradient_workers", **share) == holders
    per_layer = {
        "factor_all_reduce.words": 1.0,
        "inverse_broadcast.words": WORKERS,
        "gradient_broadcast.words": WORKERS,
    }
    for name, links in per_layer.items():  # over all links together where it does not say by worker
        whole = added(f"kfac.distributed.{name}", Scope.LAYER, holders, parameters)
        assert whole == links * found["words"].get(name.removesuffix(".words"), 0), name
    held = added("kfac.distributed.inverse.elements", Scope.LAYER, holders, parameters)
    assert held == sum(found["held"].values())
    assert sum(evaluated("inversion.flops", n=n) for layer in LAYERS for n in layer) == found["flops"]["inversion"]
    products = added("kfac.distributed.precondition.flops", Scope.LAYER, holders, parameters)
    assert products == found["flops"]["precondition"]


def evaluated(name: str, **more: float) -> float:
    return float(formulas.get(f"kfac.distributed.{name}").evaluate(p=WORKERS, **more))


def added(name: str, scope: Scope, holders: int, parameters: int) -> float:
    """A formula over all layers, or of the model."""
    formula = formulas.get(name)
    total = 0.0
    for g, a in LAYERS if scope is Scope.LAYER else [(0, 0)]:
        known = {"p": WORKERS, "f_g": holders / WORKERS, "a": a, "g": g, "N": parameters}
        total += float(formula.evaluate(**{letter: known[letter] for letter in formula.letters}))
    return total


@pytest.mark.verifies("kfac.distributed.eigen_broadcast.words", "kfac.distributed.eigen_broadcast.worker_words")
def test_eigenvectors_come_with_their_table(tmp_path: Path) -> None:
    sent = counted(WORKERS, True, tmp_path)["words"]["inverse_broadcast"]
    for name, links in (("eigen_broadcast.words", WORKERS), ("eigen_broadcast.worker_words", 1)):
        assert added(f"kfac.distributed.{name}", Scope.LAYER, WORKERS, 0) == links * sent
