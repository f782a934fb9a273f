"""Speed of the streaming sampler, paired with thermox and with the bare cost of its own ingredients in one run.

    python -m benchmarks.solver_thermox [--n 512] [--samples 10000] [--rounds 5]

The job: mean and covariance of an Ornstein-Uhlenbeck process from correlated samples. thermox is timed after its
compilation, in whichever of its two scans is faster; both work in float32 (thermox's default) and in float64 (the
solver's). Rounds alternate the contestants, so that a busy machine slows all of them; ratios are medians over rounds.
Decompositions are excluded for all (thermox's general one is much the slower), and reported on their own.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from solver import Modes, Noise, Process, sample_moments


def matrix(n: int, kappa: float = 30.0) -> torch.Tensor:
    """A positive definite matrix with a log-spaced spectrum."""
    basis = torch.linalg.qr(torch.randn(n, n, dtype=torch.float64, generator=torch.Generator().manual_seed(0))).Q
    spectrum = torch.logspace(-float(torch.tensor(kappa).log10()), 0, n, dtype=torch.float64)
    A = basis * spectrum @ basis.mT
    return (A + A.mT) / 2


def seconds(job: Callable[[], Any]) -> float:
    """Wall time of one call, after a pause in which the thread pools of the last contestant go to sleep."""
    time.sleep(0.3)
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def ours(A: torch.Tensor, samples: int, double: bool) -> dict[str, Callable[[], Any]]:
    """The solver's jobs: sampling, its decomposition, and the bare cost of random numbers and products."""
    kind = "float64" if double else "float32"
    A = A.to(torch.float64 if double else torch.float32)
    noise, modes, n = Noise(1), Modes.of(A), A.shape[0]
    process = Process(modes)

    def bare() -> torch.Tensor:
        z = noise.fill(torch.empty(samples, n, dtype=A.dtype))
        return z.mT @ z

    return {
        f"solver {kind}": lambda: sample_moments(process, samples, 1.0, noise, burn_in=100.0).covariance,
        f"bare {kind}": bare,
        f"solver {kind} eigh": lambda: Modes.of(A),
    }


def theirs(A: torch.Tensor, samples: int, double: bool) -> dict[str, Callable[[], Any]]:
    """Jobs of thermox, compiled; empty when it is not installed."""
    try:
        import jax
        import jax.numpy as jnp
        import thermox
    except ImportError:
        return {}
    jax.config.update("jax_enable_x64", double)
    dtype = jnp.float64 if double else jnp.float32
    drift = jnp.asarray(A.numpy(), dtype)
    n = A.shape[0]
    times = jnp.arange(samples + 1, dtype=dtype)
    zero, key = jnp.zeros(n, dtype), jax.random.PRNGKey(0)
    processed = jax.block_until_ready(thermox.utils.preprocess_drift_matrix(drift))

    def moments(key: Any, P: Any, associative: bool) -> Any:
        x = thermox.sampler.sample_identity_diffusion(key, times, zero, P, zero, associative)[1:]
        return jnp.mean(x, 0), jnp.cov(x.T)

    jobs: dict[str, Callable[[], Any]] = {}
    for associative in (True, False):
        compiled = jax.jit(moments, static_argnums=2)
        name = f"thermox {'float64' if double else 'float32'} {'associative' if associative else 'sequential'}"

        def job(compiled: Any = compiled, associative: bool = associative) -> Any:
            jax.config.update("jax_enable_x64", double)  # float32 jobs compile and run only with doubles off
            return jax.block_until_ready(compiled(key, processed, associative))

        jobs[name] = job

    def decompose() -> Any:
        jax.config.update("jax_enable_x64", double)
        return jax.block_until_ready(thermox.utils.preprocess_drift_matrix(drift))

    jobs[f"thermox {'float64' if double else 'float32'} eig"] = decompose
    return jobs


def main() -> None:
    """Run the rounds and print medians and ratios as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=512)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    A = matrix(args.n)
    jobs = {}
    for double in (False, True):
        jobs |= {**ours(A, args.samples, double), **theirs(A, args.samples, double)}
    for job in jobs.values():
        job()
    rounds = [{name: seconds(job) for name, job in jobs.items()} for _ in range(args.rounds)]
    medians = {name: statistics.median(r[name] for r in rounds) for name in jobs}
    ratios = {}
    for kind in ("float32", "float64"):
        ratios[f"solver / bare, {kind}"] = statistics.median(r[f"solver {kind}"] / r[f"bare {kind}"] for r in rounds)
        scans = [name for name in jobs if name.startswith(f"thermox {kind}") and not name.endswith("eig")]
        if scans:
            each = [min(r[scan] for scan in scans) / r[f"solver {kind}"] for r in rounds]
            ratios[f"thermox / solver, {kind}"] = statistics.median(each)
    report = {
        "n": args.n,
        "samples": args.samples,
        "rounds": args.rounds,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "machine": platform.processor() or platform.machine(),
        "median_s": medians,
        "median_ratio": ratios,
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
