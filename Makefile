# `make` prints what there is. Only Python 3.11 or 3.12 with venv is needed.

VENV := .venv
RUN := $(VENV)/bin
READY := $(VENV)/.complete
# The first Python that is recent enough and can make virtual environments; PYTHON=... overrides.
PYTHON = $(shell for p in python3.12 python3.11 python3; do \
	$$p -I -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' \
	2>/dev/null && echo $$p && break; done)

# A user's shell may set these for other programs; they change what the commands below do.
unexport CDPATH GREP_OPTIONS GREP_COLORS PYTHONPATH PYTHONHOME PYTHONWARNINGS PYTHONOPTIMIZE
# Without compiled files each process of the tests rewrites every test module again.
unexport PYTHONDONTWRITEBYTECODE

# A process and its services need 2 GiB. On two cores three of them were faster by half a minute, but
# in one of two runs the JVM of a TaskManager crashed while its recorder took samples.
PROCESSES = 2
PYTEST = $(RUN)/python -m pytest -n $(PROCESSES) --dist loadgroup

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-long test-containers check format bench screenshots reference report figures image sbom audit clean

help: ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: $(READY) ## install everything into .venv; a second time does nothing

$(READY): requirements.lock pyproject.toml src/spaf/stack/jars.lock tools/setup.py
	@test -n "$(PYTHON)" || { echo "SPAF needs Python 3.11 or 3.12 with venv; none was found (or say PYTHON=/path/to/python3.12)."; exit 1; }
	@$(PYTHON) -I tools/setup.py

demo: $(READY) ## start everything, sell 100 sales/s, watch; Ctrl-C ends with the verdict
	@$(RUN)/spaf demo

test: $(READY) ## every test, on the real services
	@$(PYTEST)

test-long: $(READY) ## the same tests with more seeds, examples and records
	@TEST_LONG=1 $(PYTEST) --timeout 1800

# Each test starts containers for minutes; their order is that of the time that is lost by a failure.
test-containers: $(READY) ## hosts in network namespaces; image, compose and cluster on an engine of its own, with faults (root; about 30 minutes)
	@$(RUN)/python -m tests.support.containers.requirements
	@$(RUN)/python -m pytest tests/hosts tests/containers -p no:randomly -p no:cacheprovider

check: $(READY) ## style, types, imports, dependencies, SQL, JavaScript, locks
	@$(RUN)/ruff check
	@$(RUN)/ruff format --check
	@$(RUN)/mypy
	@$(RUN)/lint-imports
	@$(RUN)/deptry src
	@cd src/spaf && "$(CURDIR)/$(RUN)/sqlfluff" lint --disable-progress-bar bench/sql quarantine serve store
	@cd src/spaf && "$(CURDIR)/$(RUN)/sqlfluff" lint --disable-progress-bar --config job/sql/.sqlfluff bench/detection/sql
	@cd src/spaf && $(CURDIR)/$(RUN)/sqlfluff lint --disable-progress-bar --config verify/sql/.sqlfluff bench/detection/reading
	@cd src/spaf/job/sql && "$(CURDIR)/$(RUN)/sqlfluff" lint --disable-progress-bar .
	@cd src/spaf/verify/sql && "$(CURDIR)/$(RUN)/sqlfluff" lint --disable-progress-bar .
	@DENO_DIR=$(VENV)/deno DENO_NO_UPDATE_CHECK=1 $(RUN)/deno check --quiet src/spaf/serve/static/js
	@$(RUN)/oxlint --quiet src/spaf/serve/static/js
	@$(RUN)/python tools/check_repository.py

format: $(READY) ## put the code into shape
	@$(RUN)/ruff check --fix
	@$(RUN)/ruff format

bench: $(READY) ## the figures: latency at rates, and a drain
	@$(RUN)/spaf bench rates
	@$(RUN)/spaf bench drain

screenshots: $(READY) ## the pictures of the page in the README, from a real run (needs Chromium)
	@$(RUN)/python tools/screenshots.py

reference: $(READY) ## measure results/reference anew: 2 hours, the machine for itself
	@$(RUN)/python tools/make_reference.py

# The committed records: a measurement of everything, and the faults that were made.
RECORDS = results/reference $(wildcard results/faults)

report: $(READY) ## docs/report: report and talk in both languages; and the figures of the documents (needs Chromium)
	@mkdir -p docs/report
	@for language in en pt; do \
		$(RUN)/spaf report $(RECORDS) --language $$language --pdf --output docs/report/report-$$language.html && \
		$(RUN)/spaf slides $(RECORDS) --language $$language --pdf --output docs/report/talk || exit 1; done
	@$(RUN)/python tools/write_figures.py

figures: $(READY) ## renew the marked figures of the documents from the committed records
	@$(RUN)/python tools/write_figures.py

# The version of the image is that of the package; docker only builds what has changed.
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
IMAGE = spaf:$(VERSION)
IMAGE_OPTIONS =

image: ## spaf:VERSION for docker or podman (docs/how-to/containers.md)
	@docker build --tag $(IMAGE) --tag spaf:latest --build-arg VERSION=$(VERSION) \
		--build-arg REVISION="$$(git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)" \
		--build-arg CREATED="$$(date -u +%Y-%m-%dT%H:%M:%SZ)" $(IMAGE_OPTIONS) .

sbom: $(READY) ## sbom.cdx.json: every package and jar with version, licence and hash
	@$(RUN)/python -I tools/make_sbom.py

audit: $(READY) ## known weaknesses of every package and jar, by the public list of OSV (needs the network)
	@$(RUN)/python -m tools.audit

clean: ## stop what runs; delete .venv, the run folder and caches
	@test ! -x $(RUN)/spaf || $(RUN)/spaf down --wipe
	@rm -rf $(VENV) .spaf .work .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
