# Set-up in one place; every other target begins with it. `make` alone says what there is.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PEERS := $(VENV)/.peers
SPHINX := $(VENV)/.sphinx
OLDEST := .oldest
SERVERS := $(VENV)/servers
PROJECTS := pyproject.toml lib/petafit_benchmark/pyproject.toml
PIP := -m pip install --quiet --disable-pip-version-check
LOCKED := $(BIN)/python $(PIP) --require-hashes

# The Python to build on: the first of these that is 3.11 to 3.14 and has venv.
PYTHON ?= python3 python3.14 python3.13 python3.12 python3.11
# Spark 3.5 and numpy 1.26 have releases for these only.
OLDER_PYTHON ?= python3 python3.11 python3.12
SUITABLE = import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, $(1)))

.DEFAULT_GOAL := help
.PHONY: help setup demo benchmark test test-fast test-oldest test-platform fuzz check docs format lock clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

setup: $(READY) $(STORAGE:%=$(VENV)/.storage-%) ## Install everything into .venv: packages from the lock, Java, Delta's jars

demo: setup ## Run the main job on the flights that left New York in 2013
	$(BIN)/petafit prepare --task flights
	$(BIN)/petafit train --task flights
	$(BIN)/petafit evaluate --task flights
	$(BIN)/petafit train --task flights_mllib
	$(BIN)/petafit evaluate --task flights_mllib

benchmark: setup $(PEERS) ## Measure petafit and its peers on the same table, for 40 minutes
	$(BIN)/petafit-benchmark

test: setup $(PEERS) ## Run all tests, those with the benchmark's peers included
	$(BIN)/python -m pytest -m "not platform"

test-fast: setup ## Run the tests that need no Spark
	$(BIN)/python -m pytest -m "not spark and not cluster and not platform"

test-platform: setup $(SERVERS)/.ready ## Run the tests on real servers: S3, Spark Connect, a standalone cluster
	$(BIN)/python -m pytest -m platform

test-oldest: $(OLDEST)/.ready ## Run the core's tests on the oldest packages, Spark 3.5 included
	$(OLDEST)/bin/python -m pytest -o filterwarnings=default --disable-warnings $(OLDEST_TESTS)

# The core without Spark, and on Spark what its releases differ in.
OLDEST_TESTS = tests/adapters/spark tests/aggregate tests/config tests/features tests/functions \
  tests/learners/mllib/test_factors.py tests/learners/mllib/test_ids.py tests/learners/ridge \
  tests/learners/sklearn/test_learner.py tests/models tests/spark tests/store \
  tests/stream tests/table tests/training \
  $(addprefix tests/workflow/test_,$(addsuffix .py,functions prepare_sources score_types \
  spark_jobs stages train)) --ignore tests/config/test_kubernetes.py

fuzz: setup ## Read thousands of damaged Parquet files, pyarrow as the judge (SEED=1: others)
	$(BIN)/python -m tests.fuzz --seed $(SEED) --pages $(PAGES) --footers $(FOOTERS)

SEED ?= 0
PAGES ?= 20000
FOOTERS ?= 2000

check: setup ## Check format, style, types and who imports whom
	$(BIN)/ruff format --check --quiet
	$(BIN)/ruff check --quiet
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

docs: setup $(SPHINX) ## Build the documentation into docs/_build; a broken link is an error
	$(BIN)/sphinx-build --quiet --fail-on-warning --fresh-env docs docs/_build
	@echo "Open docs/_build/index.html"

format: setup ## Format the code, and mend what can be mended
	$(BIN)/ruff check --fix --quiet
	$(BIN)/ruff format

