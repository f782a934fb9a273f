"""Draws as they are handed on."""

from __future__ import annotations

import numpy as np

from costmodel.projection.draws import Sample
from costmodel.quantities.estimate import Quantity, Status
from costmodel.quantities.units import one


def test_a_nominal_draw_of_a_whole_number_is_a_float() -> None:
    whole = Quantity(3, 3, 3, one, Status.MEASURED, "counted")
    drawn = Sample.nominal({"analog.cells": whole}).drawn["analog.cells"]
    assert drawn.dtype == np.float64
