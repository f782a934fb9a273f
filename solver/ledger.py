"""What physically happened in a run. Every count has a closed form in docs/solver.md."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Ledger:
    """Physical events of a run; counts are totals over all arrays, times are wall time with arrays in parallel."""

    programmings: int = 0  # arrays loaded with a matrix
    uploaded_values: int = 0  # numbers sent to the machine (a matrix is sent once, however many arrays take it)
    uploaded_bits: int = 0
    dac_conversions: int = 0  # numbers turned into voltages or couplings, on every array that takes them
    settling_time_s: float = 0.0
    sampling_time_s: float = 0.0  # sampling (Method 1) or averaging (Method 2)
    samples: int = 0  # states sampled by accumulators, over all arrays
    conversions: int = 0  # analog to digital
    conversion_time_s: float = 0.0
    values_read: int = 0  # numbers sent back
    read_bits: int = 0
    transfers: int = 0  # messages on the link, each of which pays its latency
    link_time_s: float = 0.0
    overlapped_time_s: float = 0.0  # of all times, what runs beside another
    digital_flops: int = 0  # matrix products left to the digital side; a multiply-add is 2

    def __add__(self, other: "Ledger") -> "Ledger":
        """One run after another on the same machine."""
        return Ledger(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    @property
    def time_s(self) -> float:
        """Time on the machine and its link; the digital operations are priced by whoever owns a digital device."""
        one_by_one = self.settling_time_s + self.sampling_time_s + self.conversion_time_s + self.link_time_s
        return one_by_one - self.overlapped_time_s