lock: setup ## Lock the newest fitting versions of all dependencies
	$(BIN)/python -m pip install --quiet uv
	$(COMPILE) --extra dev --output-file requirements.lock pyproject.toml
	$(COMPILE) --constraint requirements.lock --output-file lib/petafit/runtime.lock pyproject.toml
	$(COMPILE) --group build --constraint requirements.lock --output-file build.lock
	$(COMPILE) --extra bench --constraint requirements.lock --constraint build.lock \
	  --output-file bench.lock pyproject.toml
	$(COMPILE) --resolution lowest-direct --extra spark --extra demo --extra report --extra test \
	  --output-file oldest.lock pyproject.toml
	$(COMPILE) --group servers --output-file servers.lock
	$(COMPILE) --group docs --constraint requirements.lock --constraint bench.lock \
	  --output-file docs.lock

COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --upgrade --universal \
  --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate

clean: ## Remove the environment and all caches; tables, runs and models stay
	rm -rf $(VENV) $(OLDEST) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist docs/_build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): $(BIN)/python build.lock requirements.lock $(PROJECTS)
	@echo "Installing the locked packages; Spark alone takes two minutes"
	@$(LOCKED) -r build.lock
	@$(LOCKED) --no-build-isolation -r requirements.lock
	@$(BIN)/python $(PIP) --no-build-isolation --no-deps \
	  $(PROJECTS:%pyproject.toml=--editable ./%)
	@$(BIN)/python -m petafit.spark.provision
	@touch $@

# What Spark itself reads an object store with: 690 MB for S3.
$(VENV)/.storage-%: $(READY)
	@$(BIN)/python -m petafit.spark.provision --storage $*
	@touch $@

$(PEERS): $(READY) bench.lock
	@echo "Installing the peers that petafit is measured against"
	@$(LOCKED) --no-build-isolation -r bench.lock
	@touch $@

$(SERVERS)/.ready: $(READY) servers.lock
	@echo "Installing the servers that tests of the platform start"
	@$(BIN)/python -m venv $(SERVERS)
	@$(SERVERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r servers.lock
	@touch $@

$(SPHINX): $(READY) docs.lock
	@echo "Installing what builds the documentation"
	@$(LOCKED) -r docs.lock
	@touch $@

$(OLDEST)/.ready: build.lock oldest.lock pyproject.toml
	@$(call FIND_PYTHON,$(OLDER_PYTHON),13); if [ -z "$$python" ]; then \
	  echo 'The oldest packages need Python 3.11 or 3.12 with venv; found none among:' \
	    '$(OLDER_PYTHON). Or: make test-oldest OLDER_PYTHON=/path/to/python3.11' >&2; \
	  exit 2; \
	fi; \
	echo "Creating $(OLDEST) with $$($$python --version)"; $$python -m venv --clear $(OLDEST)
	@echo "Installing the oldest packages; Spark alone takes two minutes"
	@$(OLDEST)/bin/python $(PIP) --require-hashes -r build.lock
	@$(OLDEST)/bin/python $(PIP) --require-hashes --no-build-isolation -r oldest.lock
	@$(OLDEST)/bin/python $(PIP) --no-build-isolation --no-deps --editable .
	@$(OLDEST)/bin/python -m petafit.spark.provision
	@touch $@

$(BIN)/python:
	@$(FIND); [ "$$python" ] || { $(APT_INSTALL_VENV) && $(FIND); }; \
	if [ -z "$$python" ]; then \
	  echo 'petafit needs Python 3.11 to 3.14 with venv; found none among: $(PYTHON).' >&2; \
	  echo 'Debian, Ubuntu: apt-get install python3-venv. Or: make setup PYTHON=/path/to/python3' >&2; \
	  exit 2; \
	fi; \
	echo "Creating $(VENV) with $$($$python --version)"; $$python -m venv $(VENV)

FIND = $(call FIND_PYTHON,$(PYTHON),15)
FIND_PYTHON = for python in $(1) ''; do $$python -c '$(call SUITABLE,$(2))' 2>/dev/null && break; done

# Debian and Ubuntu split venv off; root, as in a container, may add it.
APT_INSTALL_VENV = [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
  && echo "Installing python3-venv with apt" \
  && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
