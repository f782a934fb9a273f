"""From timings to laws: candidate families, a robust fit, and a selection that must pay on data left out."""
