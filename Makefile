# One definition of every check, for people and for CI. `make help` lists what there is.

PYTHON ?= python3
VENV := .venv
LINK ?= serial
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --quiet --disable-pip-version-check --no-input
export PYTHONUNBUFFERED := 1

.DEFAULT_GOAL := help
.PHONY: help setup test test-schema test-bluez test-systemd deb lint types contracts pytest demo bench bench-fleet fmt clean

help:
	@echo 'make setup   create $(VENV) with everything the other targets need'
	@echo 'make test    lint, types, import contracts and all tests (what CI runs)'
	@echo 'make test-schema'
	@echo '             everything that gateway/openapi.json describes, asked by schemathesis'
	@echo '             (ARGS=500: so many examples; takes minutes)'
	@echo 'make test-bluez'
	@echo '             Bluetooth on a real BlueZ, in a small virtual machine; takes minutes'
	@echo 'make deb     Debian packages of agent, gateway and decoder, in build/deb'
	@echo '             (ARGS="--arch arm64 --debian 13": for another machine)'
	@echo 'make test-systemd'
	@echo '             units and packages under a booted systemd; takes minutes'
	@echo 'make demo    carry three recordings from a simulated recorder to a local cloud'
	@echo '             (LINK=ble: from two recorders on a simulated Bluetooth radio;'
	@echo '             JSON=1: the result as one JSON document on stdout)'
	@echo 'make bench   measure beside other tools; needs curl, openssl and lrzsz, and'
	@echo '             installs smpclient and rclone beside the development tools'
	@echo 'make bench-fleet'
	@echo '             1,000 simulated devices against one gateway and against two, one of'
	@echo '             which is killed; 8 minutes; writes docs/fleet.svg and docs/scale.md'
	@echo 'make fmt     format the code and apply safe fixes'
	@echo 'make clean   remove $(VENV) and caches'

setup: $(VENV)/.ready-dev $(VENV)/.ready-node $(VENV)/.ready-dbusmock $(VENV)/.ready-chromium

# The stamps live inside the environment: removing it removes them. A change of the dependencies
# in pyproject.toml makes them stale. The environment itself is only made where it is missing.
$(VENV)/.ready-%: pyproject.toml
	@set -eu; say() { echo "==> $$*" >&2; }; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { say 'Python 3.11 or newer is needed; name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3'; exit 1; }; \
	if ! $(PY) -c '' 2>/dev/null; then \
	  if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
	    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	      say 'installing python3-venv'; \
	      export DEBIAN_FRONTEND=noninteractive; \
	      apt-get update -qq >&2; apt-get install -y -qq python3-venv >&2; \
	    else \
	      say 'this Python cannot create environments; run: sudo apt-get install python3-venv'; exit 1; \
	    fi; \
	  fi; \
	  say 'creating $(VENV)'; $(PYTHON) -m venv --clear $(VENV) >&2; \
	fi; \
	say 'installing dependencies ($*)'; $(PIP) install -e '.[$(EXTRAS_$*)]' >&2; \
	touch $@

# Servers to upload to that only npm has. Tests that need them are skipped where it fails, and say so.
$(VENV)/.ready-node: tests/servers/package.json | $(VENV)/.ready-dev
	@mkdir -p $(VENV)/node && cp tests/servers/package.json $(VENV)/node; \
	echo '==> installing test servers (node)' >&2; \
	if npm install --prefix $(VENV)/node --no-package-lock --no-audit --no-fund --ignore-scripts \
	  --loglevel=error --prefer-offline --fetch-retries=1 >&2; \
	then touch $@; else echo '==> npm failed: tests of these servers will be skipped' >&2; fi

# NetworkManager, ModemManager and UPower, mocked on a private bus. The mocks run in the system's own
# Python, for which Debian builds the binding to D-Bus. Skipped where it fails, as above.
SYSTEM_PYTHON := /usr/bin/python3
$(VENV)/.ready-dbusmock: | $(VENV)/.ready-dev
	@echo '==> installing mocked services (dbusmock)' >&2; \
	has() { command -v dbus-daemon && $(SYSTEM_PYTHON) -c 'import dbus.mainloop.glib'; } >/dev/null 2>&1; \
	if ! has && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  export DEBIAN_FRONTEND=noninteractive; apt-get update -qq >&2; \
	  apt-get install -y -qq --no-install-recommends dbus-daemon python3-dbus >&2; \
	fi; \
	if has && $(PIP) install --no-deps --upgrade --target $(VENV)/dbusmock 'python-dbusmock>=0.38,<0.39' >&2; \
	then touch $@; \
	else echo '==> no dbus-daemon, python3-dbus or python-dbusmock: tests of these services will be skipped' >&2; fi

# The browser that the gateway's pages are tested in: the system's own. Skipped where it fails, as above.
$(VENV)/.ready-chromium: | $(VENV)/.ready-dev
	@has() { test -x /usr/bin/chromium; }; \
	if ! has && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo '==> installing a browser (chromium)' >&2; \
	  export DEBIAN_FRONTEND=noninteractive; apt-get update -qq >&2; \
	  apt-get install -y -qq --no-install-recommends chromium >&2; \
	fi; \
	if has; then touch $@; \
	else echo '==> no /usr/bin/chromium: tests of the pages will be skipped' >&2; fi

EXTRAS_dev := dev
EXTRAS_bench := bench
EXTRAS_demo := demo,gateway
EXTRAS_demo-ble := demo,gateway,ble-sim

test: lint types contracts pytest
	@echo '==> all checks passed'

lint: $(VENV)/.ready-dev
	@echo '==> lint'
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/ruff format --quiet --check .

types: $(VENV)/.ready-dev
	@echo '==> types'
	@$(VENV)/bin/mypy --no-error-summary

contracts: $(VENV)/.ready-dev
	@echo '==> import contracts'
	@$(VENV)/bin/lint-imports --no-cache --no-logo

pytest: $(VENV)/.ready-dev $(VENV)/.ready-node $(VENV)/.ready-dbusmock $(VENV)/.ready-chromium
	@echo '==> tests'
	@$(PY) -m pytest -q -n 2 $(ARGS)

test-schema: $(VENV)/.ready-dev
	@$(PY) -m tests.gateway.fuzzing $(ARGS)

test-bluez: $(VENV)/.ready-dev
	@$(PY) -m tests.bluez $(ARGS)

test-systemd: $(VENV)/.ready-dev
	@$(PY) -m tests.systemd $(ARGS)

deb: $(VENV)/.ready-dev
	@$(PY) -m systemd.debian.build $(ARGS)

demo: $(VENV)/.ready-demo$(if $(filter ble,$(LINK)),-ble)
	@$(PY) -m tests.demo --link $(LINK) $(if $(filter-out 0,$(JSON)),--json)

bench: $(VENV)/.ready-bench
	@$(PY) -m tests.bench $(ARGS)

bench-fleet: $(VENV)/.ready-dev
	@$(PY) -m tests.bench.bench_fleet --docs $(ARGS)

fmt: $(VENV)/.ready-dev
	@$(VENV)/bin/ruff check --quiet --fix .
	@$(VENV)/bin/ruff format --quiet .

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage*
	find device gateway tests -name __pycache__ -type d -prune -exec rm -rf {} +
