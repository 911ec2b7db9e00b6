# Everything runs from a clean clone: the first call of any target sets the environment up, later ones skip it.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTHON ?= python3.11

.PHONY: demo test test-slow lint types bench clean
.DELETE_ON_ERROR:

demo: $(READY)
	$(BIN)/kws retrain --preset demo
	$(BIN)/kws demo-recording runs/demo/recording.wav
	$(BIN)/kws spot --model models:/demo@champion runs/demo/recording.wav

# two processes; the tests of a file stay together, and the longest come first
test: $(READY)
	$(BIN)/pytest -n 2 --dist loadscope --no-loadscope-reorder

test-slow: $(READY)
	$(BIN)/pytest -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python tests/benchmarks/mfcc_speed.py
	$(BIN)/python tests/benchmarks/trial_speed.py
	$(BIN)/python tests/benchmarks/bootstrap_speed.py
	$(BIN)/python tests/benchmarks/training_speed.py
	$(BIN)/python -m tests.benchmarks.augmentation_speed
	$(BIN)/python -m tests.benchmarks.universal_quality

clean:
	rm -rf $(VENV) runs .mypy_cache .ruff_cache .pytest_cache .hypothesis

# torch first and alone: a resolver that sees it beside anything else may choose a CUDA build of gigabytes.
# A CUDA build that is there already is kept.
$(READY): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -c 'import torch' 2>/dev/null || $(BIN)/pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)
