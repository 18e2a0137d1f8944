# Overridable: make audit ACCOUNTS=accounts.yml REGIONS="eu-west-1 us-east-1"
PYTHON   ?= $(shell command -v python3.11 || command -v python3)
ACCOUNTS ?= accounts.yml
POLICIES ?= policies
OUTPUT   ?= output
REPORTS  ?= reports
REGIONS  ?=
BASE     ?= main

VENV  := .venv
BIN   := $(VENV)/bin
READY := $(VENV)/.ready
# An activated environment or a PYTHONPATH of the caller's must not leak into ours.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help demo audit report review validate test lint format lock bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.txt pyproject.toml reporter/__init__.py
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## audit a small AWS that runs on this machine: no account needed
	$(BIN)/sg-audit demo -u $(POLICIES) -o $(REPORTS)

audit: $(READY) ## audit the accounts of ACCOUNTS with your own credentials
	$(BIN)/sg-audit audit -c $(ACCOUNTS) -u $(POLICIES) -s $(OUTPUT) -o $(REPORTS) $(REGIONS:%=-r %)

report: $(READY) ## make the workbook again from the newest run in OUTPUT
	$(BIN)/sg-audit report -s $(OUTPUT) -o $(REPORTS)

validate: $(READY) ## Custodian's own validation of the policies
	$(BIN)/sg-audit validate -u $(POLICIES)

review: $(READY) ## what the policies as they are now catch and let go, against BASE, over the newest run in OUTPUT
	$(BIN)/sg-audit review --base $(BASE) -u $(POLICIES) -s $(OUTPUT)

test: $(READY) ## run every test
	$(BIN)/python -m pytest -n logical --dist loadfile

lint: $(READY) ## ruff, mypy and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(READY) ## measure against stock c7n-org and plain scripts (half an hour)
	$(BIN)/python bench

format: $(READY) ## let ruff format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(READY) ## resolve the pinned versions anew (needs uv)
	uv pip compile pyproject.toml --extra dev --group build --universal --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --python-version 3.11 --output-file requirements.txt

clean: ## remove what make made, but neither OUTPUT nor REPORTS
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
