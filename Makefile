# Every target makes what it needs first. `make help` says each in one line.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; exit; }; \
	done; echo python3)
RUN := .venv/bin/python
NOTEBOOKS := $(wildcard notebooks/[0-9]*.ipynb)
# nbval sends one cell at a time; a cell that hangs costs a minute, not half an hour.
PYTEST := $(RUN) -m pytest
# A notebook mostly waits: three at a time keep two cores busy, no more. Each stays in one
# worker, cell by cell; they come first because they take longest.
SIDE_BY_SIDE := -n 3 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help env lab fresh test prove soak bench store record pages format lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

env:
	@command -v $(PYTHON) >/dev/null || { \
		echo "backend-on-the-wire: no $(PYTHON) here; install Python 3.11, 3.12 or 3.13," \
			"or name one: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@$(PYTHON) tools/environment.py

lab: env ## open the course in JupyterLab
	@$(RUN) tools/lab.py $(LAB)

fresh: env ## make your copies of the lessons afresh (all, or NB=10); the old ones are kept
	@$(RUN) tools/copies.py --fresh $(NB)

test: env ## lint, unit tests, every notebook under strict nbval
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(PYTEST) $(SIDE_BY_SIDE) --nbval $(NOTEBOOKS) tests/units

prove: env ## saboteurs, Run All, Stop, restart, a real browser, one loaded run
	@$(PYTHON) tools/environment.py requirements-prove.txt
	$(PYTEST) -n 4 -m "not alone" tests/prove
	$(PYTEST) -m alone tests/prove

soak: env ## ten strict runs of every notebook beside two busy loops
	$(RUN) tools/soak.py 10 $(NOTEBOOKS)

bench: env ## what the course promises of itself, measured beside its rivals (ONLY="wire span")
	@$(RUN) tools/bench.py $(ONLY)

store: env ## run notebooks and store their outputs (all, or NB=notebooks/10_blocking.ipynb)
	$(RUN) tools/store.py $(or $(NB),$(NOTEBOOKS))
	$(RUN) tools/pages.py

record: env ## make the stored runs afresh (needs every program and feature)
	WIRE_RECORD=1 $(RUN) tools/store.py $(or $(NB),$(NOTEBOOKS))

pages: env ## write heads, feet and the README's table from the notebooks' metadata
	$(RUN) tools/pages.py

format: env ## let ruff mend what it can
	$(RUN) -m ruff check --fix
	$(RUN) -m ruff format

lock: ## choose the newest versions that fit pyproject.toml (needs the network)
	$(PYTHON) -m venv .venv-lock && .venv-lock/bin/python -m pip install -q uv
	.venv-lock/bin/uv pip compile pyproject.toml --upgrade --universal --python-version 3.11 \
		--quiet --no-annotate --custom-compile-command "make lock" -o requirements.txt
	printf 'playwright\nviztracer\n' | .venv-lock/bin/uv pip compile - --constraint requirements.txt --universal \
		--python-version 3.11 --quiet --no-annotate --custom-compile-command "make lock" \
		-o requirements-prove.txt
	printf 'mitmproxy\nopentelemetry-sdk\ntuspyserver\nuvicorn\n' | .venv-lock/bin/uv pip compile - --universal \
		--python-version 3.11 --quiet --no-annotate --custom-compile-command "make lock" \
		-o requirements-bench.txt
	echo jupyter-repo2docker | .venv-lock/bin/uv pip compile - --universal --python-version 3.11 \
		--quiet --no-annotate --custom-compile-command "make lock" -o requirements-binder.txt

clean: ## remove the environments and the caches
	rm -rf .venv .venv-* .pytest_cache .ruff_cache
