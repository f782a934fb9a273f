"""What was registered of the runs: targets, limits, seeds, families of flaws in the order of their tests, the queue."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from validation.study.arms import ALL_ARMS

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
#: Arms that a task leaves out.
LEFT_OUT: Final = {"mlp": (), "gnn": (), "vit": ("sample 1", "column 0.9", "in 4")}

#: Largest ratio of steps that is called no loss.
MARGIN: Final = 1.2
#: Family-wise error of the claims of a registration.
ALPHA: Final = 0.05
#: With fewer seeds on a task an arm is not judged there.
FEWEST_SEEDS: Final = 5
#: Mean ratio over tasks up to which a tolerance's value reaches.
VALUE_RATIO: Final = 1.1

#: Tasks on which an arm stops after its first seeds when one of them did not arrive: equivalence is out of its reach.
STOPS: Final = ("gnn", "vit")
FIRST_SEEDS: Final = (1, 2)

Job = tuple[str, str, int]  # task, arm, seed


@dataclass(frozen=True, slots=True)
class Registration:
    """Arms that were registered together, and whose claims are corrected together for being many.

    Attributes:
        name: what the analysis calls it.
        families: arms of each flaw from the smallest to the largest, which is the order of their tests.
        practice: digital arms that are compared with exact K-FAC.
        comparisons: tests of these, over which Holm's correction goes.
        alpha: family-wise error of each of three kinds of claim: no loss, a cost, a difference in practice.
    """

    name: str
    families: Mapping[str, tuple[str, ...]]
    practice: tuple[str, ...]
    comparisons: int
    alpha: float = ALPHA

    @property
    def flawed(self) -> tuple[str, ...]:
        """Arms with a flaw."""
        return tuple(arm for levels in self.families.values() for arm in levels)

    @property
    def arms(self) -> tuple[str, ...]:
        """All arms that it compares with exact K-FAC."""
        return (*self.flawed, *self.practice)


FIRST: Final = Registration(
    "first",
    {
        "sample": ("sample 0.1", "sample 0.3", "sample 1"),
        "column": ("column 0.3", "column 0.6", "column 0.9"),
        "in": ("in 8", "in 6", "in 4"),
        "ind": ("ind 6", "ind 4"),
        "mismatch": ("mismatch 0.1",),
        "out": ("out 4",),
    },
    ("adam", "refresh 100", "damping 0.001"),
    comparisons=8,  # on the vit the optimum has a damping of 0.001, and the arm is exact K-FAC
)
SECOND: Final = Registration(
    "second",
    {
        "sample": ("sample 0.03",),
        "column": ("column 0.1", "column 0.95"),
        "in": ("in 10", "in 5"),
        "ind": ("ind 10", "ind 8", "ind 5"),
        "mismatch": ("mismatch 0.01", "mismatch 0.03"),
        "out": ("out 8", "out 6", "out 3"),
        "method2": ("method2 0.1", "method2 0.3", "method2 0.6", "method2 0.9", "method2 0.95"),
    },
    ("refresh 1", "refresh 10", "damping 0.001 refresh 100"),
    comparisons=9,
)
REGISTRATIONS: Final = (FIRST, SECOND)
#: Flaws whose size is a number of bits: fewer are worse.
BITS: Final = ("in", "ind", "out")


def by_size(registrations: Sequence[Registration] = REGISTRATIONS) -> dict[str, tuple[str, ...]]:
    """Arms of each flaw over registrations, from the smallest to the largest.

    >>> by_size()["in"], by_size()["column"][:2]
    (('in 10', 'in 8', 'in 6', 'in 5', 'in 4'), ('column 0.1', 'column 0.3'))
    """
    names = list(dict.fromkeys(flaw for registration in registrations for flaw in registration.families))
    arms = {flaw: [arm for r in registrations for arm in r.families.get(flaw, ())] for flaw in names}
    return {
        flaw: tuple(sorted(arms[flaw], key=lambda arm: ALL_ARMS[arm].level, reverse=flaw in BITS)) for flaw in names
    }


def queue(tasks: Sequence[str], arms: Sequence[str]) -> Iterator[Job]:
    """Arms of the first registration with exact K-FAC, then those of the second; within each, seed by seed.

    >>> list(queue(["mlp"], ["kfac", "method2 0.1"]))[28:32]
    [('mlp', 'kfac', 29), ('mlp', 'kfac', 30), ('mlp', 'method2 0.1', 1), ('mlp', 'method2 0.1', 2)]
    """
    for wave in ((BASE, *FIRST.arms), SECOND.arms):
        for seed in range(1, max(map(len, SEEDS.values())) + 1):
            for task in (t for t in tasks if seed in SEEDS[t]):
                wanted = (arm for arm in ALL_ARMS if arm in wave and arm in arms)
                yield from ((task, arm, seed) for arm in wanted if arm not in LEFT_OUT[task])
