"""Converters between numbers and voltages: bits, range, saturation, rounding."""

from dataclasses import dataclass

import torch
from torch import Tensor

from solver.noise import Noise

# What an ideal converter moves over a link: a double.
_IDEAL_BITS = 64


@dataclass(frozen=True, slots=True)
class Converter:
    """A DAC or ADC with 2^(bits-1) - 1 levels on each side of zero (mid-tread, so zero is exact).

    `full_range` is the largest magnitude that it represents; None sets the range to the largest magnitude of each batch
    member (a programmable gain). Stochastic rounding makes the mean of many roundings exact.
    """

    bits: int | None = None  # None is ideal
    full_range: float | None = None
    stochastic: bool = False

    def __post_init__(self) -> None:
        """Refuse converters that could hold nothing but zero."""
        if self.bits is not None and not (isinstance(self.bits, int) and 2 <= self.bits <= 32):
            raise ValueError(f"a converter needs 2 to 32 bits, got {self.bits}; use bits=None for an ideal one")
        if self.full_range is not None and not self.full_range > 0:
            raise ValueError(f"full_range must be positive, got {self.full_range}")

    @property
    def word(self) -> int:
        """Bits of one value on the link."""
        return _IDEAL_BITS if self.bits is None else self.bits

    def levels(self) -> int:
        """Steps between zero and full range; 0 for an ideal converter."""
        return 0 if self.bits is None else 2 ** (self.bits - 1) - 1

    def convert(
        self, values: Tensor, dims: int, noise: Noise, top: Tensor | None = None, *, offset: float = 0.0
    ) -> Tensor:
        """Round and saturate values.

        Args:
            values: any shape; the last `dims` dimensions share one range when it is not fixed.
            dims: number of trailing dimensions of one programmed object.
            noise: source of stochastic rounding.
            top: a range to use instead, broadcastable to values.
            offset: what is added before rounding, in steps; nothing to an ideal converter.

        >>> Converter(bits=3).convert(torch.tensor([1.0, 0.4, -0.1]), 1, Noise(0))
        tensor([1.0000, 0.3333, -0.0000])
        """
        if self.full_range is not None:
            top = torch.full_like(values, self.full_range)
        elif top is None:
            top = values.abs().amax(tuple(range(-dims, 0)), keepdim=True)
        if self.bits is None:
            return values if self.full_range is None else values.clamp(-self.full_range, self.full_range)
        step = top / self.levels()
        step = torch.where(step > 0, step, torch.ones_like(step))
        scaled = values / step + offset
        scaled = torch.floor(scaled + noise.uniform(values)) if self.stochastic else torch.round(scaled)
        return scaled.clamp(-self.levels(), self.levels()) * step

    def read(self, values: Tensor, dims: int, noise: Noise, readings: int) -> Tensor:
        """Mean of some readings of values that are held, the arguments as in `convert`.

        Of R readings to nearest, the j-th is offset by (j + 1/2) / R - 1/2 of a step: their mean is the value rounded
        to an R-th of a step, by Hermite's identity. Without offsets all of them were the same. Stochastic roundings are
        independent as they are.

        >>> Converter(bits=3).read(torch.tensor([1.0, 0.4, -0.1]), 1, Noise(0), 4)  # in twelfths
        tensor([ 1.0000,  0.4167, -0.0833])
        """
        mean = torch.zeros_like(values)
        for reading in range(readings):
            offset = 0.0 if self.stochastic else (reading + 0.5) / readings - 0.5
            mean += self.convert(values, dims, noise, offset=offset) / readings
        return mean
