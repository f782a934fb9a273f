"""One seed for everything random in a run."""

import numpy as np
import torch
from torch import Tensor


class Noise:
    """Normals and uniforms on a device.

    On the CPU, doubles come from NumPy's ziggurat over SFC64, three times as fast as torch's; everything else comes
    from torch's generator of the device. Equal seed, device and calls give equal numbers.
    """

    def __init__(self, seed: int, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self._torch = torch.Generator(self.device).manual_seed(seed)
        self._numpy = np.random.Generator(np.random.SFC64(seed))

    def fill(self, out: Tensor) -> Tensor:
        """Overwrite a contiguous tensor with standard normals and return it."""
        if self._fast(out):
            self._numpy.standard_normal(out=out.numpy())
            return out
        return out.normal_(generator=self._torch)

    def normal(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Standard normals with the dtype and device of another tensor."""
        return self.fill(torch.empty(shape, dtype=like.dtype, device=like.device))

    def uniform(self, like: Tensor) -> Tensor:
        """Uniforms on [0, 1) of the shape, dtype and device of another tensor."""
        if self._fast(like):
            return torch.from_numpy(self._numpy.random(tuple(like.shape)))
        return torch.rand(like.shape, generator=self._torch, dtype=like.dtype, device=like.device)

    def _fast(self, like: Tensor) -> bool:
        return like.device.type == "cpu" and like.dtype == torch.float64
