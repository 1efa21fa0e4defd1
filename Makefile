# What a person does with tanger, by name; `make` alone lists it.
# It takes make and Python 3.11 or newer: everything else goes into .venv, which need not be activated.

# Two installs into one .venv would trip over each other under `make -j`.
.NOTPARALLEL:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check

# Which build of torch: the CPU's, unless told otherwise. For a GPU, the index of its CUDA version:
#   make serve TORCH_INDEX=https://download.pytorch.org/whl/cu130 TANGER_DEVICE=cuda
# It is pip's main index here, not an extra one: were it out of reach, an extra one would be skipped
# and gigabytes of CUDA would come from elsewhere. The few retries are for those who have no way to it
# and keep a wheel in their own PIP_FIND_LINKS.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
TORCH_PIP   := $(PIP) install --index-url $(TORCH_INDEX) --retries 1 --timeout 15 -r requirements-torch.txt

# Arguments of `train` and `data`, for the command line only: an OUT or a FROM that happens to be in
# the environment means something else. A run never lands on a shipped artifact unless told to, and
# what was trained before is replaced only with MORE=--restart.
RECIPE  = default
LEXICON = data/cmudict/cmudict-0.7b.train-dev-20-21
DEV     = data/cmudict/cmudict-0.7b.train-dev-1-21
OUT     = artifacts/$(RECIPE)-new
DEVICE  = cpu
ARTIFACT = artifacts/en-us
FROM    =
MORE    =
BEFORE  =

NAME    = en-us
STRESS  = data/cmudict/cmudict-0.7b

##@ Run

.PHONY: serve
serve: runtime ## The service; TANGER_PORT, TANGER_DEVICE, ... from the environment or as make arguments
	$(BIN)/tanger serve

.PHONY: data
data: runtime ## Fetch the CMUdict split into data/cmudict (FROM= another place to take it from)
	$(BIN)/tanger data --to data/cmudict $(if $(FROM),--from $(FROM))

.PHONY: train
train: dev ## Train RECIPE= on LEXICON=, watching DEV=, into OUT=, on DEVICE=; MORE=--restart, --resume
	$(BIN)/tanger train --recipe $(RECIPE) --lexicon $(LEXICON) --dev $(DEV) --out $(OUT) --device $(DEVICE) $(MORE)

.PHONY: reproduce
reproduce: dev ## Make the shipped NAME= anew from its sources (FROM= a folder that has some), resumed by the same
	$(BIN)/tanger reproduce $(NAME) $(if $(FROM),--from $(FROM)) --device $(DEVICE)

.PHONY: evaluate
evaluate: runtime ## Measure ARTIFACT= on the test words, into its model card
	$(BIN)/tanger evaluate --artifact $(ARTIFACT) --lexicon data/cmudict/cmudict-0.7b.test \
		--stress $(STRESS) --known $(LEXICON) --keep

.PHONY: bench
bench: dev ## The benchmarks
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.text
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.small_lexicons

.PHONY: bench-http
bench-http: dev ## The service under load, beside a no-op and BEFORE=, an older checkout (needs wrk, h2load; ten minutes)
	$(BIN)/python -m benchmarks.http $(if $(BEFORE),--before $(BEFORE))

##@ Check

.PHONY: test
test: lint ## Lint, then the tests, but for the slow ones
	$(BIN)/python -m pytest -m "not alone and not slow" \
		--numprocesses auto --maxprocesses 4 --dist loadfile
	$(BIN)/python -m pytest -m "alone and not slow"

.PHONY: test-slow
test-slow: dev ## The slow tests: load and faults in short form, long training
	$(BIN)/python -m pytest -m slow

# Load and faults in full, each a row of docs/reliability.md, goals beside results.
MINUTES = 30

.PHONY: soak
soak: deploy ## Try to break the service, with MINUTES= of constant load (30, and up to forty for the rest)
	TANGER_SOAK=$(MINUTES) $(BIN)/python -m pytest tests/soak; status=$$?; \
		grep '^|' docs/reliability.md; exit $$status

# Networks of random sizes and weights, in a program without Python.
NETWORKS = 300

.PHONY: sanitize
sanitize: dev ## The compiled decode under ASan and UBSan, with NETWORKS= random networks (300)
	TANGER_NETWORKS=$(NETWORKS) $(BIN)/python -m pytest -k undefined tests/integration/decoding/test_kinds.py

# An environment of its own: torch as everywhere, the rest at the lowest versions of pyproject.toml.
LOWEST := .venv-lowest

.PHONY: lowest
lowest: | $(BIN)/python ## The unit tests with the lowest versions that pyproject.toml allows (torch excepted)
	$(PIP) install --quiet 'uv>=0.13'
	$(BIN)/uv pip compile --quiet --resolution lowest-direct --all-extras --no-header --python $(BIN)/python \
		--excludes requirements-torch.txt pyproject.toml requirements-torch.lock -o $(VENV)/lowest.txt
	$(PYTHON) -m venv --clear $(LOWEST)
	$(BIN)/uv pip install --quiet --python $(LOWEST)/bin/python -r $(VENV)/lowest.txt
	$(subst $(BIN),$(LOWEST)/bin,$(TORCH_PIP)) --quiet
	$(LOWEST)/bin/python -m pytest -W default -m "not slow" tests/unit  # old packages meet deprecations of newer ones

.PHONY: audit
audit: | $(BIN)/python ## Known faults of the locked packages, by pip-audit (asks PyPI)
	$(PIP) install --quiet 'uv>=0.13'
	$(BIN)/uv tool run pip-audit --strict --disable-pip --require-hashes -r requirements.lock

