# What this repository can do. `make help` lists it; targets set up first what they need.

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# The interpreter that the lock was made with, else a newer one; `make setup PYTHON=...` chooses another.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

# Which tests `make test` runs, for example: make test TESTS="tests/unit -k calendar"
TESTS ?=
# How many processes run them, each a file at a time with servers of its own; 0: the one that was asked itself.
WORKERS ?= 2

.PHONY: help setup demo test lint format bench fuzz prove mutants faults lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with everything in it, the rollcall command included; quick when nothing changed

$(READY): requirements.lock pyproject.toml scripts/make-venv
	@bash scripts/make-venv "$(PYTHON)" "$(VENV)"
	@touch $@

demo: $(READY) ## Start the product with a simulated authority, play school days, show what happened, stay up
	@$(BIN)/rollcall demo

test: $(READY) ## Run all tests on a real PostgreSQL, Apache Kafka and Keycloak (TESTS="tests/unit" for some)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(TESTS)

lint: $(READY) ## Check format, style, types and who may import whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

format: $(READY) ## Rewrite the code in the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY) ## Measure the figures that Rollcall promises, each beside its reference (about an hour)
	@$(BIN)/python -m tests.bench

fuzz: $(READY) ## Send REQUESTS random requests (100,000) to every route, along its links, then audit (about an hour)
	@$(BIN)/python -m tests.fuzz $(REQUESTS)

prove: $(READY) ## Compare the engine with the second implementation on MARKS random marks (10,000,000; up to an hour)
	@$(BIN)/python -m tests.prove $(MARKS)

mutants: $(READY) ## Plant faults in the engine's rules and ask the unit tests (MODULES="weeks rates" for some; an hour)
	@$(BIN)/python -m tests.mutants $(MODULES)

faults: $(READY) ## Kill, stop and wipe each part ten times under load, then audit (seeded; about an hour)
	@ROLLCALL_FAULT_ROUNDS=10 ROLLCALL_OUTAGE_SECONDS=60 $(BIN)/python -m pytest --timeout=3600 tests/faults

lock: $(READY) ## Pin all dependencies again, with hashes and without any index address
	@bash scripts/lock "$(BIN)"

clean: ## Remove .venv and the caches; data folders stay
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache build
