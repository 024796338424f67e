# Each target sets up what it needs: `make run` and `make test` work from a clean checkout.
PYTHON ?= python3
PY := .venv/bin/python
TESTS ?= tests
BENCH ?=

.PHONY: run test test-jax lint format bench lock setup clean

run: setup ## open the window on the built-in example (without a display: export its heatmaps)
	@$(PY) -m maskviz --example

test: lint ## everything that is checked: style, types, import contracts, tests
	@$(PY) -m pytest $(TESTS)

test-jax: setup ## the engine's answers on the JAX backend beside TensorFlow's; JAX has an environment of its own (0.7 GB)
	@test -x .jax/bin/python || $(PYTHON) -m venv .jax
	@.jax/bin/python -m pip install -q jax numpy h5py keras==$$($(PY) -c "import importlib.metadata as m; print(m.version('keras'))")
	@MASKVIZ_JAX_PYTHON=$(CURDIR)/.jax/bin/python $(PY) -m pytest tests/engine/test_backends.py -k jax --timeout 600

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
	rm -rf .venv .jax .tools build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
