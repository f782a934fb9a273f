"""The curvature of one's own network: both Kronecker factors of its layers, measured while it trains."""

from solver.kfac.factors import Sharing
from validation.curvature.fisher import Fisher, Likelihood
from validation.curvature.probe import CurvatureProbe
from validation.curvature.task import Task

__all__ = ["CurvatureProbe", "Fisher", "Likelihood", "Sharing", "Task"]
