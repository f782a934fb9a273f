"""What was registered of the runs: targets, limits, seeds, families of flaws in the order of their tests, the queue."""

from collections.abc import Iterator, Sequence
from typing import Final

from validation.study.arms import ARMS, EXTRA_ARMS

#: Validation losses on the steep part of pilot runs (seed 0), fixed before the runs.
TARGETS: Final = {"mlp": 0.13, "gnn": 0.10, "vit": 0.6}
#: Steps after which a run is censored.
LIMITS: Final = {"mlp": 250, "gnn": 300, "vit": 400}
#: Steps between looks at the validation loss; on the larger two a look costs as much as a step.
INTERVALS: Final = {"mlp": 2, "gnn": 4, "vit": 4}
TUNING_SEEDS: Final = (101, 102, 103)
SEEDS: Final = {"mlp": range(1, 31), "gnn": range(1, 16), "vit": range(1, 16)}

#: The arm that all others are compared with.
BASE: Final = "kfac"
#: Arms of each family from the smallest flaw to the largest.
FAMILIES: Final = {
    "sample": ("sample 0.1", "sample 0.3", "sample 1"),
    "column": ("column 0.3", "column 0.6", "column 0.9"),
    "in": ("in 8", "in 6", "in 4"),
    "ind": ("ind 6", "ind 4"),
    "mismatch": ("mismatch 0.1",),
    "out": ("out 4",),
}
#: Comparisons of digital arms.
PRACTICE: Final = ("adam", "refresh 100", "damping 0.001")
#: Arms that a task leaves out.
LEFT_OUT: Final = {"mlp": (), "gnn": (), "vit": ("sample 1", "column 0.9", "in 4")}

#: Largest ratio of steps that is called no loss.
MARGIN: Final = 1.2
#: Family-wise error of the claims.
ALPHA: Final = 0.05
#: With fewer seeds on a task an arm is not judged there.
FEWEST_SEEDS: Final = 5
#: Mean ratio over tasks up to which a tolerance's value reaches.
VALUE_RATIO: Final = 1.1

#: Tasks on which an arm stops after its first seeds when one of them did not arrive: equivalence is out of its reach.
STOPS: Final = ("gnn", "vit")
FIRST_SEEDS: Final = (1, 2)

Job = tuple[str, str, int]  # task, arm, seed


def queue(tasks: Sequence[str], arms: Sequence[str]) -> Iterator[Job]:
    """Registered arms first, then the extra ones; within each, seed by seed.

    >>> list(queue(["mlp"], ["kfac", "method2 0.1"]))[28:32]
    [('mlp', 'kfac', 29), ('mlp', 'kfac', 30), ('mlp', 'method2 0.1', 1), ('mlp', 'method2 0.1', 2)]
    """
    for wave in (ARMS, EXTRA_ARMS):
        for seed in range(1, max(map(len, SEEDS.values())) + 1):
            for task in (t for t in tasks if seed in SEEDS[t]):
                yield from ((task, arm, seed) for arm in wave if arm in arms and arm not in LEFT_OUT[task])
