"""The one estimator: counts times rates over layers and draws, and what is made of them."""
