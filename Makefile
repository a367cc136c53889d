# The targets that README names. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

$(STAMP): pyproject.toml requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint requirements.txt --editable '.[dev]'
	touch $@

.PHONY: setup
setup: $(STAMP) ## create .venv with everything that runs and tests need

.PHONY: run
run: setup ## evaluate the embedded model on both tasks: no key, no GPU, no server
	$(BIN)/llm-eval run json qa --model local/smollm2-135m --limit 10 --max-tokens 192

.PHONY: test
test: setup ## every test
	$(BIN)/python -m pytest -n auto -m "not soak"

.PHONY: soak
soak: setup ## the long tests: kills, faults and memory over hours of simulated work
	$(BIN)/python -m pytest -m soak

.PHONY: check
check: setup ## lint, format, types, import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

.PHONY: format
format: setup ## rewrite the code in the one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: bench
bench: setup ## measure the engine, scoring and start-up; prints ratios
	$(BIN)/python -m benchmarks

.PHONY: loop
loop: setup ## evaluate, finetune on the CPU, evaluate, compare, gate: about 40 minutes
	$(BIN)/llm-eval loop configs/loops/json_smollm2.yaml

.PHONY: help
help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | sort | while IFS=$$'\t' read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done
