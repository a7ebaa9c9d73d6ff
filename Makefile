# Every target prepares what it needs: a virtual environment in .venv and a hash-pinned install, done once and
# done again when the pins change. Nothing outside this directory is touched, but for what FETCH below installs.
#
#   make demo        two invented States on this machine, the whole story, then it ends
#   make desks       two invented States with their desks in a browser, until stopped
#   make test        all tests
#   make coverage    all tests, with branch coverage: half as long again
#   make check       format, lint, types, layers, documents against code
#   make drills      the long runs: kills, faults, load
#   make benchmark   the figures of this machine beside the bare primitives
#   make peers       the same errand done by AS2 and by signed and encrypted mail, on this machine in one run
#   make docs        links and tables of the documents compared with the code
#   make manual      the pictures of docs/desk.md taken anew, in each language
#   make pins        write requirements/*.txt anew from requirements/*.in
#   make format      the form of the code, and the fixes that are safe
#   make clean       caches and reports away

.DEFAULT_GOAL := help
# One after the other, whatever asks for more: each part is installed into the same environment, by the same packager.
.NOTPARALLEL:
.PHONY: help demo desks test coverage check drills docs manual benchmark peers format pins clean

VENV := .venv
BIN := $(VENV)/bin

# 3.11 first: the pins are made with it. Any newer version will do. `make PYTHON=/path/to/python demo` overrides.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { command -v $$name; break; }; done)

PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# The pins name every package there is to install, so pip need not resolve anything; and it must not: as soon as one that
# another asks for with an extra (coverage[toml]) has a newer release, an older pip takes that and finds no hash for it.
PINNED := $(PIP) install --no-deps --require-hashes
COMPILE := CUSTOM_COMPILE_COMMAND="make pins" $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe \
	--strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options

