# Everything here makes .venv by itself, and installs into it what it needs, once.
# Works with GNU make 3.81 (macOS) and a POSIX sh.

# The newest Python from 3.11 on that can make environments.  A name on the PATH is not enough:
# pyenv leaves shims that refuse to run, and Debian has Pythons without ensurepip.
PYTHON ?= $(shell for python in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	"$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { command -v "$$python"; break; }; done)

ORACLE ?= tests/conformance/own.json
SET ?=
FUZZ ?= 1000000
TRIALS ?= 20000
JOBS ?= auto
ARGS ?=
DIR ?=

VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
NO_SKIP := $(if $(filter 1 true yes,$(STRICT) $(CI)),--no-skip)

.DEFAULT_GOAL := help
.NOTPARALLEL: # two pips in one environment break each other
.DELETE_ON_ERROR:
.PHONY: help demo test test-emacs test-lsp test-mcp test-more test-package release-check test-slurm test-web fast lint format types docs conformance bench eval-similar site torture hostile fuzz system-deps emacs-deps editor-deps slurm-deps web-deps clean

help: ## what there is
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  make test ARGS="-k cookies"    some tests, by name; ARGS goes to pytest'
	@echo '  make test STRICT=1             a skipped test is a failed one (also with CI=true)'
	@echo '  make test JOBS=0               in one process, for a debugger'
	@echo '  make demo DIR=/tmp/study       the study in that folder, which must be new or empty'
	@echo '  make clean test PYTHON=python3.13'

# ---- the environment ----

# Ours, but copied here with the tree, or its Python is gone: it would run another tree, or nothing.
$(shell test ! -e $(VENV)/stamp \
	|| { test -x $(BIN)/python && grep -Fqs -- '-m venv $(CURDIR)/$(VENV)' $(VENV)/pyvenv.cfg; } \
	|| rm -rf $(VENV))

$(VENV)/stamp:
	@test -n "$(PYTHON)" || { \
	  echo 'orglab needs Python 3.11 or newer that can make virtual environments.' >&2; \
	  echo 'Install one (Debian: apt install python3 python3-venv; macOS: brew install python),' >&2; \
	  echo 'or name one: make PYTHON=/path/to/python3' >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { \
	  echo '"$(PYTHON)" could not make $(VENV). On Debian: apt install python3-venv' >&2; exit 1; }
	@echo "$(VENV): $$($(BIN)/python --version)" >&2
	@touch $@

# Dependency groups (PEP 735) need pip 25.1 or newer.
$(VENV)/stamp-pip: | $(VENV)/stamp
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1' </dev/null >&2
	@touch $@

# One stamp for each group, which is installed with the extras that it needs; older than pyproject.toml when that has changed.
$(VENV)/stamp-%: pyproject.toml | $(VENV)/stamp-pip
	@echo '$(VENV): installing orglab$(EXTRAS_$*) and its group $*' >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.$(EXTRAS_$*)' --group '$*' </dev/null >&2
	@touch $@

EXTRAS_test := [all]
EXTRAS_demo := [pdf,docx,web]
EXTRAS_bench := [pdf,docx,web,lsp]

system-deps:
	@scripts/system-deps.sh

emacs-deps:
	@scripts/system-deps.sh emacs

slurm-deps:
	@scripts/system-deps.sh slurm

web-deps:
	@scripts/system-deps.sh web

editor-deps:
	@scripts/system-deps.sh editors

# ---- what people come for ----

demo: $(VENV)/stamp-demo ## a study on real data, from the first hypothesis to the last conclusion
	@$(BIN)/python demo/run.py $(if $(DIR),--dir "$(DIR)")

# worksteal: a process that has nothing left takes tests of another, so that none is the last one for long; and tests of
# a file, which share what was made for them, stay together.
test: system-deps $(VENV)/stamp-test $(VENV)/stamp-site ## every test
	$(PYTEST) -n $(JOBS) --dist worksteal $(NO_SKIP) $(ARGS)

test-lsp: editor-deps $(VENV)/stamp-test ## `orglab lsp` with Neovim and with eglot in Emacs
	$(PYTEST) tests/lsp -n $(JOBS) -m editors $(NO_SKIP) $(ARGS)

test-emacs: emacs-deps $(VENV)/stamp-test ## the Emacs package, with the real orglab
	$(PYTEST) tests/emacs -n $(JOBS) -m emacs_package $(NO_SKIP) $(ARGS)

test-mcp: $(VENV)/stamp-test $(VENV)/mcp-1/stamp $(VENV)/mcp-2/stamp ## `orglab mcp` with the official client, of two versions
	$(PYTEST) tests/mcp -n $(JOBS) -m mcp_client $(NO_SKIP) $(ARGS)

# The client, with all that it depends on, in an environment of its own for each version.
$(VENV)/mcp-%/stamp: | $(VENV)/stamp
	@echo '$(VENV): installing mcp $*' >&2
	@$(BIN)/python -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check 'mcp==$*.*' </dev/null >&2
	@touch $@

test-more: $(VENV)/stamp-test $(VENV)/stamp-web-test $(VENV)/stamp-axe $(VENV)/mcp-1/stamp $(VENV)/mcp-2/stamp
test-more: $(VENV)/stamp-release $(VENV)/stamp-site ## all that the targets named test-... test, at once
	@scripts/system-deps.sh emacs editors slurm web
	$(PYTEST) tests/emacs tests/lsp tests/mcp tests/packaging tests/slurm tests/web -n $(JOBS) --dist worksteal \
	  -m 'emacs_package or editors or mcp_client or package or slurm or browser' $(NO_SKIP) $(ARGS)

test-package: $(VENV)/stamp-test $(VENV)/stamp-release ## the built package, installed by pip, pipx and uv, and with the lowest versions
	$(PYTEST) tests/packaging -n $(JOBS) -m package $(NO_SKIP) $(ARGS)

release-check: ## all that a release needs but the upload; the files are in dist/
	@$(MAKE) test test-more lint types STRICT=1
	@$(BIN)/python scripts/release_check.py

test-slurm: slurm-deps $(VENV)/stamp-test ## runs in the jobs of a real Slurm, started here for the tests alone
	$(PYTEST) tests/slurm -n $(JOBS) -m slurm $(NO_SKIP) $(ARGS)

test-web: web-deps $(VENV)/stamp-test $(VENV)/stamp-site $(VENV)/stamp-web-test $(VENV)/stamp-axe ## the pages of `orglab serve` in a real browser
	$(PYTEST) tests/web -n $(JOBS) -m browser $(NO_SKIP) $(ARGS)

# axe comes in this package; what drives a browser there is not needed.
$(VENV)/stamp-axe: | $(VENV)/stamp
	@echo '$(VENV): installing axe' >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps axe-playwright-python==0.1.8 </dev/null >&2
	@touch $@

fast: $(VENV)/stamp-test ## the tests that are not slow
	$(PYTEST) -q -n $(JOBS) -m 'not slow' --hypothesis-profile=fast $(NO_SKIP) $(ARGS)

lint: $(VENV)/stamp-dev ## ruff: every rule but those that pyproject.toml argues with
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/stamp-dev ## what ruff can fix by itself
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

types: $(VENV)/stamp-dev ## mypy --strict over src
	$(BIN)/mypy

docs: $(VENV)/stamp-test ## the documentation: its links, and its examples run as tests
	$(PYTEST) tests/test_docs.py $(NO_SKIP) $(ARGS)

site: $(VENV)/stamp-site ## the documentation as a site, in build/site, which needs no network and no server
	@$(BIN)/python scripts/site/build.py $(if $(DIR),"$(DIR)")

conformance: $(VENV)/stamp-test ## what Org itself does, recorded, beside what we do; ORACLE=FILE names other records
	@test -f "$(ORACLE)" || { echo 'There is no oracle at $(ORACLE): name one, make conformance ORACLE=FILE' >&2; exit 2; }
	@$(BIN)/python tests/conformance/run.py "$(ORACLE)"

bench: $(VENV)/stamp-bench ## how fast, beside peers measured in the same run; ARGS="hooks run" for some topics
	@$(BIN)/python benchmarks/run.py $(ARGS)

eval-similar: $(VENV)/stamp-test ## how well `tried` finds what was tried before, on all sets of questions; SET=FILE: on one
	@$(BIN)/python benchmarks/eval_similar.py $(SET)

torture: system-deps $(VENV)/stamp-test ## durability in full counts: failing syscalls, kills, crowds, long walks
	@$(BIN)/python tests/torture/run.py all --command '$(abspath $(BIN))/orglab --log {file} note 201 {text}'
	@$(BIN)/python tests/torture/run.py sweep --command '$(abspath $(BIN))/orglab --log {file} done 201.2 --no-commit'
	@$(BIN)/python tests/torture/index.py 200
	@SHARE=1 $(PYTEST) -q tests/runs/test_large_records.py
	@VERSIONS=200 KILLS=50 $(PYTEST) -q tests/runs/sweeps/test_queue.py -k killed_gives_each
	@RUNS=200 $(PYTEST) -q tests/runs/test_crowd.py
	@$(MAKE) hostile
	@$(BIN)/python -m tests.walk.run --steps 2000

hostile: $(VENV)/stamp-test ## TRIALS=20000 repositories of strangers, each changed at random and worked in
	@$(BIN)/python tests/torture/hostile.py --count $(TRIALS)

fuzz: $(VENV)/stamp-test ## FUZZ=1000000 inputs parsed and printed
	@$(BIN)/python tests/fuzz.py $(FUZZ)

clean: ## away with .venv, the caches and the build products
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find . -name .git -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +
