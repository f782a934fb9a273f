"""Write the traced models of the catalog again: ``python -m validation.catalog [NAME ...]``."""

from __future__ import annotations

import sys

from costmodel.inputs.loading import CATALOG
from validation.catalog.models import MODELS, trace

for name in sys.argv[1:] or MODELS:
    traced = trace(name)
    traced.to_yaml(CATALOG / "models" / f"{name}.yaml")
    print(traced)
