"""The design: which trials are run, which of them fit the constants and which only score them."""

import itertools
import random
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from solver import Regime
from validation.simulator.lines import missing_or_wrong, read
from validation.simulator.spectra import FAMILIES, spectrum_moments

LAWS = ("settling", "averaging", "sampling", "input_bits", "output_bits", "mismatch")
# Trials of a projection's laws: right-hand sides are gradients, whose modes have a factor's eigenvalues before damping
# as variances, and the inverse is applied to such.
GRADIENTS = ("gradient_settling", "gradient_burn_in", "gradient_averaging", "gradient_sampling")
#: Read off the exact second moments, which the form that knows the spectrum is: only the projected form can be wrong.
EXACT = frozenset({"gradient_burn_in"})

# Held out are all trials with a size, a condition number or a spectrum from the second set: larger, and other families.
SIZES = {False: (8, 16, 32, 64), True: (96, 160)}
SMALL_SIZES = {False: (8, 16, 32), True: (96,)}  # for the short design
KAPPAS = {False: (3.0, 10.0, 30.0, 100.0), True: (300.0, 1000.0)}
SPECTRA = {False: ("logarithmic", "linear", "spiked"), True: ("power", "semicircle")}
# More families, for the laws that depend on the whole spectrum.
MORE_SPECTRA = {False: ("damped", "clusters", "quadratic"), True: ("harmonic", "lone")}
MORE = ("settling", "averaging", "sampling")
# Factors of K-FAC on a floor of damping. A projection knows moments of a spectrum, but not how its families differ.
FACTORS = {
    False: ("inverse", "steep", "gap", "drop", "bent", "damped"),
    True: ("octaves", "interleaved", "steepening", "groups"),
}
# Trials of gradients are of spectra with moments like those of networks in training: a damping share as high as 95 % of
# their factors have, and an effective dimension as small a part of n as all of them have.
LEAST_DAMPING_SHARE, LARGEST_EFFECTIVE_SHARE = 0.3, 0.6

# What a law's own knob runs over: a relative error unless said otherwise.
KNOBS: dict[str, tuple[float, ...]] = {
    "settling": (0.3, 0.1, 0.03, 0.01, 0.001),
    "averaging": (10.0, 30.0, 100.0, 300.0),  # window, in slowest relaxations
    "sampling": (0.4, 0.2, 0.1),
    "input_bits": (3, 4, 5, 6, 8),  # beyond the fewest that can hold kappa
    "output_bits": (4, 6, 8, 10, 12),
    "mismatch": (0.003, 0.01, 0.03, 0.1),  # times 1 / kappa
    "gradient_settling": (0.5, 0.3, 0.1, 0.01, 0.001),
    "gradient_burn_in": (0.5, 0.3, 0.1, 0.01, 0.001),
    "gradient_averaging": (10.0, 30.0, 100.0, 300.0),
    "gradient_sampling": (0.8, 0.5, 0.3),  # of the inverse, in its norm and at worst
}


@dataclass(frozen=True, slots=True)
class Trial:
    """One point of the design."""

    law: str
    regime: Regime
    n: int
    kappa: float
    spectrum: str
    knob: float
    seed: int

    @property
    def held_out(self) -> tuple[str, ...]:
        """Which of its properties were not seen by the fit; empty for a trial that is fitted."""
        new = {"n": self.n in SIZES[True], "kappa": self.kappa in KAPPAS[True]}
        new["spectrum"] = self.spectrum in SPECTRA[True] + MORE_SPECTRA[True] + FACTORS[True]
        return tuple(name for name, value in new.items() if value)

    @property
    def key(self) -> str:
        """Identity of a trial in a file of records."""
        return f"{self.law}/{self.regime}/n{self.n}/k{self.kappa:g}/{self.spectrum}/{self.knob:g}/s{self.seed}"

    def describe(self) -> dict[str, Any]:
        """Fields for a record."""
        return {**asdict(self), "regime": str(self.regime), "held_out": list(self.held_out), "key": self.key}


#: Whether n, kappa and the spectrum of a scored trial are new.
_HELD_OUT = ((True, False, False), (False, True, False), (False, False, True), (True, True, True))


