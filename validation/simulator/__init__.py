"""Calibration against the reference simulator, and the study of what accuracy training needs."""
