# `make` alone lists what can be made. Everything needs only Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev

# Makes the virtual environment; with uv, or with pip where INSTALLER=pip is given.
INSTALL = $(PYTHON) -I cli/install.py $(VENV)

UPGRADE := --upgrade
# For every Python from 3.11 on and every platform, so that one file serves them all.
PINS = $(BIN)/uv pip compile --quiet $(UPGRADE) --universal --python-version 3.11 \
	--generate-hashes --no-annotate --custom-compile-command "make pins"

.DEFAULT_GOAL := help
.PHONY: help run test testall check coverage format merged bench eval secrets pins clean

help: ## List the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(RUN_STAMP) ## Start everything; CHAT="one order" answers that order and ends
	@$(BIN)/python manage.py up $(if $(CHAT),--chat "$$CHAT")

test: $(DEV_STAMP) ## Run every test, PostgreSQL included
	@$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

testall: $(DEV_STAMP) ## Run every test, on MariaDB as well (Debian: apt install mariadb-server)
	@$(BIN)/python -m tests.support.mariadb $(MAKE) test

check: $(DEV_STAMP) ## Lint, check types, layers and generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py generate --check

format: $(DEV_STAMP) ## Format the code and renew the generated files
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(BIN)/python manage.py generate

merged: $(DEV_STAMP) ## After git merge: join migrations, renew what is generated, check
	$(BIN)/python manage.py db merge
	$(MAKE) format check

bench: $(DEV_STAMP) ## Measure every part, beside others of its kind; how costs grow
	$(BIN)/python -m bench

eval: $(DEV_STAMP) ## Measure how well the parser understands; FILE=yours.yaml: on your own; SAMPLE=40 SEED=1: the model alone
	$(BIN)/python -m tests.evaluate $(if $(FILE),--file "$(FILE)") $(if $(SAMPLE),--sample $(SAMPLE) --seed $(or $(SEED),1))

secrets: $(RUN_STAMP) ## Write config/.env with good secrets; print them where it exists
	@$(BIN)/python manage.py secrets

pins: $(RUN_STAMP) ## Renew the exact versions and hashes of all packages; UPGRADE= adds what is new and no more
	echo uv | $(PINS) - --output-file requirements-uv.txt
	$(PINS) requirements.in --output-file requirements.txt
	$(PINS) requirements-dev.in --output-file requirements-dev.txt

coverage: $(DEV_STAMP) ## Run every test, and show what they don't reach; fails below 90 % of branches
	@$(BIN)/python -m pytest -n auto --dist worksteal --cov --cov-report=term $(ARGS)

clean: ## Remove the virtual environment and caches; var/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# Exported, so that quotes and dollars in an order reach the program untouched.
export CHAT

# Processes start a second sooner where the bytecode of what they import is kept.
unexport PYTHONDONTWRITEBYTECODE

$(BIN)/python:
	@$(INSTALL) requirements.txt

$(RUN_STAMP): requirements.txt requirements-uv.txt $(BIN)/python
	@$(INSTALL) requirements.txt

$(DEV_STAMP): requirements-dev.txt $(RUN_STAMP)
	@$(INSTALL) requirements-dev.txt