.PHONY: lint
lint: dev ## ruff, mypy, import-linter, names
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/check_names.py

.PHONY: figures
figures: dev ## Figures of the source: files, lines, functions, cycles
	$(BIN)/python tools/figures.py --details

.PHONY: examples
examples: dev ## Write what the examples of README.md and docs/ print into them
	UPDATE_EXAMPLES=1 $(BIN)/python -m pytest tests/integration/test_readme.py

.PHONY: chart
chart: deploy ## The Helm chart, alerts and dashboard: rendered, linted, checked against the API's schemas
	$(BIN)/python tools/chart_values.py --check
	$(BIN)/python -m pytest tests/unit/test_chart_values.py tests/integration/deploy/test_chart.py \
		tests/integration/deploy/test_monitoring.py

.PHONY: replicas
replicas: deploy ## Three replicas behind Envoy: a rollout and a crash under load
	$(BIN)/python -m pytest -m slow tests/integration/deploy/test_replicas.py

.PHONY: ray
ray: deploy ## The recipe for Ray Data on 20,000 words, one of its actors killed
	$(BIN)/python -m pytest -m slow tests/integration/deploy/test_ray.py

.PHONY: image-test
image-test: ## Build the image and put it through its paces, with no Docker engine (root, buildah, debootstrap)
	deploy/image-test.sh

##@ Environment

# Three stamps in .venv: the locked packages, torch, the developer's packages. What torch needs comes
# before torch, which then finds it already there, at versions whose hashes were checked. A fourth,
# beside its source, for the decode that is compiled where there is a compiler.
RUNTIME := $(VENV)/runtime.stamp
NATIVE  := model/decoding/native/built.stamp
TORCH   := $(VENV)/torch-$(notdir $(TORCH_INDEX:/=)).stamp
DEVELOP := $(VENV)/dev.stamp
COMMAND := $(BIN)/tanger

.PHONY: runtime
runtime: $(RUNTIME) $(TORCH) $(NATIVE) $(COMMAND) ## .venv with what serving needs

.PHONY: dev
dev: $(RUNTIME) $(TORCH) $(NATIVE) $(COMMAND) $(DEVELOP) ## .venv with what training and testing need, too

# Half an environment, which is what venv leaves where Debian's python3-venv is missing, must not pass
# for a whole one the next time.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit(f"Python 3.11 or newer is needed, $(PYTHON) is {sys.version.split()[0]}: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(RUNTIME): requirements.lock | $(BIN)/python
	$(PIP) install --quiet --require-hashes -r requirements.lock
	@touch $@

$(NATIVE): model/decoding/native/decode.c model/decoding/native/decode.h model/decoding/native/build.py | $(BIN)/python
	$(BIN)/python -m tanger.model.decoding.native.build
	@touch $@

# --upgrade, so that a CPU build gives way to a CUDA build when TORCH_INDEX changes; a build that is
# there already stays.
$(TORCH): requirements-torch.txt requirements-torch.lock | $(RUNTIME)
	$(PIP) install --quiet --require-hashes -r requirements-torch.lock
	$(TORCH_PIP) --upgrade
	@touch $@

# The package and its command, by a path to this checkout. No isolated build, which would fetch a
# setuptools of its own: one came with what torch needs, at a version whose hash was checked.
$(COMMAND): pyproject.toml setup.py | $(TORCH)
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# The last step installs nothing: it fails where pyproject.toml asks for what the lock does not hold.
$(DEVELOP): requirements-dev.lock pyproject.toml | $(TORCH)
	$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	@$(BIN)/python -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
		print(*p["dependencies"], *sum(p["optional-dependencies"].values(), []), sep="\n")' > $(VENV)/wanted.txt
	@$(PIP) install --quiet --no-index -r $(VENV)/wanted.txt \
		|| { echo 'pyproject.toml asks for more than the locks hold: make lock'; exit 1; }
	@touch $@

# One resolution for every Python and platform (--universal), torch left out but what it needs put in
# (the needs that carry a marker are its extras and its CUDA packages). Kept pins stay where they still
# fit; LOCK=--upgrade renews them all.
LOCK =
UV_COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--excludes requirements-torch.txt --generate-hashes --custom-compile-command 'make lock' $(LOCK)

# Beside the developer's packages, for those who work on deploy/: 300 MB, most of them Ray's.
DEPLOY := $(VENV)/deploy.stamp

.PHONY: deploy
deploy: dev $(DEPLOY) ## .venv with what the tests of deploy/ need, too

$(DEPLOY): requirements-deploy.lock | $(DEVELOP)
	$(PIP) install --quiet --require-hashes -r requirements-deploy.lock
	@touch $@

.PHONY: lock
lock: | $(BIN)/python ## Renew requirements.lock and requirements-dev.lock (LOCK=--upgrade: to the newest)
	$(PIP) install --quiet 'uv>=0.13'
	$(TORCH_PIP) --quiet --no-deps
	@$(BIN)/python -c 'from importlib.metadata import requires; \
		print(*(r for r in requires("torch") if ";" not in r), sep="\n")' > $(VENV)/torch-needs.txt
	$(UV_COMPILE) pyproject.toml -o requirements.lock
	$(UV_COMPILE) $(VENV)/torch-needs.txt -c requirements.lock -o requirements-torch.lock
	$(UV_COMPILE) pyproject.toml $(VENV)/torch-needs.txt --all-extras -c requirements.lock \
		-c requirements-torch.lock -o requirements-dev.lock
	$(UV_COMPILE) --group pyproject.toml:deploy -c requirements-dev.lock -o requirements-deploy.lock

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^##@/ {print "\n" substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
