"""Measurements and simulations that the cost model is calibrated on and scored against."""
