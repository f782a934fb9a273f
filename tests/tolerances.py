"""What training tolerates, as a model states it: one number for all flaws but those that a test sets apart."""

from costmodel.projection.values import TOLERANCES

#: What nothing is large beside: a flaw that takes nothing of the budget.
BOUNDLESS = 1e6
NAMES = tuple(path.rpartition(".")[2] for path in TOLERANCES.values())


def alike(value: float, **others: float) -> str:
    """All five tolerances in the settings of a model."""
    return ", ".join(f"{name}: {number}" for name, number in (dict.fromkeys(NAMES, value) | others).items())
