"""The chunks of a sweep on a Dask cluster. A worker that dies loses its chunks to the others; they are made anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from costmodel.inputs.faults import InputError
from costmodel.inputs.sweep_file import SweepPlan
from costmodel.quantities.estimate import Draws
from costmodel.questions.sweep import Chunk, Evaluator, code_fingerprint

#: Chunks that wait at each thread of the cluster, so that none is idle and few results lie in memory.
_AHEAD: Final = 3
_TIMEOUT: Final = "10s"
#: How long a cluster without any worker is waited for.
_PATIENCE: Final = 30.0
_KEPT: dict[str, Evaluator] = {}


class Cluster:
    """A runner of chunks: see :data:`costmodel.questions.sweep_run.Runner`.

    Args:
        address: Of the scheduler, ``tcp://host:8786``.

    Raises:
        InputError: Dask is missing.
    """

    def __init__(self, address: str) -> None:
        import importlib.util

        self._address = address
        if importlib.util.find_spec("distributed") is None:
            message = "is needed for --scheduler; install it with: pip install 'costmodel[sweep]'"
            raise InputError.about("distributed", message)

    def __call__(self, plan: SweepPlan, wanted: Iterable[Chunk]) -> Iterator[tuple[Chunk, Draws]]:
        """Evaluate chunks on the cluster.

        Raises:
            InputError: The scheduler is not there, is lost, or its workers cannot do it.
        """
        chunks = list(wanted)
        if not chunks:
            return
        import logging

        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what is lost is said once, below
        client = self._client()
        try:
            yield from self._run(client, plan, chunks)
        finally:
            client.close(timeout=2)

    def _client(self) -> Any:
        from distributed import Client

        try:
            client = Client(self._address, timeout=_TIMEOUT, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise InputError.about("--scheduler", f"no scheduler at {self._address}: {_reason(error)}") from None
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
        except Exception:
            client.close(timeout=2)
            raise InputError.about("--scheduler", f"{self._address} has no worker") from None
        return client

    def _run(self, client: Any, plan: SweepPlan, chunks: list[Chunk]) -> Iterator[tuple[Chunk, Draws]]:
        from distributed import as_completed

        try:
            shared = client.scatter(plan, broadcast=True)
            threads = sum(client.nthreads().values())
            left = iter(chunks)
            running: dict[Any, Chunk] = {}

            def more(count: int) -> list[Any]:
                some = [(client.submit(_on_worker, shared, each, pure=False), each) for each in _first(left, count)]
                running.update(some)
                return [future for future, _ in some]

            completed = as_completed(more(max(1, threads) * _AHEAD), loop=client.loop)
            for future in completed:
                code, values = future.result()
                chunk = running.pop(future)
                if code != code_fingerprint():
                    raise InputError.about("--scheduler", f"the workers of {self._address} run other code of costmodel")
                for new in more(1):
                    completed.add(new)
                del future
                yield chunk, values
        except (InputError, GeneratorExit):
            raise
        except Exception as error:
            raise InputError.about(
                "--scheduler",
                f"{self._address} was lost or failed: {_reason(error)}; finished chunks are kept, "
                "the same command goes on from there",
            ) from None


def _first(left: Iterator[Chunk], count: int) -> list[Chunk]:
    return [each for _, each in zip(range(count), left, strict=False)]


def _on_worker(plan: SweepPlan, chunk: Chunk) -> tuple[str, Draws]:
    """A chunk, and the code that made it."""
    key = str(id(plan))
    evaluator = _KEPT.get(key)
    if evaluator is None or evaluator.plan is not plan:
        _KEPT.clear()
        evaluator = _KEPT[key] = Evaluator(plan)
    return code_fingerprint(), evaluator(chunk)


def _reason(error: Exception) -> str:
    text = str(error).split("\n")[0].strip()
    return f"{type(error).__name__}{f': {text}' if text else ''}"
