# gradroll: everything is installed into .venv, contracts/node_modules and native/target; beside them only caches change.
#
#   make demo        train on real data with ten owners, two of whom cheat
#   make test        every test: Python, Rust, contracts, end to end (minutes)
#   make test-fast   the Python tests without the slow tier, in two processes (two minutes)
#   make test-deep   those with random cases or long runs, with many more of them (an hour)
#   make mutants     whether the tests notice when a rule of privacy or pay is lost (minutes)
#   make chaos       a market of real processes under faults, whose books must balance (CHAOS_FLAGS='--seed 7 --minutes 30')
#   make worlds      schedules of the simulation, one after the other (WORLDS_FLAGS='--minutes 10 --seed 1000')
#   make bench       measure every goal of docs/performance.md (an hour; results that are there are kept)
#   make robustness  train under attack, graded and by others' rules: docs/robustness.md (an hour; what is there is kept)
#
# CONTRIBUTING.md has the rest: test-torch, lint, types, fmt, vectors, contracts, proto, coverage, analysis, chart, site, wheel, sbom, lock, audit.
#
# Needs: Python >= 3.11 with venv, Rust >= 1.89 (cargo), a C compiler, and for `make test` and `make contracts` Node >= 20 with npm.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMPS := build/stamps
export PATH := $(CURDIR)/$(BIN):$(HOME)/.cargo/bin:$(PATH)
export GRADROLL_DEVELOPMENT ?= 1

KERNEL_SOURCES := $(shell find native/kernel/src native/binding/src -name '*.rs' 2>/dev/null) \
                  $(shell find native -name 'Cargo.*' -not -path '*/target/*' -not -path '*/fuzz/*' 2>/dev/null)
