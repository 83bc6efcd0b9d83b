# The README's two commands. Each does all its set-up from a fresh clone: a virtual environment, the pinned packages, the run.
# ARGS passes flags on: make compare ARGS="activations --depth 20".

PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

# what Python compiles of these sources is kept: the suite starts them in hundreds of processes
unexport PYTHONDONTWRITEBYTECODE

.PHONY: compare test

compare: .venv/installed
	@$(BIN)/python -m experiments.compare $(ARGS)

test: .venv/installed
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist worksteal $(ARGS)

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[all,dev]"
	@touch $@
