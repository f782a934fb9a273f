# Two commands do everything on a fresh machine with Python 3.11+, make and a package index:
#   make demo   the main job: project K-FAC for ViT-S/16 on ImageNet
#   make test   lint, types and tests
# A third redraws what the paper shows:
#   make figures
# Another Python and another folder: make test PYTHON=python3.13 VENV=.venv-3.13
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
# What the core can be tested by where there is no torch.
CORE_TESTS := tests costmodel --ignore=costmodel/tracing --ignore=tests/tracing --ignore=tests/solver --ignore=tests/validation \
	--ignore=tests/test_catalog_workloads.py --ignore=tests/test_notebooks.py
# One process a processor, one thread each; without the two variables, as a plain `pytest` runs, the answers are the same.
TESTS := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 8 --dist worksteal
NEXT = @printf '\nThe environment is not active yet; type next:\n  . $(BIN)/activate\n  python -m costmodel %s\n'

.PHONY: demo figures test test-fast test-slow test-core generated bench docs clean

demo: $(VENV)/core
	$(BIN)/python -m costmodel project imagenet_vit
	$(NEXT) 'project examples/vision.yaml'

test: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(TESTS) -m "not slow"
	$(BIN)/python -m costmodel validate
	$(NEXT) 'project examples/vision.yaml'

# Every figure with its data and caption into build/figures; a run that was killed goes on where it was.
figures: $(VENV)/core
	$(BIN)/python -m paper_figures --out build/figures
	$(BIN)/python -m paper_figures claims --out build/claims.md

# The tests of `make test` alone, for another run on other kernels.
test-fast: $(VENV)/test
	$(TESTS) -m "not slow"

test-slow: $(VENV)/test
	$(TESTS) -m slow

test-core: $(VENV)/core
	$(PIP) -e ".[test-core]"
	$(TESTS) -m "not slow" $(CORE_TESTS)

# numpy code that is shipped with the formulas: after any change to them.
generated: $(VENV)/core
	$(BIN)/python -m costmodel.formulas.generate

# The documentation site, from docs/, docstrings, the registry of formulas and executed examples.
docs: $(VENV)/core
	$(PIP) -e ".[docs]"
	$(BIN)/python -m reports.site site

bench: $(VENV)/test
	$(PIP) -c constraints.txt -e ".[bench]"
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.million_points
	$(BIN)/python -m benchmarks.ten_million_points
	$(BIN)/python -m benchmarks.bartiq_500
	$(BIN)/python -m benchmarks.solver_thermox
	$(BIN)/python -m benchmarks.report_redraw

$(VENV)/python:
	$(PYTHON) -m venv $(VENV)
	@touch $@

# The core: no torch. The stamp is renewed whenever the requirements change.
$(VENV)/core: $(VENV)/python pyproject.toml
	$(PIP) -e .
	@touch $@

$(VENV)/test: $(VENV)/core constraints.txt
	$(PIP) -c constraints.txt -e ".[test,oracles,models]"
	@touch $@

clean:
	rm -rf .venv .venv-* .pytest_cache .mypy_cache .ruff_cache
