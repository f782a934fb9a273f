"""Table 1: with which power of n the solver of each method grows, and where it overtakes Cholesky."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from costmodel import formulas
from paper_figures import scaling
from paper_figures.figure import Effort, Figure, Frame, Statement
from paper_figures.style import PAGE

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

#: Methods with the formula of the term that leads in n and kappa on an array as large as the matrix.
ROWS: Final = {
    "kfac.cholesky": ("digital, Cholesky", "kfac.cholesky.refresh.flops"),
    "kfac.eigh": ("digital, eigenvectors", "kfac.eigh.refresh.flops"),
    "kfac.newton_schulz": ("digital, Newton-Schulz", ""),
    "digital": ("digital, best", ""),
    "thermo.inverse": ("Method 1 (covariance)", "thermo.inverse.sample.time"),
    "thermo.solve": ("Method 2 (solves)", "thermo.solve.time"),
    "thermo.columns": ("columns of the inverse", ""),
}


def data(effort: Effort) -> pd.DataFrame:
    """One row a method, machine and condition: exponent of the solver's time, crossover with Cholesky and its interval."""
    frame = scaling.data(effort)
    return pd.DataFrame(
        [
            {
                "method": arm, "leading": leading(arm), "machine": machine, "kappa": kappa,
                "exponent": scaling.exponent(frame, kappa, machine, arm),
                **dict(zip(("crossover", "crossover_early", "crossover_late"), scaling.crossover(frame, kappa, machine, arm), strict=True)),
            }
            for arm in ROWS for machine in scaling.MACHINES for kappa in scaling.CONDITIONS
        ]
    )  # fmt: skip


def leading(arm: str) -> str:
    """Leading term of a method's own formula, in n and kappa; empty where it is a sum over several."""
    name = ROWS[arm][1]
    if not name:
        return ""
    formula = formulas.get(name)
    letters = [letter for letter in ("n", "kappa") if letter in formula.letters]
    return plain(formula.leading(*letters))


def plain(term: Any) -> str:
    """A term as text."""
    return str(getattr(term, "expression", term)).replace("**", "^").replace("*", " ")


def draw(frame: pd.DataFrame) -> Drawing:
    """The table of exponents as a picture."""
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(PAGE, 2.2))
    axis.set_axis_off()
    short = {"fixed": "κ = 100", "law": "κ by law", "deflated": "deflated"}
    heads = ["", *(f"{machine}\n{short[kappa]}" for machine in scaling.MACHINES for kappa in scaling.CONDITIONS)]
    rows = []
    for arm, (title, _) in ROWS.items():
        mine = frame[frame["method"] == arm].set_index(["machine", "kappa"])
        cells = [_cell(mine.loc[(machine, kappa)]) for machine in scaling.MACHINES for kappa in scaling.CONDITIONS]
        rows.append([title, *cells])
    table = axis.table(
        rows, colLabels=heads, loc="center", cellLoc="center", edges="horizontal", colWidths=[0.19] + [0.09] * 9
    )
    table.auto_set_font_size(False)
    table.set_fontsize(6)
    table.scale(1, 1.6)
    for (row, column), cell in table.get_celld().items():
        cell.set_linewidth(0.8 if row < 1 else 0.3)
        if column == 0:
            cell.set_text_props(ha="left")
    return figure


def _cell(row: Frame) -> str:
    return f"$n^{{{row['exponent']:.2f}}}$"


def _of(frame: Frame, arm: str, machine: str, kappa: str = "fixed") -> float:
    rows = frame[(frame["method"] == arm) & (frame["machine"] == machine) & (frame["kappa"] == kappa)]
    return float(rows["exponent"].iloc[0])


def caption(frame: Frame) -> str:
    """Leading terms."""
    terms = {arm: frame[frame["method"] == arm]["leading"].iloc[0] for arm in ROWS}
    told = "; ".join(f"{ROWS[arm][0]} {term}" for arm, term in terms.items() if isinstance(term, str) and term)
    return (
        "Power of n with which the time of the solver grows from n = 8192 to 100 000, links, conversions and digital products in it; "
        "digital times are fitted to timings up to n = 6144 and extrapolated, machines sourced or assumed. Crossovers with Cholesky and "
        f"their 90 % intervals are in the CSV. Leading terms of the formulas, on an array as large as the matrix: {told}."
    )


def message(frame: Frame) -> list[Statement]:
    """The ranking of the powers."""
    exact, best = _of(frame, "kfac.cholesky", "one array"), _of(frame, "digital", "one array")
    solve, tiled = _of(frame, "thermo.solve", "1024 arrays"), _of(frame, "thermo.solve", "256 cells")
    return [
        Statement(
            f"Method 2 grows more slowly than Cholesky on whole matrices (n^{solve:.2f}, n^{exact:.2f})",
            solve < exact - 0.5,
        ),
        Statement(f"The best digital method does, too (n^{best:.2f})", best < exact - 0.5),
        Statement(f"On arrays of 256 cells Method 2 does not (n^{tiled:.2f})", tiled > exact - 0.2),
    ]


FIGURE: Final = Figure("table1", "Complexity of one layer", data, draw, caption, message)
