# The commands of this project. They need Python 3.10 or newer with pip, and make; everything else goes into $(VENV).
# `make` alone lists them.

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help demo install test test-all compat lint format types imports check docs bench soak clean

help: ## List the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.demo-installed ## Train on real data and show what was recorded
	$(BIN)/python examples/sklearn_quickstart.py
	@echo
	$(BIN)/autotrack ls
	@echo
	$(BIN)/autotrack show @last
	@echo
	@echo "Look again at any time:  $(BIN)/autotrack ls    $(BIN)/autotrack show @last"

install: $(VENV)/.dev-installed ## Install the package and everything its development needs

test: $(VENV)/.dev-installed ## Run the tests, without the slow ones
	$(PYTEST) -m "not slow"

test-all: $(VENV)/.dev-installed ## Run all tests
	$(PYTEST)

check: lint types imports test ## Run everything that CI runs

lint: $(VENV)/.dev-installed ## Check style and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: $(VENV)/.dev-installed ## Repair style and formatting
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(VENV)/.dev-installed ## Check types
	$(BIN)/mypy

imports: $(VENV)/.dev-installed ## Check who imports whom
	$(BIN)/lint-imports

compat: $(VENV)/.dev-installed ## Run the integrations with the oldest and newest versions of their frameworks
	$(BIN)/nox
	$(BIN)/python tests/compat/version_table.py

docs: $(VENV)/.dev-installed ## Write the pages that follow from the code
	$(BIN)/python docs/generate.py

bench: $(VENV)/.dev-installed $(VENV)-peers/.installed ## Measure autotrack beside its peers
	$(BIN)/python benchmarks/run.py

soak: $(VENV)/.dev-installed ## Track many thousand fits; look for leaks and lost records
	$(BIN)/python benchmarks/soak.py

clean: ## Remove what these commands made, but not recorded runs
	rm -rf $(VENV) $(VENV)-peers .nox build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis htmlcov .coverage
	find autotrack integrations tests examples benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +

# Debian's python3 makes no venv without the package python3-venv, but its pip can fill one that has no pip.
$(BIN)/python:
	$(PYTHON) -m venv $(VENV) || { \
	  $(PYTHON) -m venv --clear --without-pip $(VENV) && \
	  $(PYTHON) -m pip --python $(BIN)/python install --quiet pip; }

# Peers whose dependencies forbid the versions that ours need are measured in an environment of their own.
$(VENV)-peers/.installed:
	$(PYTHON) -m venv $(VENV)-peers
	$(VENV)-peers/bin/python -m pip install --quiet --disable-pip-version-check 'aim>=3.29' 'dvclive>=3.49'
	@touch $@

$(VENV)/.demo-installed: pyproject.toml Makefile | $(BIN)/python
	$(PIP) --editable '.[sklearn,pandas]'
	@touch $@

$(VENV)/.dev-installed: pyproject.toml Makefile | $(BIN)/python
	$(PIP) --editable '.[dev]'
	@touch $@
