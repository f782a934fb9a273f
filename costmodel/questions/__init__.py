"""Questions put to a projection or to the formulas."""
