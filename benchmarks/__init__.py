"""Timings: run one by one, never part of the tests."""
