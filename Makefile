PYTHON ?= python3
BIN := .venv/bin
DATA ?= ../shared/data
# Compiling whole packages is half of the install; what a run imports is compiled then, once, and must be kept: container
# images like to forbid that, and every start would take twenty seconds instead of ten.
INSTALL := $(BIN)/pip install --quiet --no-compile --editable
export PYTHONDONTWRITEBYTECODE :=

.PHONY: quickstart test lint paper-small paper bench clean

quickstart: .venv/quickstart  ## Install into .venv and run the main job on the sample data set.
	$(BIN)/python run.py experiment=quickstart

test: .venv/test lint  ## Lint, types, import rules and all tests; those that count seconds have the machine to themselves.
	$(BIN)/pytest --numprocesses auto --dist worksteal -m "not timed"
	$(BIN)/pytest -m timed tests/program

lint: .venv/test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

.venv/quickstart: pyproject.toml
	$(PYTHON) -m venv .venv
	$(INSTALL) '.[cpu,quickstart,report]'
	touch $@

.venv/test: pyproject.toml
	$(PYTHON) -m venv .venv
	$(INSTALL) '.[cpu,quickstart,dev]'
	touch $@

clean:
	rm -rf .venv

paper-small: .venv/quickstart  ## The paper's tables with MiniLM on two cores, hours; DATA=FOLDER has the data sets.
	test -d out/masked_model || $(BIN)/python experiments/masked_model.py out/masked_model
	$(BIN)/python experiments/paper/reproduce.py small --data $(DATA)

paper: .venv/quickstart  ## The paper's tables with bert-base-uncased on a GPU.
	$(BIN)/python experiments/paper/reproduce.py full --data $(DATA) --masked-model bert-base-uncased

bench: .venv/bench  ## Short forms of the benchmarks beside the recorded values; DATA=FOLDER has the data sets.
	$(BIN)/python experiments/benchmarks/short.py --data $(DATA)

.venv/bench: pyproject.toml
	$(PYTHON) -m venv .venv
	$(INSTALL) '.[cpu,quickstart,dev,bench]'
	touch $@