SOURCES := native circuits commons provers coordinator contracts gradroll benchmarks tests
DEMO_FLAGS ?=
BENCH_FLAGS ?=
ROBUSTNESS_FLAGS ?=
LOCK_FLAGS ?=
MUTANTS_FLAGS ?=
CHAOS_FLAGS ?=
WORLDS_FLAGS ?=
FUZZ_SECONDS ?= 60
MINUTES ?= 1
CARGO_FUZZ := 0.13.2
HELM := v3.16.4
KUBO := v0.41.0
TOOLS := build/tools/bin
# Tests with random cases or long runs, of which GRADROLL_TEST_DEEP=1 plays more (tests/support/tiers.py).
DEEPER := $(shell grep -lE 'import .*\b(many|DEEP)\b' -r tests --include='test_*.py' 2>/dev/null)
VECTORS := $(subst /,.,$(basename $(wildcard tests/vectors/v*/*/generate.py)))

.PHONY: help setup build demo bench robustness test test-python test-fast test-deep test-torch mutants chaos worlds fuzz fuzz-native test-rust \
        test-contracts lint types fmt style contracts reference proto vectors coverage analysis chart kubo site wheel sbom lock audit clean distclean

help:
	@sed -n '3,12s/^# *//p' Makefile

$(STAMPS)/venv:
	@mkdir -p $(STAMPS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "gradroll needs Python 3.11 or newer; set PYTHON=")'
	@command -v cargo >/dev/null || { echo "gradroll needs cargo; install it from https://rustup.rs"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@touch $@

$(STAMPS)/packages: $(STAMPS)/venv requirements/dev.txt
	@echo "installing the Python packages of requirements/dev.txt; the first time takes a minute or two"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

# All that pyproject.toml asks for is there already: the lock fits it, as a test proves.
$(STAMPS)/build: $(STAMPS)/packages pyproject.toml $(KERNEL_SOURCES)
	@printf 'building the kernel, some minutes the first time; what the compiler says is in build/kernel.log '
	@(while sleep 5 >/dev/null && kill -0 $$$$; do printf .; done) 2>/dev/null & dots=$$!; \
	  VIRTUAL_ENV=$(CURDIR)/$(VENV) PIP_QUIET=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
	  $(BIN)/maturin develop --release --locked >build/kernel.log 2>&1; status=$$?; kill $$dots; \
	  test $$status -eq 0 || { echo; cat build/kernel.log; exit $$status; }
	@echo ' done'
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
	@$(BIN)/gradroll demo $(DEMO_FLAGS)

bench: $(STAMPS)/build $(STAMPS)/node
	$(BIN)/gradroll bench $(BENCH_FLAGS)

$(STAMPS)/robustness: requirements/robustness.txt $(STAMPS)/build
	test -x build/robustness-tools/bin/python || $(PYTHON) -m venv build/robustness-tools
	build/robustness-tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/robustness.txt
	@touch $@

# ROBUSTNESS_FLAGS='--seeds 1' for less.  The peers' library brings gigabytes, so it lies in an environment of its own.
robustness: $(STAMPS)/robustness
	OMP_NUM_THREADS=1 PYTHONPATH=. build/robustness-tools/bin/python -m benchmarks.robustness $(ROBUSTNESS_FLAGS)
	$(BIN)/python -m benchmarks.tables
	$(BIN)/python -m benchmarks.robustness.robustplots

$(STAMPS)/torch: requirements/torch.txt $(STAMPS)/build
	test -x build/torch-tools/bin/python || $(PYTHON) -m venv build/torch-tools
	build/torch-tools/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	build/torch-tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/torch.txt
	@touch $@

# What takes PyTorch, whose wheels for Linux bring gigabytes, so it lies in an environment of its own.
test-torch: $(STAMPS)/torch
	PYTHONPATH=. build/torch-tools/bin/python -m pytest -q tests/hiddenmodel/test_torchnetworks.py tests/gradroll/test_hiding_commands.py

# The kernel's and the contracts' tests use one core each, most of the time.
test: $(STAMPS)/build $(STAMPS)/node
	@$(MAKE) --no-print-directory --keep-going --jobs 2 --output-sync=target test-rust test-contracts
	@$(MAKE) --no-print-directory test-python

# Each process begins with a half of the files, so that what files share is made once, and takes from the other one's when
# it has no more.  What is measured against each other runs alone.
test-python: $(STAMPS)/build $(STAMPS)/node
	$(BIN)/python -m pytest -n 2 --dist worksteal --ignore tests/performance
	$(BIN)/python -m pytest tests/performance

test-fast: $(STAMPS)/build
	$(BIN)/python -m pytest -n 2 --dist worksteal -m 'not slow and not anvil'

test-deep: $(STAMPS)/build
	GRADROLL_TEST_DEEP=1 $(BIN)/python -m pytest -n 2 --dist worksteal $(DEEPER)

# Takes rules out of the code, one at a time: minutes.  MUTANTS_FLAGS='--sample 8 --seed 1' for some of them.
mutants: $(STAMPS)/build
	$(BIN)/python -m tests.mutation $(MUTANTS_FLAGS)

# Minutes; what the flags are, `python -m tests.chaos --help` and `python -m tests.simulation.playing --help` say.
chaos: $(STAMPS)/build $(STAMPS)/node
	$(BIN)/python -m tests.chaos $(CHAOS_FLAGS)

worlds: $(STAMPS)/build
	$(BIN)/python -m tests.simulation.playing $(WORLDS_FLAGS)

# Guided by coverage, without end in sight: each target for FUZZ_SECONDS, or the named one.  `make fuzz TARGET=certificate`.
$(STAMPS)/fuzz: requirements/fuzz.txt $(STAMPS)/build
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --upgrade --target build/fuzz-tools -r requirements/fuzz.txt
	@touch $@

fuzz: $(STAMPS)/fuzz
	for target in $(or $(TARGET),$(notdir $(wildcard tests/fuzz/corpus/*))); do \
	  PYTHONPATH=build/fuzz-tools $(BIN)/python -m tests.fuzz $$target $(FUZZ_SECONDS) || exit 1; done

$(STAMPS)/cargo-fuzz-$(CARGO_FUZZ):
	cargo install --quiet --locked --root build/tools --version $(CARGO_FUZZ) cargo-fuzz
	@mkdir -p $(STAMPS) && touch $@

# The kernel, with nightly Rust (rustup toolchain install nightly): each target for MINUTES, or the named one.  What is found lies in
# build/fuzz-native, and an input that breaks a property in native/fuzz/artifacts.  One thread, so that an input does the same each time.
fuzz-native: $(STAMPS)/cargo-fuzz-$(CARGO_FUZZ)
	for target in $(or $(TARGET),$(notdir $(wildcard native/fuzz/corpus/*))); do \
	  mkdir -p build/fuzz-native/$$target && \
	  RAYON_NUM_THREADS=1 PATH="$(CURDIR)/build/tools/bin:$$PATH" cargo +nightly fuzz run --fuzz-dir native/fuzz $$target \
	    build/fuzz-native/$$target native/fuzz/corpus/$$target -- -max_total_time=$$((60 * $(MINUTES))) -timeout=60 || exit 1; done

# The whole workspace, though only the kernel has tests: so packages are built as they are for the binding, and built once.
test-rust:
	cargo test --release --locked --quiet --manifest-path native/Cargo.toml

test-contracts: $(STAMPS)/node
	cd contracts && npm test --silent

lint: $(STAMPS)/build
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMPS)/build
	$(BIN)/mypy

style: $(STAMPS)/build $(STAMPS)/node
	cargo fmt --manifest-path native/Cargo.toml --all --check
	cargo fmt --manifest-path native/fuzz/Cargo.toml --check
	cargo clippy --release --locked --quiet --manifest-path native/Cargo.toml --all-targets -- -D warnings
	cd contracts && npm run fmt:check --silent

fmt: $(STAMPS)/build $(STAMPS)/node
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	cargo fmt --manifest-path native/Cargo.toml --all
	cargo fmt --manifest-path native/fuzz/Cargo.toml
	cd contracts && npm run fmt --silent

# Rebuild what is generated and checked in; tests and .ci/run prove that nothing drifted.
contracts: $(STAMPS)/node
	cd contracts && npm run build --silent

reference: $(STAMPS)/build
	$(BIN)/python -m commons.settings.reference > docs/settings.md
	$(BIN)/python -m tests.gradroll.errors_page > docs/errors.md
	$(BIN)/python -m benchmarks.tables

proto: $(STAMPS)/build
	$(BIN)/python proto/generate.py

vectors: $(STAMPS)/build
	for script in $(VECTORS); do $(BIN)/python -m $$script || exit 1; done
	$(BIN)/python -m tests.contracts.fixtures

coverage: $(STAMPS)/build
	$(BIN)/python -m pytest -m 'not slow and not anvil' --cov --cov-report=
	$(BIN)/coverage report --include='*' --fail-under=0
	$(BIN)/coverage report

# What others install: a wheel, the documentation's pages, locks of all packages, and what is known against them.
wheel: $(STAMPS)/build
	rm -rf build/wheel
	$(BIN)/maturin build --release --locked --out build/wheel

$(STAMPS)/analysis: requirements/analysis.txt
	test -x build/analysis-tools/bin/python || $(PYTHON) -m venv build/analysis-tools
	build/analysis-tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/analysis.txt
	@mkdir -p $(STAMPS) && touch $@

# The static analyser over the contracts; no finding is let through (contracts/script/analyse.mjs).
analysis: $(STAMPS)/analysis $(STAMPS)/node
	cd contracts && node script/analyse.mjs ../build/analysis-tools/bin/slither

$(STAMPS)/chart: deploy/helm/tools.txt
	@command -v go >/dev/null || { echo "make chart builds helm, which needs Go: https://go.dev/dl"; exit 1; }
	GOBIN=$(CURDIR)/build/chart-tools go install helm.sh/helm/v3/cmd/helm@$(HELM)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --upgrade \
	  --target build/chart-tools/python -r deploy/helm/tools.txt
	@mkdir -p $(STAMPS) && touch $@

# The chart of deploy/helm: rendered, compared with the product and with the schemas of Kubernetes.  Helm takes minutes to build.
chart: $(STAMPS)/build $(STAMPS)/chart
	CHART_TOOLS=$(CURDIR)/build/chart-tools $(BIN)/python -m pytest -q tests/test_chart.py

# Not `go install`: that refuses a module with exclude directives.
$(STAMPS)/kubo-$(KUBO):
	@command -v go >/dev/null || { echo "make kubo builds an IPFS node, which needs Go: https://go.dev/dl"; exit 1; }
	go mod download github.com/ipfs/kubo@$(KUBO)
	go build -C "$$(go env GOMODCACHE)/github.com/ipfs/kubo@$(KUBO)" -trimpath -o $(CURDIR)/build/kubo-tools/ipfs ./cmd/ipfs
	@mkdir -p $(STAMPS) && touch $@

# Stores of artifacts against a real IPFS node and its gateway, which take some minutes to build.
kubo: $(STAMPS)/build $(STAMPS)/kubo-$(KUBO)
	KUBO=$(CURDIR)/build/kubo-tools/ipfs $(BIN)/python -m pytest -q tests/artifacts/test_kubostore.py

# What an operator installs, as a list for scanners (CycloneDX).
sbom: $(STAMPS)/build
	$(BIN)/python requirements/sbom.py build/sbom/gradroll.cdx.json

site: requirements/docs.txt
	test -x build/site-tools/bin/python || $(PYTHON) -m venv build/site-tools
	build/site-tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.txt
	NO_MKDOCS_2_WARNING=1 build/site-tools/bin/mkdocs build --quiet --strict

$(STAMPS)/tools:
	$(PYTHON) -m venv build/tools
	$(TOOLS)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.13,<0.14' 'pip-audit>=2.10,<3'
	@mkdir -p $(STAMPS) && touch $@

lock: $(STAMPS)/tools
	PATH=$(CURDIR)/$(TOOLS):$$PATH $(TOOLS)/python requirements/lock.py $(LOCK_FLAGS)

# Asks the registries' advisory databases; cargo audit is installed with `cargo install cargo-audit`.
audit: $(STAMPS)/tools
	for lock in requirements/*.txt; do \
	  $(TOOLS)/pip-audit --strict --disable-pip --require-hashes -r $$lock || exit 1; done
	cd contracts && npm audit --package-lock-only
	cargo audit --file native/Cargo.lock
	cargo audit --file native/fuzz/Cargo.lock

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis contracts/out contracts/cache
	find $(SOURCES) -name __pycache__ -not -path '*/node_modules/*' -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV) contracts/node_modules native/target native/fuzz/target native/fuzz/artifacts
