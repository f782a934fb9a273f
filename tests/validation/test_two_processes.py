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

#: Outputs and inputs of three layers, biases in the inputs; squares and products are even, so that halves are whole.
LAYERS: Final = ((6, 4), (8, 6), (2, 8))
WORKERS: Final = 2


class Ledger:
    """What this process sent, by phase: words and messages."""

    def __init__(self) -> None:
        self.words: dict[str, int] = {}
        self.messages: dict[str, int] = {}

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


def step(rank: int, holders: int, folder: str) -> None:
    """One step with every phase done once; ``holders`` devices hold a layer's inverses."""
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
        inverses = torch.zeros(a * a + g * g, dtype=torch.float64)
        if rank == owner:
            inverses = torch.cat([torch.linalg.inv(part.view(n, n)).flatten()
                                  for part, n in zip(both.split([a * a, g * g]), (a, g), strict=True)])  # fmt: skip
        if holders == WORKERS:
            inverses = ledger.broadcast("inverse_broadcast", inverses, owner, rank)
        inverse_a, inverse_g = (part.view(n, n) for part, n in zip(inverses.split([a * a, g * g]), (a, g), strict=True))
        direction = inverse_g @ gradients[layer] @ inverse_a
        if holders < WORKERS:
            direction = ledger.broadcast("gradient_broadcast", direction, owner, rank)
        # the factors of both add up to 3 and 5 times the identity
        torch.testing.assert_close(direction, gradients[layer] / 15)
    Path(folder, f"{rank}.json").write_text(json.dumps({"words": ledger.words, "messages": ledger.messages}))
    dist.destroy_process_group()


def counted(holders: int, folder: Path) -> dict[str, dict[str, float]]:
    """Means over both processes."""
    multiprocessing.spawn(step, args=(holders, str(folder)), nprocs=WORKERS)
    each = [json.loads((folder / f"{rank}.json").read_text()) for rank in range(WORKERS)]
    return {
        kind: {
            phase: sum(one[kind].get(phase, 0) for one in each) / WORKERS
            for phase in {phase for one in each for phase in one[kind]}
        }
        for kind in ("words", "messages")
    }


@pytest.mark.verifies(
    *(
        f"kfac.distributed.{name}"
        for name in (
            "gradient_all_reduce.words",
            "all_reduce.messages",
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
    found = counted(holders, tmp_path)
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


@pytest.mark.verifies("kfac.distributed.eigen_broadcast.worker_words")
def test_eigenvectors_come_with_their_table() -> None:
    more = evaluated("eigen_broadcast.worker_words", a=4, g=6, f_g=1.0)
    assert more - evaluated("inverse_broadcast.worker_words", a=4, g=6, f_g=1.0) == 4 * 6 / WORKERS
