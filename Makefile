# Assay's everyday commands. `make` alone lists them.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
ifeq ($(PYTHON),)
$(error Assay needs Python 3.11: install it, or name one with `make PYTHON=/path/to/python3.11`)
endif
SERVE  ?= 1
WORKERS ?= 2

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV   := .venv
PY     := $(VENV)/bin/python
MANAGE := $(PY) manage.py
# A hand-made stamp says what is installed, so that a second run asks pip nothing.
RUN_STAMP  := $(VENV)/requirements.stamp
TEST_STAMP := $(VENV)/tests-requirements.stamp

# $(call step,name,command): runs it, then prints its name and how long it took. A failure ends make.
define step
@TIMEFORMAT='$(1): %1R s'; time $(2)
endef

# Checks that read the project need settings, and must not touch the installation in var/.
CHECKED := ASSAY_VAR=var/check DATABASE_URL=sqlite://:memory: SECRET_KEY=only-for-checks-$(shell printf 'x%.0s' {1..50})

.PHONY: help
help:
	@echo 'make demo            set everything up, run the main job on real input, serve http://localhost:8000'
	@echo '                     SERVE=0 make demo stops before serving'
	@echo 'make serve           serve what is in var/: web, worker and scheduler (Ctrl-C stops all)'
	@echo 'make test            the whole suite on SQLite, then on PostgreSQL; WORKERS=n runs n at a time'
	@echo 'make check           style, types, layers, templates, migrations, API schema, known vulnerabilities'
	@echo 'make coverage        the suite on SQLite, with the lines and branches it never reached'
	@echo 'make bench           measurements that take minutes'
	@echo 'make bench-packs     freeze, pack and ZIP of a large record, beside plain WeasyPrint'
	@echo 'make zoo             train and measure the CIFAR-10 zoo (hours; may be stopped, goes on where it was)'
	@echo 'make bench-detect    detection over the zoo, beside the peer on the same features and models'
	@echo 'make banks           build the reference banks that ship'
	@echo 'make format          reformat the Python code'
	@echo 'make clean-demo      remove var/, with everything the demo made'

# ------------------------------------------------------------------------------------------------------------ set-up

.PHONY: preflight preflight-tests
preflight:
	@$(PYTHON) -m compliance.preflight

preflight-tests:
	@$(PYTHON) -m compliance.preflight --tests

$(PY):
	$(PYTHON) -m compliance.preflight
	$(PYTHON) -m venv $(VENV)

$(RUN_STAMP): requirements.txt | $(PY)
	@echo 'installing requirements.txt (some minutes the first time)'
	$(PY) -m pip install --disable-pip-version-check --progress-bar off -r requirements.txt
	@touch $@

$(TEST_STAMP): requirements.txt tests/requirements.txt | $(PY)
	@echo 'installing tests/requirements.txt (some minutes the first time)'
	$(PY) -m pip install --disable-pip-version-check --progress-bar off -r tests/requirements.txt
	@touch $@ $(RUN_STAMP)

# -------------------------------------------------------------------------------------------------------------- demo

.PHONY: demo serve clean-demo
demo: export ORGANISATION := $(or $(ORGANISATION),Nordlys Insurance (fictional))
demo: preflight $(RUN_STAMP)
	$(MANAGE) migrate --verbosity=0
	$(MANAGE) load_catalog
	$(MANAGE) demo
ifneq ($(SERVE),0)
	$(MANAGE) serve
endif

serve: preflight $(RUN_STAMP)
	$(MANAGE) migrate --verbosity=0
	$(MANAGE) serve

clean-demo:
	rm -rf var

# ------------------------------------------------------------------------------------------------------------- tests

.PHONY: test test-sqlite test-postgres coverage bench bench-pages
test: test-sqlite test-postgres

