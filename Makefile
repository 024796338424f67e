# Each target sets up what it needs: `make run` and `make test` work from a clean checkout.
PYTHON ?= python3
PY := .venv/bin/python
TESTS ?= tests
BENCH ?=

.PHONY: run test lint format bench lock setup clean

run: setup ## open the window on the built-in example (without a display: export its heatmaps)
	@$(PY) -m maskviz --example

test: lint ## everything that is checked: style, types, import contracts, tests
	@$(PY) -m pytest -n auto --maxprocesses 4 --dist loadfile $(TESTS)

lint: setup
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports --no-logo

format: setup
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

bench: setup ## the table of budgets as ratios; BENCH=--quick for the short form
	@$(PY) -m tests.benchmarks $(BENCH)

lock: ## pin the newest versions that pyproject.toml allows, with hashes
	@$(PYTHON) packaging/bootstrap.py --lock

setup:
	@$(PYTHON) packaging/bootstrap.py

clean:
	rm -rf .venv .tools build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