# $(call FETCH,name,packages): the system's package manager installs them, where this is root on Debian. It never fails:
# what is missing afterwards is said by the target, and what needs it is skipped.
FETCH = if [ "$$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then \
	echo "== Setting up: installing $(1) with the system's package manager"; export DEBIAN_FRONTEND=noninteractive; \
	apt-get update -qq && apt-get install -y -qq --no-install-recommends $(2) >/dev/null || true; fi

help:
	@sed -n 's/^#   //p' Makefile

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "error: Python 3.11 or newer is needed and none was found" >&2; \
		echo "hint: on Debian 'apt install python3 python3-venv'; or name one: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; \
		exit 1; fi
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "error: $(PYTHON) is not Python 3.11 or newer" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip' 2>/dev/null || { \
		echo "error: $(PYTHON) cannot make a virtual environment with pip in it" >&2; \
		echo "hint: on Debian 'apt install python3-venv'" >&2; exit 1; }
	@echo "== Setting up: a virtual environment in $(VENV), with $(PYTHON)"
	@"$(PYTHON)" -m venv $(VENV)

# Run time only, so that a first demo starts soon.
$(VENV)/.base: requirements/build.txt requirements/base.txt setup.cfg pyproject.toml | $(BIN)/python
	@echo "== Setting up: installing the pinned packages the gateway runs on (every file checked by hash)"
	@# An environment that was cut short as it was made has the one, and not yet the other.
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv $(VENV)
	@$(PINNED) -r requirements/build.txt -r requirements/base.txt
	@$(PIP) install --no-index --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.base
	@echo "== Setting up: installing the pinned packages that tests and checks need (every file checked by hash)"
	@$(PINNED) -r requirements/dev.txt
	@touch $@

# Setting a note as PDF needs Pango, a library of the system: fetched where that is allowed, and said where it is not.
$(VENV)/.test: requirements/pdf.txt $(VENV)/.dev
	@echo "== Setting up: installing the pinned packages of the extra 'pdf' (every file checked by hash)"
	@$(PINNED) -r requirements/pdf.txt
	@has_pango() { $(BIN)/python -c 'import weasyprint' >/dev/null 2>&1; }; \
	has_pango || { $(call FETCH,Pango,libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0); }; \
	has_pango || echo "note: Pango is missing, so the test of the PDF is skipped"
	@touch $@

# Free words are read by the recogniser of the extra `redact`, with the models that lie beside its code.
$(VENV)/.redact: requirements/redact.txt $(VENV)/.dev
	@echo "== Setting up: installing the pinned packages of the extra 'redact' (every file checked by hash)"
	@$(PINNED) -r requirements/redact.txt
	@touch $@

# Keys in devices are tried against SoftHSM, a device made of software: fetched where allowed, and said where it is not.
$(VENV)/.device: requirements/pkcs11.txt $(VENV)/.dev
	@echo "== Setting up: installing the pinned packages of the extra 'pkcs11' (every file checked by hash)"
	@$(PINNED) -r requirements/pkcs11.txt
	@command -v softhsm2-util >/dev/null || { $(call FETCH,SoftHSM,softhsm2); }
	@command -v softhsm2-util >/dev/null || echo "note: SoftHSM is missing, so the tests of keys in devices are skipped"
	@touch $@

# Time-stamps are tried against an authority made with OpenSSL: fetched where allowed, and said where it is not.
$(VENV)/.stamp: requirements/timestamp.txt $(VENV)/.dev
	@echo "== Setting up: installing the pinned packages of the extra 'timestamp' (every file checked by hash)"
	@$(PINNED) -r requirements/timestamp.txt
	@command -v openssl >/dev/null || { $(call FETCH,OpenSSL,openssl); }
	@command -v openssl >/dev/null || echo "note: OpenSSL is missing, so the tests of time-stamps and one of a key are skipped"
	@touch $@

# tuf-js reads the trust list beside our own client, and a second gateway exchanges with ours. Both need Node: fetched
# where allowed, and said where it is not.
PARTNER := conformance/partners/node
$(VENV)/.node: tests/trust/tuf_js/package-lock.json $(PARTNER)/package-lock.json | $(BIN)/python
	@command -v npm >/dev/null || { $(call FETCH,Node,nodejs npm); }
	@mkdir -p $(VENV)/tuf-js && cp tests/trust/tuf_js/package.json tests/trust/tuf_js/package-lock.json $(VENV)/tuf-js
	@if command -v npm >/dev/null; then \
		echo "== Setting up: installing the pinned packages of tuf-js (every file checked by hash)"; \
		npm ci --prefix $(VENV)/tuf-js --ignore-scripts --no-audit --no-fund --silent || true; \
		echo "== Setting up: installing the pinned packages of the gateway in Node.js"; \
		npm ci --prefix $(PARTNER) --no-audit --no-fund --silent || true; \
	fi
	@[ -d $(VENV)/tuf-js/node_modules/tuf-js ] || echo "note: tuf-js is missing, so the tests beside it are skipped"
	@[ -d $(PARTNER)/node_modules/better-sqlite3/build ] || echo "note: the packages of $(PARTNER) are missing, so its tests are skipped"
	@touch $@

# The pages of the desks are tried in Chromium without windows, or in a whole one where only that can be had, with Latin
# and Arabic letters: fetched where that is allowed, and said where it is not.
CHROMIUM := /usr/bin/chromium
FONTS := fonts-noto-core fonts-dejavu-core
$(VENV)/.browser: $(VENV)/.dev
	@[ -x $(CHROMIUM)-headless-shell ] || { $(call FETCH,Chromium and fonts,chromium-headless-shell $(FONTS)); }
	@has_chromium() { [ -x $(CHROMIUM)-headless-shell ] || [ -x $(CHROMIUM) ]; }; \
	has_chromium || { $(call FETCH,Chromium and fonts,chromium $(FONTS)); }; \
	has_chromium || echo "note: Chromium is missing, so the tests of the pages in a browser are skipped"
	@touch $@

# The store of many nodes is tried against a PostgreSQL server that the tests start for themselves: fetched where that is
# allowed, and said where it is not.
$(VENV)/.postgres: requirements/postgres.txt $(VENV)/.dev
	@echo "== Setting up: installing the pinned packages of the extra 'postgres' (every file checked by hash)"
	@$(PINNED) -r requirements/postgres.txt
	@has_server() { command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }; \
	has_server || { $(call FETCH,PostgreSQL,postgresql); }; \
	has_server || echo "note: PostgreSQL is missing, so the tests of the store of many nodes are skipped"
	@touch $@

# Wrong clocks are given to whole processes by libfaketime: fetched where that is allowed, and said where it is not.
$(VENV)/.clock: | $(BIN)/python
	@command -v faketime >/dev/null || { $(call FETCH,faketime,faketime); }
	@command -v faketime >/dev/null || echo "note: faketime is missing, so processes with wrong clocks are not tried"
	@touch $@

# Links between two hosts are broken in network namespaces, which `ip` makes: fetched where that is allowed, and said
# where it is not. Only root may make them.
$(VENV)/.hosts: | $(BIN)/python
	@has_ip() { PATH="$$PATH:/usr/sbin:/sbin" command -v ip >/dev/null; }; \
	has_ip || { $(call FETCH,iproute2,iproute2); }; \
	has_ip || echo "note: iproute2 is missing, so links between two hosts are not tried"
	@touch $@

# The backup of the manual copies databases with SQLite's own command: fetched where that is allowed, and said where it is
# not.
$(VENV)/.backup: | $(BIN)/python
	@command -v sqlite3 >/dev/null || { $(call FETCH,SQLite's command,sqlite3); }
	@command -v sqlite3 >/dev/null || echo "note: sqlite3 is missing, so the backup of the manual is not tried"
	@touch $@

demo: $(VENV)/.base
	@echo "== Demo: two invented States on loopback, from request to proven answer; it ends by itself"
	@$(BIN)/isthmus demo --once

desks: $(VENV)/.base
	@echo "== Two gateways with their desks, until stopped with Ctrl-C: open the address it prints in a browser"
	@$(BIN)/isthmus demo

# What tests and drills run beside the gateway.
TRIED := $(foreach part,test redact node device stamp postgres clock hosts backup browser,$(VENV)/.$(part))

test: $(TRIED)
	@echo "== Tests, in random order, in four processes: two of them mostly wait"
	@# Some machines forbid Python to keep what it compiled: hundreds of processes would compile the gateway again.
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

coverage:
	@$(MAKE) --no-print-directory test ARGS="--cov --cov-report=term $(ARGS)"

check: $(VENV)/.dev
	@echo "== Pins (every package that another asks for is there)"
	@$(PIP) check
	@echo "== Format"
	@$(BIN)/ruff format --check .
	@echo "== Lint"
	@$(BIN)/ruff check .
	@echo "== Types (mypy, strict); beside it layers (import contracts of setup.cfg), and documents against code"
	@$(BIN)/mypy & types=$$!; \
	$(BIN)/lint-imports --no-cache && $(BIN)/python -m pytest -q tests/docs; rest=$$?; \
	wait $$types && exit $$rest

docs: $(VENV)/.dev
	@echo "== Documents: the state tables drawn anew; every link resolves, every table agrees with the code"
	@$(BIN)/python -m tools.draw_tables
	@$(BIN)/python -m pytest tests/docs $(ARGS)

# The pictures are those of the tested story, so a page that changed changes them; look at each before you commit it.
manual: $(VENV)/.test $(VENV)/.browser
	@echo "== Manual: the story at the desks is told in each language, and its pictures are taken anew"
	@DESK_MANUAL=1 $(BIN)/python -m pytest -q -p no:randomly tests/web/browser/test_story.py $(ARGS)

# A drill is a script in drills/ that says what it does, prints its figures and exits 1 when one is wrong. All are run,
# whatever one shows: together they take two hours.
drills: $(TRIED)
	@failed=; for drill in drills/*.py; do name=$$(basename $$drill .py); \
		echo "== Drill: $$name"; $(BIN)/python -m drills.$$name || failed="$$failed $$name"; done; \
	[ -z "$$failed" ] || { echo "error: a figure is wrong in:$$failed" >&2; exit 1; }

benchmark: $(VENV)/.base
	@$(BIN)/isthmus benchmark $(ARGS)

# What we are measured beside. The library of AS2 wants an old cryptography, so it stands in an environment of its own.
$(VENV)/.peers: requirements/peers.txt requirements/as2.txt $(VENV)/.dev
	@echo "== Setting up: the peers of the benchmarks (every file checked by hash)"
	@$(PINNED) -r requirements/peers.txt
	@$(BIN)/python -m venv --clear $(VENV)/as2
	@$(VENV)/as2/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --require-hashes -r requirements/as2.txt
	@touch $@

peers: $(VENV)/.peers
	@$(BIN)/isthmus benchmark peers $(ARGS)

format: $(VENV)/.dev
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

pins: $(VENV)/.dev
	@echo "== Pins: resolving anew; read the difference before you commit it"
	@$(COMPILE) --upgrade -o requirements/dev.txt requirements/build.in requirements/base.in requirements/test.in requirements/dev.in
	@for part in build base test postgres pdf pkcs11 timestamp redact peers; do \
		$(COMPILE) --upgrade -c requirements/dev.txt -o requirements/$$part.txt requirements/$$part.in; done
	@$(COMPILE) --upgrade -o requirements/as2.txt requirements/as2.in

clean:
	@rm -rf build dist htmlcov .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@echo "removed caches and reports; $(VENV) is kept"
