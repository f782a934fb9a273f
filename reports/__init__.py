"""Reports: a page in which a projection is alive, and the same on paper. ``python -m costmodel report`` writes both."""
