"""A small model that tests change one thing of."""

from typing import Any

import pytest


@pytest.fixture
def model() -> dict[str, Any]:
    """A model of one linear layer."""
    layer = {"name": "fc", "kind": "linear", "d_in": 3, "d_out": 4}
    return {"schema": 1, "name": "net", "batch_size": 8, "layers": [layer]}
