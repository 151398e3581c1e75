# sip_luigi: set-up, tests and demonstration. `make help` lists the targets.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help setup demo demo-cluster test test-fast check bench docs docs-links clean system system-test system-docs

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-10s %s\n", $$1, $$2}'

system:
	@deploy/install-system-packages

system-test:
	@deploy/install-system-packages test

system-docs:
	@deploy/install-system-packages docs

setup: system $(STAMP) ## install everything into .venv (and system packages where missing)

$(STAMP): setup.py constraints.txt deploy/install-system-packages
	deploy/install-system-packages
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: setup ## simulate an observation, run the pipeline on it, compare with the truth
	$(BIN)/sip demo --directory demo

demo-cluster: setup system-test ## the same on a cluster of six nodes with sshd, on this machine; needs root
	$(BIN)/sip demo --directory demo-cluster --cluster

test: setup system-test check ## all checks and all tests
	$(BIN)/pytest -n 2 --dist loadgroup -m "" tests

test-fast: setup ## the quick tests alone
	$(BIN)/pytest -n 2 tests

check: setup ## style, types and layering
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup system-test ## overhead, efficiency, copies, worth of the calibration, database, scheduler; needs root
	$(BIN)/python bench/overhead
	$(BIN)/python bench/efficiency
	$(BIN)/python bench/copy
	$(BIN)/python bench/calibration
	$(BIN)/python bench/skydb
	$(BIN)/python bench/scheduler
	$(BIN)/python bench/report

docs: setup system-docs ## the documentation, build/docs/html/index.html
	$(BIN)/sphinx-build --fail-on-warning --keep-going --nitpicky --quiet --jobs auto --doctree-dir build/docs/doctrees docs build/docs/html
	@echo build/docs/html/index.html

docs-links: setup system-docs ## ask for every link that leads out of the documentation
	$(BIN)/sphinx-build --builder linkcheck --quiet --doctree-dir build/docs/doctrees docs build/docs/links

clean: ## remove the environment, the demonstration and caches
	rm -rf $(VENV) demo demo-cluster build docs/api *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
