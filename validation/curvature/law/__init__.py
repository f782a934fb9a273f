"""The law of curvature: fitted to measured networks, scored on networks that are left out."""
