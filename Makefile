# Tamga's daily commands. Needs GNU make, Python 3.11 or newer and a package index; `make` alone lists what there is.
# PYTHON=/path/to/python chooses an interpreter; ARGS="..." goes to the command that a target runs.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
FUZZER := $(VENV)/clients
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
CANDIDATES := $(PYTHON) python3 python3.13 python3.12 python3.14 python3.11 python
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
SPREAD := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
USABLE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

.DEFAULT_GOAL := help
unexport PYTHONDONTWRITEBYTECODE # or each start would compile all modules anew
.PHONY: help run test check format lock soak bench clients schema graphiql clean
.DELETE_ON_ERROR:

help: ## List these commands
	@sed -n 's/^\([a-z]*\):[^#]*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "make %-9s %s\n", $$1, $$2}'

run: $(READY) ## Serve the first record on 127.0.0.1:8000, data under var/
	@$(BIN)/tamga serve $(ARGS)

test: $(READY) ## Run the tests, a process on each core (ARGS="-k word" for some of them, "-n 0" for one process)
	@$(BIN)/python -m pytest $(SPREAD) $(ARGS)

check: $(READY) ## Lint (ruff), types (mypy strict) and the project's own guards
	@echo "ruff";  $(BIN)/ruff check --quiet .
	@echo "mypy";  $(BIN)/mypy --no-error-summary
	@echo "guards"; $(BIN)/python -m pytest --quiet --no-header tests/test_guards.py

format: $(READY) ## Order imports and lay out the code with ruff
	@$(BIN)/ruff check --quiet --fix . && $(BIN)/ruff format --quiet .

soak: $(READY) ## Run the fault tests for longer, with many more examples (many minutes)
	@$(BIN)/python -m pytest -m "soak or hypothesis" --hypothesis-profile soak $(ARGS)

bench: $(READY) ## Measure this machine (ARGS="--help" lists what)
	@$(BIN)/tamga bench $(ARGS)

clients: $(READY) $(FUZZER) ## Drive the service with independent clients (needs node and npm)
	@echo "installing the npm clients of tests/clients"; npm ci --silent --prefix tests/clients
	@$(BIN)/python -m pytest -m clients -rP $(ARGS)

schema: $(READY) ## Write schema/schema.graphql anew from the code
	@$(BIN)/tamga schema > schema/schema.graphql.new && mv schema/schema.graphql.new schema/schema.graphql
	@echo "wrote schema/schema.graphql"

graphiql: ## Build the page under schema/graphiql/ anew (needs node and npm)
	@echo "building GraphiQL"; cd schema/graphiql/build && npm ci --silent && npm run --silent build

lock: $(READY) ## Resolve requirements.lock anew from pyproject.toml (ARGS="--upgrade" for newer versions)
	@echo "resolving requirements.lock"; $(PIP) install uv
	@$(LOCK) pyproject.toml --all-extras $(ARGS) -o requirements.lock
	@$(LOCK) tests/clients/requirements.in $(ARGS) -o tests/clients/requirements.lock
	@$(LOCK) pyproject.toml -c requirements.lock -o deploy/requirements.lock
	@echo hatchling | $(LOCK) - -c requirements.lock -o deploy/build.lock

$(FUZZER): tests/clients/requirements.lock | $(READY)
	@echo "installing schemathesis into $@"
	@rm -rf $@ && $(BIN)/python -m venv $@
	@$@/bin/python -m pip --disable-pip-version-check -qq install --require-hashes -r $< \
		|| echo "schemathesis cannot be installed here; its test is skipped"

clean: ## Remove the environment and the caches; var/ with its data stays
	@rm -rf $(VENV) tests/clients/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
	@find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +

$(BIN)/python:
	@for python in $(CANDIDATES); do \
		if $$python -c '$(USABLE)' 2>/dev/null; then \
			echo "making $(VENV) with $$($$python --version)"; exec $$python -m venv $(VENV); \
		fi; \
	done; \
	echo "Tamga needs Python 3.11 or newer with its venv module; none of these is: $(strip $(CANDIDATES))." >&2; \
	echo "Name one with: make PYTHON=/path/to/python (on Debian, the venv module is the package python3-venv)." >&2; exit 1

$(READY): requirements.lock pyproject.toml | $(BIN)/python
	@echo "installing the locked dependencies into $(VENV)"
	@$(PIP) install --no-compile --require-hashes -r requirements.lock # what is used is compiled at its first import
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