test-sqlite: preflight-tests $(TEST_STAMP)
	$(call step,suite on SQLite,$(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m 'not bench and not alone')
	$(call step,time limits,$(PY) -m pytest -m alone $$(grep --recursive --files-with-matches --include='test_*.py' 'mark[.]alone' tests))

# Left out: what never touches the suite's database (a browser against its own installation, torch, PDF, parsers).
test-postgres: preflight-tests $(TEST_STAMP) | test-sqlite
	$(call step,suite on PostgreSQL,ASSAY_TEST_DB=postgres $(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m 'not bench and not alone and not e2e and not sqlite_only')

coverage: preflight-tests $(TEST_STAMP)
	@mkdir -p var/coverage
	$(PY) -m coverage erase
	$(PY) -m coverage run -m pytest
	$(PY) -m coverage combine --quiet
	$(PY) -m coverage report

bench: preflight-tests $(TEST_STAMP)
	$(PY) -m tests.bench.detection --seeds 10
	$(PY) -m tests.bench.parse_cloudtrail
	$(CHECKED) DJANGO_SETTINGS_MODULE=compliance.settings $(PY) -m tests.bench.read_folder
	$(PY) -m tests.bench.fuzz_parsers
	$(PY) -m pytest tests/bench -m bench -s --timeout=0 --deselect tests/bench/test_page_times.py --deselect tests/bench/test_packs.py

bench-pages: preflight-tests $(TEST_STAMP)
	$(PY) -m pytest tests/bench/test_page_times.py -m bench -s --timeout=0

.PHONY: bench-packs
bench-packs: preflight-tests $(TEST_STAMP)
	$(PY) -m pytest tests/bench/test_packs.py -m bench -s --timeout=0

.PHONY: bench-api
bench-api: preflight-tests $(TEST_STAMP)
	ASSAY_API_EXAMPLES=100 $(PY) -m pytest -n $(WORKERS) tests/compliance/api/test_hostile_requests.py --timeout=0

.PHONY: zoo banks bench-detect
zoo: preflight-tests $(TEST_STAMP)
	$(PY) -m tests.bench.zoo.train --jobs $(WORKERS)
	$(PY) -m tests.bench.zoo.measure --jobs $(WORKERS)

banks: zoo
	$(PY) -m tests.bench.mnist_bank --threads $(WORKERS)

bench-detect: zoo
	$(PY) -m tests.bench.zoo.judge --jobs $(WORKERS)
	@mkdir -p var/bench
	$(PY) -m tests.bench.training_set --roles test --keep --json var/bench/training_set.json
	$(PY) -m tests.bench.training_set_peer var/bench/training_set.json
	$(PY) -m tests.bench.verdict_cost
	$(PY) -m tests.bench.inversion_speed
	$(PY) -m tests.bench.hashing
	$(PY) -m tests.bench.zoo.one_percent --jobs $(WORKERS)

# ------------------------------------------------------------------------------------------------------------ checks

CHECKS := check-style check-format check-types check-layers check-templates check-migrations check-django check-schema check-security check-audit
.PHONY: check format $(CHECKS)
check: $(CHECKS)
	@echo 'all checks passed'

$(CHECKS): $(TEST_STAMP)

check-style:
	$(call step,style,$(PY) -m ruff check .)

check-format:
	$(call step,format,$(PY) -m ruff format --check .)

check-types:
	$(call step,types,$(CHECKED) $(PY) -m mypy)

check-layers:
	$(call step,layers,$(VENV)/bin/lint-imports --no-logo)

check-templates:
	$(call step,templates,$(PY) -m djlint templates --lint --quiet)

check-migrations:
	$(call step,migrations,$(CHECKED) $(MANAGE) makemigrations --check --dry-run)

check-django:
	$(call step,system checks,$(CHECKED) $(MANAGE) check --fail-level WARNING)

check-schema:
	$(call step,API schema,$(CHECKED) $(MANAGE) spectacular --validate --fail-on-warn --file /dev/null)

check-security:
	$(call step,security,$(PY) -m bandit --quiet --configfile pyproject.toml --recursive compliance scanning manage.py 2> >(grep -v 'but no failed test' >&2))

check-audit:
	$(call step,known vulnerabilities,$(PY) -m tests.audit)

format: $(TEST_STAMP)
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
