"""An analog machine: cells with a time constant and noise, converters, component mismatch, arrays and a link."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor

from solver.converters import Converter
from solver.ledger import Ledger
from solver.matrices import MatrixError
from solver.modes import Modes, Regime
from solver.noise import Noise

if TYPE_CHECKING:
    from costmodel.machines.cards import AnalogCard

BOLTZMANN = 1.380649e-23  # J/K, exact in the SI


@dataclass(frozen=True, slots=True)
class Link:
    """Between the digital host and the machine; shared by all arrays."""

    bits_per_s: float = math.inf
    latency_s: float = 0.0  # paid once a transfer

    def __post_init__(self) -> None:
        """Refuse a link that moves nothing."""
        if not self.bits_per_s > 0 or not self.latency_s >= 0:
            raise ValueError(
                f"a link needs bits_per_s > 0 and latency_s >= 0, got {self.bits_per_s} and {self.latency_s}"
            )

    def ledger(self, up: int, up_bits: int, down: int, down_bits: int, transfers: int) -> Ledger:
        """Events of moving `up` values to the machine and `down` values back."""
        bits = up * up_bits + down * down_bits
        return Ledger(
            uploaded_values=up,
            uploaded_bits=up * up_bits,
            values_read=down,
            read_bits=down * down_bits,
            transfers=transfers,
            link_time_s=bits / self.bits_per_s + transfers * self.latency_s,
        )


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine and its flaws. Voltages are in units of the full scale, couplings in units of the largest eigenvalue.

    The noise of a cell of unit conductance has variance `noise`^2 + kT / (C V^2) always, and `injected_noise`^2
    more while Method 1 samples, because thermal noise alone is below what a converter can read (2 uV at 1 nF).
    """

    tau_s: float = 1e-6  # RC, or sqrt(LC) of the underdamped cells
    regime: Regime = Regime.OVERDAMPED
    cells: int | None = None  # side of one array; larger matrices are cut into blocks
    arrays: int = 1
    dac: Converter = field(default_factory=Converter)
    adc: Converter = field(default_factory=Converter)
    link: Link = field(default_factory=Link)
    mismatch: float = 0.0  # relative standard deviation of each coupling, fixed for a chip
    chip: int = 0  # seed of the mismatch
    conversion_rate_hz: float = math.inf  # of one converter
    converters: int | None = None  # of one array; None is one a cell
    product_time_s: float | None = None  # of one product with one array; None where it multiplies nothing
    overlap: bool = False  # results are held, and read while the next system settles
    noise: float = 0.0  # rms, relative to full scale
    injected_noise: float = 0.1  # rms, relative to full scale
    capacitance_f: float | None = None  # adds kT / C
    temperature_k: float = 300.0
    full_scale_v: float = 1.0

    def __post_init__(self) -> None:
        """Refuse machines that cannot exist."""
        if not self.tau_s > 0 or self.arrays < 1 or (self.cells is not None and self.cells < 1):
            raise ValueError(f"need tau_s > 0, arrays >= 1, cells >= 1; got {self.tau_s}, {self.arrays}, {self.cells}")
        if not self.conversion_rate_hz > 0 or (self.converters is not None and self.converters < 1):
            raise ValueError(
                f"need conversion_rate_hz > 0 and converters >= 1; got {self.conversion_rate_hz}, {self.converters}"
            )
        if min(self.mismatch, self.noise, self.injected_noise) < 0:
            raise ValueError("mismatch, noise and injected_noise must be >= 0")

    @classmethod
    def from_card(cls, card: "AnalogCard | str") -> Self:
        """The machine that a hardware card describes, or the shipped card of a name; see `solver.from_card`.

        >>> machine = Machine.from_card("tngd-2024")
        >>> machine.tau_s, machine.dac.bits, machine.link.bits_per_s
        (1e-06, 16, 50000000000.0)
        """
        from solver.from_card import machine_values

        values = machine_values(card)
        return cls(**{**values, "link": Link(**values["link"])})

    @property
    def thermal_variance(self) -> float:
        """Temperature theta of the cells with the noise generators off, in full scales squared.

        >>> round(Machine(capacitance_f=1e-9).thermal_variance ** 0.5 * 1e6, 2)  # sqrt(kT/C) of 1 nF is 2 uV
        2.04
        """
        thermal = 0.0
        if self.capacitance_f is not None:
            thermal = BOLTZMANN * self.temperature_k / self.capacitance_f / self.full_scale_v**2
        return self.noise**2 + thermal

    @property
    def sampling_variance(self) -> float:
        """Temperature theta of the cells with the noise generators on."""
        return self.thermal_variance + self.injected_noise**2

    def friction(self, kappa: float) -> float:
        """Friction that is critical for the slowest mode of a matrix of condition kappa; unused when overdamped."""
        return 2 / math.sqrt(kappa)

    def blocks(self, n: int) -> tuple[int, ...]:
        """Sizes of the diagonal blocks that an n by n matrix is cut into.

        >>> Machine(cells=4).blocks(10)
        (4, 4, 2)
        """
        size = n if self.cells is None else min(self.cells, n)
        return tuple(min(size, n - start) for start in range(0, n, size))

    def spread(self, members: int, systems: int = 1) -> tuple[int, int]:
        """Rounds of consecutive runs, and arrays loaded, for `systems` right-hand sides of each of `members` matrices.

        Each matrix gets a = max(1, arrays // members) arrays: ceil(members / arrays) ceil(systems / a) rounds and
        members min(a, systems) programmings.

        >>> Machine(arrays=8).spread(3, systems=5), Machine(arrays=2).spread(5)
        ((3, 6), (3, 5))
        """
        each = max(1, self.arrays // members)
        rounds = -(-members // self.arrays) * -(-systems // each)
        return rounds, members * min(each, systems)

    def reading(self, rounds: int, run_s: float, p: int, values: int) -> Ledger:
        """Time of conversions, and what of a reading goes on beside something else.

        Args:
            rounds: consecutive runs, each of which ends with one result on every array.
            run_s: one of them.
            p: values of one result.
            values: of all results, over the link.

        Converters and the link work at the same time. With `overlap` both work on one result while the arrays run for
        the next; the last has nothing to hide behind.

        >>> machine = Machine(conversion_rate_hz=1e6, converters=1, overlap=True)
        >>> machine.reading(rounds=3, run_s=1e-6, p=4, values=12).overlapped_time_s
        2e-06
        """
        convert = p / (self.converters or self.cells or p) / self.conversion_rate_hz
        send = values * self.adc.word / self.link.bits_per_s / rounds
        hidden = rounds * min(convert, send)
        if self.overlap:
            hidden += (rounds - 1) * min(run_s, max(convert, send))
        return Ledger(conversion_time_s=rounds * convert, overlapped_time_s=hidden)

    def streaming(self, rounds: int, spacing_s: float, samples: int, p: int, values: int) -> Ledger:
        """The same for samples of p values that are converted and sent while the array runs for the next ones.

        >>> machine = Machine(conversion_rate_hz=1e6, converters=1)
        >>> round(machine.streaming(rounds=1, spacing_s=1e-6, samples=10, p=4, values=40).overlapped_time_s, 9)
        1e-05
        """
        run = rounds * samples * spacing_s
        convert = rounds * samples * p / (self.converters or self.cells or p) / self.conversion_rate_hz
        send = values * self.adc.word / self.link.bits_per_s
        hidden = run + convert + send - max(run, convert, send)
        return Ledger(conversion_time_s=convert, overlapped_time_s=hidden)

    def program(self, A: Tensor, noise: Noise) -> Modes:
        """Load matrices on arrays: round them, apply the mismatch of each array, and decompose what stands there.

        Args:
            A: shape (b, p, p), largest eigenvalue about 1; member i goes to array i modulo `arrays`.
            noise: source of stochastic rounding.

        Raises:
            MatrixError: what is left is not positive definite; the message gives the bits or damping that would do.
        """
        if self.dac.bits is None and self.dac.full_range is None and self.mismatch == 0:
            return Modes.of(A)
        lower = self.dac.convert(A, 2, noise).tril()
        programmed = lower + lower.tril(-1).mT
        if self.mismatch > 0:
            programmed = programmed * self._pattern(A)
        eigenvalues, basis = torch.linalg.eigh(programmed)
        if not (eigenvalues[:, 0] > 0).all():
            raise MatrixError(self._cannot_hold(A, eigenvalues))
        return Modes(eigenvalues, basis)

    def _pattern(self, A: Tensor) -> Tensor:
        """Gain of every coupling, shape (b, p, p): a coupling between two cells is one component, hence symmetric."""
        p = A.shape[-1]
        patterns = []
        for array in range(min(self.arrays, A.shape[0])):
            source = Noise(self.chip * 1_000_003 + array)
            lower = source.fill(torch.empty(p, p, dtype=torch.float64)).tril()
            patterns.append(1 + self.mismatch * (lower + lower.tril(-1).mT))
        index = torch.arange(A.shape[0]) % len(patterns)
        return torch.stack(patterns)[index].to(A)

    def displacement(self, A: Tensor) -> tuple[float, float]:
        """About how far rounding, and mismatch, move the eigenvalues of one matrix of shape (p, p), in its own units.

        A symmetric error of independent entries of deviation s moves eigenvalues by up to about 2 s sqrt(p);
        rounding to nearest has s = step / sqrt(12).

        >>> Machine(dac=Converter(bits=8)).displacement(torch.eye(3, dtype=torch.float64))
        (0.007874015748031496, 0.0)
        """
        p, peak = A.shape[-1], A.abs().max().item()
        rounding = 0.0 if self.dac.bits is None else peak / self.dac.levels() * math.sqrt(p / 3)
        return rounding, 2 * self.mismatch * A.norm(dim=-1).max().item()

    def _cannot_hold(self, A: Tensor, eigenvalues: Tensor) -> str:
        """Say which eigenvalue was lost and what would keep it."""
        member = int(eigenvalues[:, 0].argmin())
        spectrum = torch.linalg.eigvalsh(A[member])
        before, kappa = spectrum[0].item(), (spectrum[-1] / spectrum[0]).item()
        rounding, drift = self.displacement(A[member])
        advice = f"add damping so that the smallest eigenvalue exceeds {rounding + drift:.3g} of the largest"
        if drift < before and self.dac.bits is not None:
            need = math.ceil(1 + math.log2(1 + rounding * self.dac.levels() / (before - drift)))
            advice = f"use at least {need} input bits (now {self.dac.bits}), or {advice}"
        return (
            f"kappa = {kappa:.3g} is beyond what this machine can hold: programming moves eigenvalues by about "
            f"{rounding + drift:.3g} (rounding {rounding:.3g}, mismatch {drift:.3g}), the smallest was {before:.3g} "
            f"and became {eigenvalues[member, 0].item():.3g} (largest = 1); {advice}"
        )
