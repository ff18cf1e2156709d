# Newsstand: `make run` starts a whole newsroom on this machine, `make test` proves it. `make help` lists the rest.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# pip says once per package that a hash-pinned install ignores the index's newer releases; only failures matter here.
INSTALL := $(PIP) install --require-hashes --no-deps

.DEFAULT_GOAL := help
.PHONY: help run test check format requirements clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(VENV)/run.stamp: requirements/build.txt requirements/base.txt requirements/sandbox.txt pyproject.toml sandbox/preflight.py
	@$(PYTHON) sandbox/preflight.py
	@echo "Installing what Newsstand needs into $(VENV) (once) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) -r requirements/build.txt -r requirements/base.txt -r requirements/sandbox.txt
	@$(PIP) install --no-index --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements/dev.txt
	@echo "Installing the linters and the test tools ..."
	@$(INSTALL) -r requirements/dev.txt
	@touch $@

run: $(VENV)/run.stamp ## Run the whole newsroom: Valkey, PostgreSQL, stand-in Stripe, web, worker
	@exec $(BIN)/python -m sandbox.run

test: $(VENV)/dev.stamp ## Run every test on real servers (at most 5 minutes)
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

check: $(VENV)/dev.stamp ## Lint, type-check, and check who imports whom
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/dev.stamp ## Format the code and apply safe fixes
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

requirements: ## Compile requirements/*.in to hash-pinned *.txt (needs uv)
	@cd requirements && for set in build base sandbox dev; do \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-emit-find-links --custom-compile-command "make requirements" -o $$set.txt $$set.in || exit 1; done

clean: ## Remove the virtual environment and the sandbox's data
	rm -rf $(VENV) .sandbox
