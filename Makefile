PYTHON ?= python3
BIN := .venv/bin

.PHONY: quickstart test lint clean

quickstart: .venv/quickstart  ## Install into .venv and run the main job on the sample data set.
	$(BIN)/python run.py experiment=quickstart

test: .venv/test lint  ## Lint, types, import rules and all tests.
	$(BIN)/pytest

lint: .venv/test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

.venv/quickstart: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[cpu,quickstart]'
	touch $@

.venv/test: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[cpu,quickstart,dev]'
	touch $@

clean:
	rm -rf .venv
