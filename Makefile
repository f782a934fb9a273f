# Two commands do everything on a fresh machine with Python 3.11+, make and a package index:
#   make demo   the main job: project K-FAC for ViT-S/16 on ImageNet
#   make test   lint, types and tests
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-slow bench lint clean

demo: .venv/core
	$(BIN)/python -m costmodel project imagenet_vit

test: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -m "not slow"

test-slow: .venv/test
	$(BIN)/pytest -m slow

bench: .venv/test
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[bench]"
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.million_points
	$(BIN)/python -m benchmarks.bartiq_500
	$(BIN)/python -m benchmarks.solver_thermox

.venv/python:
	$(PYTHON) -m venv .venv
	@touch $@

# The core: no torch. The stamp is renewed whenever the requirements change.
.venv/core: .venv/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	@touch $@

.venv/test: .venv/core constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test,oracles]"
	@touch $@

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache
