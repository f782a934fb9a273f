"""What is declared of the quantities a card or a model states: the symbol they are values of, and what makes them good.

A symbol declares for the quantity of its own name, and one that belongs to a factor for that of either factor; the few
quantities that no formula has a letter for are declared here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from costmodel.quantities.symbols import SYMBOLS, Better, SymbolInfo


@dataclass(frozen=True, slots=True)
class Declared:
    """What is declared of a quantity.

    Attributes:
        better: Which values help the analog machine.
        symbol: The symbol whose domain its draws keep to; None where no formula has one.
    """

    better: Better = Better.SMALLER
    symbol: SymbolInfo | None = None


def _declarations() -> dict[str, Declared]:
    found = {
        "adam_steps": Declared(Better.EITHER),
        "kfac_step_ratio": Declared(),
        "host_time": Declared(Better.EITHER),
        "temperature": Declared(),
        "factor": Declared(),  # of the time a run takes over that of its formula
    }
    for info in SYMBOLS.values():
        for name in [f"input_{info.name}", f"output_{info.name}"] if info.of_each_factor else [info.name]:
            found[name] = Declared(info.better, info)
    return found


#: By the last part of a quantity's path.
DECLARED: Final = _declarations()
