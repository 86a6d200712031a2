# gradroll: everything is installed into .venv and contracts/node_modules; nothing else on the machine changes.
#
#   make demo        train on real data with ten owners, two of whom cheat
#   make test        every test: Python, Rust, contracts, end to end (minutes)
#   make test-fast   the Python tests without the slow tier, in two processes (two minutes)
#   make mutants     whether the tests notice when a rule of privacy or pay is lost (minutes)
#   make bench       measure every goal of docs/performance.md (an hour; results that are there are kept)
#
# Needs: Python >= 3.11 with venv, a Rust toolchain (cargo), and for `make test` and `make contracts` Node with npm.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMPS := build/stamps
export PATH := $(CURDIR)/$(BIN):$(HOME)/.cargo/bin:$(PATH)
export GRADROLL_DEVELOPMENT ?= 1

KERNEL_SOURCES := $(shell find native -name '*.rs' -not -path '*/target/*' 2>/dev/null) \
                  $(shell find native -name 'Cargo.*' -not -path '*/target/*' 2>/dev/null)
SOURCES := native circuits commons provers coordinator contracts gradroll benchmarks tests
DEMO_FLAGS ?=
BENCH_FLAGS ?=
MUTANTS_FLAGS ?=

.PHONY: help setup build demo bench test test-fast mutants test-rust test-contracts lint fmt types contracts reference proto clean distclean

help:
	@sed -n '3,8s/^# *//p' Makefile

$(STAMPS)/venv: pyproject.toml
	@mkdir -p $(STAMPS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "gradroll needs Python 3.11 or newer; set PYTHON=")'
	@command -v cargo >/dev/null || { echo "gradroll needs cargo; install it from https://rustup.rs"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip 'maturin>=1.16,<2'
	@touch $@

# The kernel's build also installs the Python dependencies of pyproject.toml.
$(STAMPS)/build: $(STAMPS)/venv $(KERNEL_SOURCES)
	@echo "installing the Python packages and building the kernel; the first time takes some minutes"
	VIRTUAL_ENV=$(CURDIR)/$(VENV) PIP_QUIET=1 PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/maturin develop --release --extras dev
	@touch $@

# Not `npm ci`: it insists on lock entries for every platform's binaries, also those that a registry does not serve.
$(STAMPS)/node: contracts/package-lock.json
	@mkdir -p $(STAMPS)
	@command -v npm >/dev/null || { echo "the contract tests need Node with npm"; exit 1; }
	cd contracts && npm install --no-save --no-audit --no-fund --loglevel=error
	@touch $@

setup: $(STAMPS)/venv $(STAMPS)/node

build: $(STAMPS)/build

demo: $(STAMPS)/build
	$(BIN)/gradroll demo $(DEMO_FLAGS)

bench: $(STAMPS)/build $(STAMPS)/node
	$(BIN)/python -m pip install --quiet 'matplotlib>=3.10,<4'
	$(BIN)/gradroll bench $(BENCH_FLAGS)

test: $(STAMPS)/build $(STAMPS)/node test-rust test-contracts
	$(BIN)/python -m pytest

test-fast: $(STAMPS)/build
	$(BIN)/python -m pytest -n 2 -m 'not slow and not anvil'

# Takes rules out of the code, one at a time: minutes.  MUTANTS_FLAGS='--sample 8 --seed 1' for some of them.
mutants: $(STAMPS)/build
	$(BIN)/python -m tests.mutation $(MUTANTS_FLAGS)

test-rust:
	cargo test --release --locked --quiet --manifest-path native/kernel/Cargo.toml

test-contracts: $(STAMPS)/node
	cd contracts && npm test --silent

lint: $(STAMPS)/build
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMPS)/build
	$(BIN)/mypy

fmt: $(STAMPS)/build
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	cargo fmt --manifest-path native/Cargo.toml --all

# Rebuild what is generated and checked in; .ci/run proves that nothing drifted.
contracts: $(STAMPS)/node
	cd contracts && npm run build --silent

reference: $(STAMPS)/build
	$(BIN)/python -m commons.settings.reference > docs/settings.md

proto: $(STAMPS)/build
	$(BIN)/python proto/generate.py

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis contracts/out contracts/cache
	find $(SOURCES) -name __pycache__ -not -path '*/node_modules/*' -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV) contracts/node_modules native/target
