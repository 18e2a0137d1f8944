# Overridable: make audit ACCOUNTS=accounts.yml REGIONS="eu-west-1 us-east-1" OPTIONS=--iam
PYTHON   ?= $(shell command -v python3.11 || command -v python3)
ACCOUNTS ?= accounts.yml
POLICIES ?= policies
OUTPUT   ?= output
REPORTS  ?= reports
FORMATS  ?= xlsx html
REGIONS  ?=
OPTIONS  ?=
BASE     ?= main

SHELL := bash
VENV  := .venv
BIN   := $(VENV)/bin
READY := $(VENV)/.ready
DEV   := $(VENV)/.ready-dev
# An activated environment or a PYTHONPATH of the caller's must not leak into ours, and Python must keep what it compiles.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo audit report review validate test lint format lock bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Of what pip says, a line a package. Nothing is compiled before it is imported: that took longer than all the rest.
PIP := $(BIN)/python -m pip --disable-pip-version-check
define install
@set -o pipefail; $(PIP) install --no-compile --progress-bar off --require-hashes -r $(1) | while read -r line; do \
  case $$line in \
    *.metadata*) ;; \
    Downloading*|"Using cached"*) file=$${line##*/}; file=$${file#Downloading }; file=$${file#Using cached }; \
      echo "  $${file%%-[0-9]*} ($${line##*(}" ;; \
    "Installing collected"*) echo "  … unpacking" ;; \
  esac; \
done
endef

$(READY): requirements.txt pyproject.toml reporter/__init__.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=")'
	@echo "Setting up $(VENV): pip first, then some 70 MB of what running and the demo need"
	@$(PYTHON) -m venv $(VENV)
	$(call install,requirements.txt)
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(READY) requirements-dev.txt
	@echo "Adding what tests and linters need to $(VENV)"
	$(call install,requirements-dev.txt)
	@touch $@

demo: $(READY) ## audit a small AWS that runs on this machine: no account needed
	$(BIN)/sg-audit demo -u $(POLICIES) -o $(REPORTS) $(FORMATS:%=-f %) $(OPTIONS)

audit: $(READY) ## audit the accounts of ACCOUNTS with your own credentials
	$(BIN)/sg-audit audit -c $(ACCOUNTS) -u $(POLICIES) -s $(OUTPUT) -o $(REPORTS) $(FORMATS:%=-f %) $(REGIONS:%=-r %) $(OPTIONS)

report: $(READY) ## make the workbook and the page again from the newest run in OUTPUT
	$(BIN)/sg-audit report $(addprefix -c ,$(wildcard $(ACCOUNTS))) -s $(OUTPUT) -o $(REPORTS) $(FORMATS:%=-f %)

validate: $(READY) ## Custodian's own validation of the policies
	$(BIN)/sg-audit validate -u $(POLICIES)

review: $(READY) ## what the policies as they are now catch and let go, against BASE, over the newest run in OUTPUT
	$(BIN)/sg-audit review --base $(BASE) -u $(POLICIES) -s $(OUTPUT)

test: $(DEV) ## run every test
	$(BIN)/python -m pytest -n logical --dist loadfile

lint: $(DEV) ## ruff, mypy, the direction of imports, the workflows and the Dockerfile
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy docs/grafana/dashboard.py
	$(BIN)/lint-imports --no-cache
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --offline --quiet --persona pedantic --strict-collection .github
	$(BIN)/hadolint --no-color --failure-threshold style Dockerfile

bench: $(DEV) ## measure against stock c7n-org and plain scripts (half an hour)
	$(BIN)/python bench

format: $(DEV) ## let ruff format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

COMPILE := uv pip compile --quiet pyproject.toml --group build --universal --generate-hashes \
  --no-emit-index-url --no-emit-find-links --python-version 3.11
lock: ## pin what pyproject.toml asks for; what is pinned stays as it is (needs uv)
	$(COMPILE) --extra html --extra iam --extra sandbox --output-file requirements.txt
	$(COMPILE) --extra dev --constraint requirements.txt --output-file requirements-dev.txt

clean: ## remove what make made, but neither OUTPUT nor REPORTS
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
