# Loupe: make run | test | bench | lint | clean. README has the plain commands for people without make.
PYTHON ?= python3
PORT ?= 8501
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: run test bench lint clean env
.DEFAULT_GOAL := run

run: $(STAMP)  ## start the app on this machine; builds the demo collection if there is no collection yet
	@echo "Loupe: http://127.0.0.1:$(PORT)   (stop with Ctrl+C)"
	@LOUPE_DEMO=1 $(BIN)/python -m streamlit run app.py --server.port $(PORT)

test: $(STAMP)  ## the whole suite
	$(BIN)/python -m pytest -q

bench: $(STAMP)  ## measure, print a table, write build/bench.json
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.bench

lint: $(STAMP)  ## style
	@$(BIN)/python -m ruff --version >/dev/null 2>&1 || $(BIN)/python -m pip install -q "ruff>=0.8,<1"
	$(BIN)/python -m ruff check app.py core pages data tests

clean:  ## remove the environment and what was built; collections stay
	rm -rf $(VENV) build .pytest_cache .hypothesis .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

env: $(STAMP)  ## only make the environment

# One stamp: a second run does not even start pip. A changed requirements.txt is installed into the same environment.
$(STAMP): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Loupe needs Python 3.11 or newer; this is $$($(PYTHON) --version 2>&1). Try: make run PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what Loupe needs into $(VENV) (once; about 6 GB with torch) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@
