# Everything sets itself up: Python >= 3.11 (venv, pip), git and make are all that is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt
# Where Python may not keep bytecode, every process would compile torch and timm anew (7 s).
UV += $(if $(PYTHONDONTWRITEBYTECODE),--compile-bytecode)

.PHONY: help quickstart check format test test-all benchmarks clean

help:
	@echo "make quickstart  run experiments/pretext_vs_scorer.yaml (sets itself up first)"
	@echo "make test        the tests, without those that start several processes"
	@echo "make test-all    all tests: also Ray clusters, PostgreSQL, servers, browsers, kills"
	@echo "make check       ruff and mypy"
	@echo "make format      let ruff format the code"
	@echo "make benchmarks  the benchmarks that print the figures in benchmarks/RESULTS.md"
	@echo "make clean       remove caches (not .mood, not .venv)"

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("mood-sweeps needs Python 3.11 or newer; name one: make PYTHON=python3.12 …" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	$(UV) --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(UV) --group dev
	@touch $@

quickstart: $(VENV)/.installed
	$(BIN)/mood-sweep launch experiments/pretext_vs_scorer.yaml

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Test processes side by side, a thread each: with more, they wait for each other six times as long.
ONE_THREAD = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

test: $(VENV)/.installed-dev
	$(ONE_THREAD) $(BIN)/pytest -m "not system" -n auto --dist worksteal

test-all: test
	$(BIN)/pytest -m system

benchmarks: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/startup.py

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
