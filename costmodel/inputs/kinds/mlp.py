"""The family of multilayer perceptrons."""

from __future__ import annotations

from collections.abc import Iterator

from costmodel.inputs.kinds.fields import Size
from costmodel.inputs.kinds.registry import family
from costmodel.inputs.schema import Strict
from costmodel.workloads.workload import Layer


class MlpParameters(Strict):
    """A multilayer perceptron: ``depth`` hidden layers of ``width``."""

    depth: Size = 4
    width: Size = 1024
    d_in: Size = 784
    d_out: Size = 10


@family("mlp", MlpParameters)
def mlp(entry: MlpParameters) -> Iterator[Layer]:
    """A multilayer perceptron with ``depth`` hidden layers of ``width``.

    >>> [layer.input_factor_dimension for layer in mlp(MlpParameters(depth=2, width=64))]
    [785, 65, 65]
    """
    inputs = entry.d_in
    for index in range(entry.depth):
        yield Layer(f"layers.{index}", "linear", inputs, entry.width, bias=True)
        inputs = entry.width
    yield Layer(f"layers.{entry.depth}", "linear", inputs, entry.d_out, bias=True)