def design(fitted: int, scored: int, seed: int, *, small: bool = False) -> list[Trial]:
    """A thinned factorial: `fitted` and `scored` trials of every law in every regime, and more of further families.

    The factorial of all levels is shuffled with the seed; trials of the fit take levels of the first sets only,
    those of the score have at least one level of the second sets, in equal parts n only, kappa only, spectrum only,
    and all three.
    """
    trials = []
    sizes = SMALL_SIZES if small else SIZES
    for law, regime in itertools.product(LAWS, Regime):
        source = random.Random(f"{seed}/{law}/{regime}")
        groups = [(False, False, False)] * fitted
        groups += [_HELD_OUT[i % len(_HELD_OUT)] for i in range(scored)]
        for i, (new_n, new_kappa, new_spectrum) in enumerate(groups):
            trials.append(
                Trial(
                    law,
                    regime,
                    source.choice(sizes[new_n]),
                    source.choice(KAPPAS[new_kappa]),
                    source.choice(SPECTRA[new_spectrum]),
                    source.choice(KNOBS[law]),
                    seed * 100_000 + i,
                )
            )
    trials += _of_more_spectra(max(6, fitted * 3 // 10), max(2, scored // 4), seed, sizes)
    return trials + _of_gradients(max(5, fitted * 3 // 10), max(1, scored * 3 // 8), seed, sizes)


def _of_more_spectra(fitted: int, scored: int, seed: int, sizes: dict[bool, tuple[int, ...]]) -> list[Trial]:
    """Trials of every further family.

    Those of the fit are spread over the seen sizes and condition numbers, those of the score half on seen and half on
    new ones.
    """
    trials = []
    for law, regime in itertools.product(MORE, Regime):
        source = random.Random(f"{seed}/{law}/{regime}/families")
        start = seed * 100_000 + 1_000
        for new, families in MORE_SPECTRA.items():
            for family in families:
                seen = list(itertools.product(sizes[False], KAPPAS[False]))
                levels = source.sample(seen, scored // 2 if new else fitted)
                if new:
                    levels += [(source.choice(sizes[True]), source.choice(KAPPAS[True])) for _ in range(scored // 2)]
                for n, kappa in levels:
                    trials.append(Trial(law, regime, n, kappa, family, source.choice(KNOBS[law]), start))
                    start += 1
    return trials


def _of_gradients(fitted: int, scored: int, seed: int, sizes: dict[bool, tuple[int, ...]]) -> list[Trial]:
    """Trials of the laws of a projection: `fitted` of every seen family, `scored` of every way to be held out."""
    trials = []
    for law, regime in itertools.product(GRADIENTS, Regime):
        source = random.Random(f"{seed}/{law}/{regime}")
        levels = [
            source.choice(_levels(sizes[False], KAPPAS[False], (f,))) for f in FACTORS[False] for _ in range(fitted)
        ]
        for new_n, new_kappa, new_spectrum in _HELD_OUT:
            some = _levels(sizes[new_n], KAPPAS[new_kappa], FACTORS[new_spectrum])
            levels += [source.choice(some) for _ in range(scored)]
        for number, (n, kappa, family) in enumerate(levels, seed * 100_000 + 2_000):
            trials.append(Trial(law, regime, n, kappa, family, source.choice(KNOBS[law]), number))
    return trials


@cache
def _levels(
    sizes: tuple[int, ...], kappas: tuple[float, ...], families: tuple[str, ...]
) -> tuple[tuple[int, float, str], ...]:
    """Sizes, condition numbers and families whose moments networks have."""
    found = []
    for n, kappa, family in itertools.product(sizes, kappas, families):
        known = spectrum_moments(FAMILIES[family](n, kappa))
        few = known.effective_dimension <= LARGEST_EFFECTIVE_SHARE * n
        if few and known.damping_share >= LEAST_DAMPING_SHARE:
            found.append((n, kappa, family))
    return tuple(found)


_FIELDS: dict[str, type | tuple[type, ...]] = {
    "key": str,
    "law": str,
    "regime": str,
    "spectrum": str,
    "held_out": list,
    "n": int,
    "seed": int,
    "repeats": int,
    **dict.fromkeys(("kappa", "knob", "value", "log_se", "spectral", "worst"), (int, float)),
}
#: Trials that say how large their solutions are.
_SWING: dict[str, type | tuple[type, ...]] = {"swing": (int, float)}


def fault(record: dict[str, Any]) -> str | None:
    """What is wrong with the record of a trial; None where nothing is."""
    wrong = missing_or_wrong(record, _FIELDS | (_SWING if record.get("law") == "gradient_averaging" else {}))
    if wrong:
        return wrong
    if record["law"] not in (*LAWS, *GRADIENTS) or record["regime"] not in list(Regime):
        return f"unknown law or regime: {record['law']}, {record['regime']}"
    least = {
        "value": 1e-300,
        "spectral": 1e-300,
        "worst": 1e-300,
        "kappa": 1,
        "knob": 1e-300,
        "n": 1,
        "log_se": 0,
        "repeats": 2,
        "swing": 1e-300,
    }
    low = [name for name, smallest in least.items() if record.get(name, smallest) < smallest]
    return f"out of range: {', '.join(low)}" if low else None


def read_trials(path: Path) -> list[dict[str, Any]]:
    """Records of a file of trials, all of them checked.

    Raises:
        BrokenTrialsError: One line a fault.
    """
    return read(path, fault)
