"""Networks that had no part in the law of curvature, to score it on: other data, other shapes, one factory each.

    python -m costmodel curvature measure validation.curvature.networks.perceptrons:digits_mlp_96 --out fresh.jsonl \
        --steps 0,30,150,500,1000

The last step of each is its module's ``LAST_STEP``. All seeds are fixed; the text is the standard library of the Python
that runs, so that a new Python changes the two language models a little. Needs the extra ``study``.

Nothing is scored on those of ``varied``: they are other data for a fit (validation/data/curvature/methodology.md).
"""
