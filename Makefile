# Everything runs from a clean clone: the first call of any target sets the environment up, later ones skip it.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTHON ?= python3.11
SUPPLY := .venv-supply

.PHONY: demo stack test test-slow lint types bench lock sbom audit clean
.DELETE_ON_ERROR:

demo: $(READY)
	$(BIN)/kws retrain --preset demo
	$(BIN)/kws demo-recording runs/demo/recording.wav
	$(BIN)/kws spot --model models:/demo@champion runs/demo/recording.wav

# three processes, as those of two cores would often wait; the tests of a file stay together, the longest come first
test: $(READY)
	$(BIN)/pytest -n 3 --dist loadscope --no-loadscope-reorder

test-slow: $(READY)
	$(BIN)/pytest -m slow

# every service of infra/compose.yaml as a process, a scheduled retrain, its model served; needs Postgres' programs
stack: $(READY)
	$(BIN)/python -m infra.stack

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

# the hashes of every pin of both locks, as the package index lists them; see "Supply chain" in infra/README.md
lock: $(SUPPLY)/.ready
	$(SUPPLY)/bin/python -m infra.supply.lock

# runs/sbom.json, and infra/supply/LICENSES.md
sbom: $(READY) $(SUPPLY)/.ready
	$(BIN)/python -m infra.supply.sbom

# needs the network to an advisory database
audit: $(SUPPLY)/.ready
	$(SUPPLY)/bin/python -m infra.supply.audit

clean:
	rm -rf $(VENV) $(SUPPLY) runs .mypy_cache .ruff_cache .pytest_cache .hypothesis

# torch first and alone: a resolver that sees it beside anything else may choose a CUDA build of gigabytes.
# A CUDA build that is there already is kept.
$(READY): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -c 'import torch' 2>/dev/null || $(BIN)/pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)

# tools that the factory does not need, apart from it
$(SUPPLY)/.ready: infra/supply/tools.lock
	test -x $(SUPPLY)/bin/python || $(PYTHON) -m venv $(SUPPLY)
	$(SUPPLY)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r infra/supply/tools.lock
	touch $@
