# Newsstand: `make run` starts a whole newsroom on this machine, `make test` proves it. `make help` lists the rest.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
# Quiet but for errors. --no-deps: the files list every package; --require-hashes: and exactly these builds of them.
INSTALL := $(PIP) install --require-hashes --no-deps

.DEFAULT_GOAL := help
.PHONY: help run test simulate test-slow test-cluster test-faults test-browser test-image screenshots bench test-bench \
  mutants mutants-meter check format requirements clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

# Scripts in a virtual environment hold its path: one that was moved or copied with its clone is made again.
STAMP := $(VENV)/run.stamp
$(shell test ! -e $(STAMP) || test "$$(cat $(STAMP))" = "$$(pwd)" || rm -f $(STAMP) $(BIN)/python)

# Also when the Python it was made with is gone, which leaves a dangling link.
$(BIN)/python:
	@$(PYTHON) sandbox/preflight.py
	@$(PYTHON) -m venv --clear $(VENV)

$(STAMP): $(BIN)/python requirements/build.txt requirements/base.txt requirements/sandbox.txt pyproject.toml
	@echo "Installing what Newsstand needs into $(VENV) (once) ..."
	@$(BIN)/python -c "import pip" 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(INSTALL) -r requirements/build.txt -r requirements/base.txt -r requirements/sandbox.txt
	@$(PIP) install --no-index --no-deps --no-build-isolation -e .
	@pwd > $@

$(VENV)/dev.stamp: $(STAMP) requirements/dev.txt
	@echo "Installing the linters and the test tools ..."
	@$(INSTALL) -r requirements/dev.txt
	@touch $@

run: $(STAMP) ## Run the whole newsroom: a newspaper, the service, stand-in Stripe, Valkey, PostgreSQL
	@exec $(BIN)/python -m sandbox.run

test: $(VENV)/dev.stamp ## Run every test on real servers (at most 5 minutes)
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

$(VENV)/browser.stamp: $(VENV)/dev.stamp requirements/browser.txt
	@echo "Installing the browser's driver ..."
	@$(INSTALL) -r requirements/browser.txt
	@touch $@

test-browser: $(VENV)/browser.stamp ## Walk the newspaper and the console in a real Chromium (Debian: apt install chromium)
	@$(BIN)/python -m pytest -m browser $(ARGS)

screenshots: $(VENV)/browser.stamp ## Take the pictures in docs/screenshots again (needs Chromium; some minutes)
	@$(BIN)/python -m sandbox.screenshots

SEED ?= 20261122
simulate: $(VENV)/dev.stamp ## Live thousands of readers' lives against Stripe's truth (SEED=n lives others)
	@echo "Seed $(SEED); 'make simulate SEED=$(SEED)' lives the same lives again."
	@SEED=$(SEED) $(BIN)/python -m pytest -n 2 -m simulate $(ARGS)

test-faults: $(VENV)/dev.stamp ## Kill workers and servers at every step and under load, and count what is lost
	@$(BIN)/python -m pytest tests/faults -n 2 -m faults $(ARGS)

$(VENV)/bench.stamp: $(STAMP) requirements/bench.txt
	@echo "Installing what the benchmarks compare with ..."
	@$(INSTALL) -r requirements/bench.txt
	@touch $@

bench: $(VENV)/bench.stamp ## Measure us beside our peers (at most 10 minutes; BENCH=quick: 2), write docs/benchmarks.md
	@$(BIN)/python -m benchmarks

test-bench: $(VENV)/dev.stamp $(VENV)/bench.stamp ## Run every measurement in miniature, so that none rots
	@$(BIN)/python -m pytest -m bench $(ARGS)

test-slow: $(VENV)/dev.stamp ## Run what starts whole processes or lives whole lives: the tour, restarts, rebuilds, kills (4 minutes)
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m "slow and not simulate and not faults and not cluster" $(ARGS)

test-cluster: $(VENV)/dev.stamp ## Ask everything of the meter on a cluster of six Valkey servers (a minute)
	@$(BIN)/python -m pytest -m cluster $(ARGS)

test-image: $(VENV)/dev.stamp ## Run the Dockerfile's steps in a plain folder, and the service from there
	@$(BIN)/python -m pytest -m image $(ARGS)

$(VENV)/mutants.stamp: $(VENV)/dev.stamp requirements/mutants.txt
	@echo "Installing the maker of faults ..."
	@$(INSTALL) -r requirements/mutants.txt
	@touch $@

mutants: $(VENV)/mutants.stamp ## Make up faults in the rules, and see that the tests notice (half an hour)
	@rm -rf mutants
	@$(BIN)/mutmut run --max-children 2
	@PATH="$(BIN):$$PATH" $(BIN)/python tests/mutation/report.py

mutants-meter: $(VENV)/mutants.stamp ## The same for the meter and its Lua scripts (an hour)
	@PYTHONPATH=. $(BIN)/python tests/mutation/lua.py
	@PATH="$(BIN):$$PATH" $(BIN)/python tests/mutation/meter.py --max-children 2

check: $(VENV)/dev.stamp ## Lint, type-check, and check who imports whom
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/dev.stamp ## Format the code and apply safe fixes
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

requirements: ## Compile requirements/*.in to hash-pinned *.txt (needs uv)
	@cd requirements && for set in build base sandbox dev browser bench mutants; do \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-emit-find-links --custom-compile-command "make requirements" -o $$set.txt $$set.in || exit 1; done

clean: ## Remove the virtual environment and the sandbox's data
	rm -rf $(VENV) .sandbox
