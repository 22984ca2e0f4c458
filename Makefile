# Two commands, each on a fresh machine with Python 3.11 and nothing else: make demo, make test.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed

BASE ?= main

.PHONY: streams demo ios test test-torch read-back check lint unit cases swift android android-models conformance mutants android-mutants bridges coreai faults right first-hour fuzz wheel bench docs lock clean

demo: $(STAMP)
	@$(PY) tools/demo.py

ios: $(STAMP)  # the cat models into the app: ios_sample/README.md
	@tools/export_cats.sh $(PY) build/ios --ios ios_sample/CatCam/Model

test: lint android unit swift

check: $(STAMP)  # lint, types, and only the tests that a change touches
	@$(PY) tools/check.py --base $(BASE)

test-torch: build/torch/.installed  # PyTorch, in build/torch: the tests of its import
	PYTHONPATH=build/torch $(PY) -m pytest -q tests/formats/importing/test_torch.py

# Without their dependencies: what torch needs besides is in requirements.lock, or in this list.
build/torch/.installed: requirements-torch.lock $(STAMP)
	rm -rf build/torch
	$(PY) -m pip install --disable-pip-version-check --only-binary :all: --no-deps --target build/torch -r requirements-torch.lock
	@touch $@

lint: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

unit: $(STAMP)
	$(PY) -m pytest -q -n 2 --dist worksteal

cases: $(STAMP)  # as unit, with every case of the tests that unit only takes a sample of
	MOBILECAT_EVERY_CASE=1 $(PY) -m pytest -q -n 2 --dist worksteal

swift:
	@tools/swift_test.sh

android-models: $(STAMP)  # the cat models into the Android app: android_sample/README.md
	@$(PY) -m mobilecat export mobilecat/demo/cats.toml -o build/android/cats --android android_sample/app/model

android:  # the Kotlin kit on a JVM
	@tools/android_test.sh

read-back: $(STAMP)  # every .tflite of our emitter's tests, read back and held to LiteRT
	@mkdir -p build
	OMP_NUM_THREADS=1 $(PY) -m tools.tflite_read_back build/read_back.jsonl

# Longer proofs, each writing its table into docs/.
conformance: $(STAMP)  # coremltools' own tests against our Core ML runtime
	$(PY) -m tools.conformance.run

mutants: $(STAMP)  # faults planted in the geometry, and in what judges, keeps and reads
	$(PY) tools/mutate_geometry.py
	$(PY) tools/mutate_logic.py

android-mutants: $(STAMP)  # faults planted in the Android kit
	$(PY) tools/mutate_android.py

bridges: $(STAMP)  # faults planted where the app meets Apple's frameworks
	$(PY) tools/mutate_bridges.py

coreai: $(STAMP)  # every op case of every target in Apple's interpreter
	MOBILECAT_EVERY_CASE=1 $(PY) -m pytest -q tests/formats/coreai

faults: $(STAMP)  # faults planted in bundles
	$(PY) -m tools.plant_faults
	$(PY) -m tools.plant_faults.subtle
	$(PY) -m tools.plant_faults.quantized

first-hour: $(STAMP)  # five models to bundles that hold, in four commands each: docs/first-hour.md
	$(PY) -m tools.first_hour

right: $(STAMP)  # right networks, none of which may be red
	$(PY) -m tools.right_networks

streams: $(STAMP)  # faults planted in a clip's stream
	$(PY) -m tools.plant_faults.streams --out docs/planted_faults_streams.md
	$(PY) -m tools.plant_faults.streams_unseen $(or $(DATA),../shared/data)

fuzz: $(STAMP)  # hostile files, watched: docs/security.md
	$(PY) -m tools.fuzz_inputs

wheel: $(STAMP)  # built, looked into, installed into an empty environment, its demo run
	$(PY) tools/wheel.py $(foreach p,$(PYTHONS),--python $(p))

bench: $(STAMP)  # what can be measured here within some minutes, and what changed: a report
	@$(PY) benchmarks/every.py

docs: build/zensical/.installed $(STAMP)  # the site: open build/site/index.html
	$(PY) -m tools.site.gather build/docs
	PYTHONPATH=. build/zensical/bin/zensical build --strict

# In an environment of its own: nothing that mobilecat runs on depends on it.
build/zensical/.installed: requirements-docs.txt
	rm -rf build/zensical
	$(PYTHON) -m venv build/zensical
	build/zensical/bin/pip install --quiet --disable-pip-version-check -r requirements-docs.txt
	@touch $@

# Exact versions, so that two machines compile the same bytes. After changing pyproject.toml: make lock.
$(STAMP): requirements.lock requirements-coreai.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mobilecat needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another: make PYTHON=/path/to/python3.11")'
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (about a minute, once)"
	@$(PY) -m pip install --disable-pip-version-check --progress-bar on -r requirements.lock
	@$(PY) -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps -r requirements-coreai.lock || echo "NOT_RUN: no coreai-core for this machine; Core AI is left out"
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

lock:
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet --disable-pip-version-check '.[dev]'
	(echo "# Made by make lock; the versions that CI and make demo install."; \
	 build/lock/bin/pip freeze --exclude mobilecat) > requirements.lock
	build/lock/bin/pip install --quiet --disable-pip-version-check '.[coreai]'
	@$(PYTHON) tools/lock_coreai.py build/lock/bin/pip > requirements-coreai.lock
	rm -rf build/lock

clean:
	rm -rf $(VENV) build dist *.egg-info
