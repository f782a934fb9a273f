"""A sweep on a real Dask scheduler with two workers, one of which is killed on the way."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from costmodel.inputs.faults import InputError
from costmodel.inputs.sweep_file import SweepPlan, read_sweep
from costmodel.questions.sweep import Chunk
from costmodel.questions.sweep_cluster import Cluster
from costmodel.questions.sweep_run import run

pytest.importorskip("distributed")
ROOT = Path(__file__).parents[2]
SWEEP = """\
schema: 1
name: small
model: mlp
over:
  batch_size: [128, 256]
  analog.relaxation_time: {logspace: [1 ns, 1 us], points: 20}
  kfac.refresh_interval: [10, 100]
methods: [adam, thermo.solve]
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(*command: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-m", *command], env=environment, cwd=ROOT, **quiet)  # type: ignore[call-overload, no-any-return]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes], list[subprocess.Popen[bytes]]]]:
    """Address, scheduler and two workers without nannies, so that a kill is final."""
    address = f"tcp://127.0.0.1:{free_port()}"
    port = address.rpartition(":")[2]
    scheduler = start("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
    options = ("--no-nanny", "--nthreads", "1", "--no-dashboard", "--local-directory", str(tmp_path / "dask"))
    workers = [start("distributed.cli.dask_worker", address, *options) for _ in range(2)]
    yield address, scheduler, workers
    for process in (*workers, scheduler):
        process.kill()
        process.wait()


class KillsOnTheWay:
    """A cluster of which a process is killed after a few chunks."""

    def __init__(self, address: str, victim: subprocess.Popen[bytes]) -> None:
        self._cluster, self._victim = Cluster(address), victim

    def __call__(self, plan: SweepPlan, chunks: list[Chunk]) -> Iterator[object]:
        for count, each in enumerate(self._cluster(plan, chunks)):
            if count == 3:
                os.kill(self._victim.pid, signal.SIGKILL)
            yield each


def plan_of(folder: Path) -> SweepPlan:
    (folder / "sweep.yaml").write_text(SWEEP)
    return read_sweep(folder / "sweep.yaml")


@pytest.mark.slow
def test_same_bytes_with_a_worker_killed(tmp_path: Path, cluster: tuple[str, object, list[object]]) -> None:
    from distributed import Client

    address, _, workers = cluster
    plan = plan_of(tmp_path)
    run(plan, tmp_path / "whole.csv", length=2)
    with Client(address, timeout="60s", set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
    run(plan, tmp_path / "out.csv", length=2, runner=KillsOnTheWay(address, workers[0]))  # type: ignore[arg-type]
    assert workers[0].wait(10) == -signal.SIGKILL  # type: ignore[attr-defined]
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.slow
def test_a_scheduler_that_dies_loses_no_finished_chunk(
    tmp_path: Path, cluster: tuple[str, object, list[object]]
) -> None:
    address, scheduler, _ = cluster
    plan = plan_of(tmp_path)
    run(plan, tmp_path / "whole.csv", length=1)
    with pytest.raises(InputError) as caught:
        run(plan, tmp_path / "out.csv", length=1, runner=KillsOnTheWay(address, scheduler))  # type: ignore[arg-type]
    fault = str(caught.value)
    assert fault.startswith(f"--scheduler: {address} was lost or failed: ")
    assert fault.endswith("; finished chunks are kept, the same command goes on from there")
    result = run(plan, tmp_path / "out.csv", length=1)
    assert 4 <= result.kept < result.chunks
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.slow
def test_a_scheduler_that_is_not_there(tmp_path: Path) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(InputError) as caught:
        run(plan_of(tmp_path), tmp_path / "out.csv", runner=Cluster(address))
    assert str(caught.value).startswith(f"--scheduler: no scheduler at {address}: ")
