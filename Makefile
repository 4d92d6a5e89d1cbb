# The README's two commands: `make demo` and `make test`. The rest is for developers.
ARGS ?=
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)

.PHONY: demo test test-spark questions check explore bench soak catalog uv

demo: uv ## the whole loop on real logged data; neither root nor apt
	@$(UV) sync --quiet --no-dev --extra all
	@$(UV) run --quiet --no-sync breakeven demo $(ARGS)

# One process per core for all but the tests that start processes of their own and keep time; 5 is "no test chosen".
test: uv ## everything; installs Chromium by apt when it is missing and apt may be used
	@$(UV) sync --quiet --all-extras --no-extra spark
	@sh scripts/install_browser.sh
	@$(MAKE) --no-print-directory check
	@$(UV) run --no-sync pytest -n auto --dist loadfile --no-loadscope-reorder -m "not slow and not spark" $(ARGS) || test $$? -eq 5
	@$(UV) run --no-sync pytest -m "slow and not spark" $(ARGS) || test $$? -eq 5

test-spark: uv ## every question on a real Spark cluster of two workers; installs Java 17 by apt when it is missing
	@$(UV) sync --quiet --all-extras
	@sh scripts/install_java.sh
	@$(UV) run --no-sync pytest -m spark tests/ledger/test_spark.py $(ARGS)

questions: uv ## compiles src/breakeven/ledger/engine/ask to the committed SQL of DuckDB and Spark
	@$(UV) run --no-sync python scripts/build_questions.py

check: uv ## lint, format, types, import contracts
	@$(UV) run --no-sync ruff check .
	@$(UV) run --no-sync ruff format --check .
	@$(UV) run --no-sync mypy
	@$(UV) run --no-sync lint-imports

explore: uv ## the laws on examples never drawn before
	@$(UV) sync --quiet --all-extras --no-extra spark
	@HYPOTHESIS_PROFILE=explore $(UV) run --no-sync pytest $(ARGS)

bench: uv ## measures what docs/benchmarks.md states
	@$(UV) sync --quiet --all-extras --no-extra spark
	@$(UV) run --no-sync python bench/run.py $(ARGS)

soak: uv ## a million requests, and every fault by the wall clock: docs/reliability.md; about three hours
	@$(UV) sync --quiet --all-extras --no-extra spark
	@$(UV) run --no-sync python bench/gateway.py --soak 1000000
	@$(UV) run --no-sync python bench/faults_gateway.py
	@$(UV) run --no-sync python bench/faults_ledger.py --kills 1000 --cuts 10000 --histories 10000

catalog: uv ## writes catalog.json and second/*.json from the YAML beside them; refuses to rewrite history
	@$(UV) run --no-sync python scripts/build_catalog.py $(ARGS)

uv:
	@command -v uv >/dev/null 2>&1 || test -x .uv/bin/uv || \
	  python3 -m pip install --quiet --target .uv uv
