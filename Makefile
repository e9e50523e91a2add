# Every habit is a command; `make help` lists them. All of them set up what they need by themselves and can be run again.

SHELL := /bin/bash
PYTHON ?= python3
UV_VERSION := 0.13.8
# A copy of uv of our own, in the checkout: nothing is asked of the machine but Python and make, nothing is changed on it.
UV := .uv/bin/uv
RUN := $(UV) run --frozen
export UV_PYTHON_DOWNLOADS := never
export UV_LINK_MODE := copy
# The environment is made with the interpreter that was asked for, not with whichever uv finds first.
export UV_PYTHON := $(PYTHON)

.DEFAULT_GOAL := help
.PHONY: help demo test lint types bench instructions fuzz pictures docs backends test-backends test-peers test-install clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(UV):
	@echo "setting up uv $(UV_VERSION) in .uv"
	@rm -rf .uv && $(PYTHON) -m venv .uv && .uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

demo: $(UV) ## play ten scripted answers, confess, show what a tracing backend makes of them (no API key)
	@UV="$(abspath $(UV))" $(RUN) --no-dev --extra all confession-otel demo $(ARGS)

test: $(UV) ## the tests: in-process, no server but our own on loopback
	@$(RUN) --all-extras pytest $(patsubst %,--ignore=tests/%,backends peers install integrations) $(ARGS)

backends: $(UV) ## build Jaeger and an OpenTelemetry collector from Go modules (once, some minutes; needs Go)
	@$(RUN) --all-extras python -m tests.backends.servers $(ARGS)

test-backends: $(UV) ## the demo into a real Phoenix, read back; Jaeger and the collector, where `make backends` built them
	@UV="$(abspath $(UV))" $(RUN) --all-extras pytest tests/backends $(ARGS)

test-peers: $(UV) ## beside each other instrumentation, in an environment of its own (.venvs)
	@UV="$(abspath $(UV))" $(RUN) --all-extras pytest tests/peers --timeout=600 $(ARGS)

test-install: $(UV) ## the wheel alone, the oldest versions of everything, and the examples of integrations/
	@UV="$(abspath $(UV))" $(RUN) --all-extras pytest tests/install tests/integrations --timeout=600 $(ARGS)

lint: $(UV) ## ruff, format check, lock file up to date
	@$(UV) lock --check
	@$(RUN) --all-extras ruff check .
	@$(RUN) --all-extras ruff format --check .

types: $(UV) ## mypy and pyright, both strict
	@$(RUN) --all-extras mypy
	@$(RUN) --all-extras pyright

bench: $(UV) ## what reading and recording cost, as ratios within one run
	@$(RUN) --all-extras python -m benchmarks

instructions: $(UV) ## what an observed call costs in machine instructions; fails where a promise is broken (needs valgrind)
	@$(RUN) --all-extras python -m benchmarks.instructions --check $(ARGS)

fuzz: $(UV) ## coverage-guided fuzzing of the reader (SECONDS=60, or RUNS=30000 for the same inputs each time)
	@PYTHONHASHSEED=0 $(RUN) --all-extras --group fuzz python tests/fuzz/fuzz_reading.py \
		$(if $(RUNS),-runs=$(RUNS),-max_total_time=$(or $(SECONDS),60)) -seed=1

pictures: $(UV) ## make the documentation's pictures again, from backends started for it (needs chromium)
	@UV="$(abspath $(UV))" $(RUN) --all-extras python -m docs.screenshots $(ARGS)

docs: $(UV) ## build the documentation into site/
	@$(RUN) --group docs mkdocs build --strict -f .mkdocs.yml

clean: ## remove what these commands made
	@rm -rf .uv .venv .venvs site dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
