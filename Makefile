# Two commands matter: `make demo` shows the product, `make test` proves it.
# Both do all their own set-up on a machine with Rust, Node, Python and git.

.DEFAULT_GOAL := help
.PHONY: help demo build test test-rust test-ui test-browser test-python test-clients lint bench screenshots api clean \
	ui-lint ui-typecheck ui-test ui-api-check ui-budget

CARGO ?= cargo
NPM_CI := npm ci --no-audit --no-fund --loglevel=error
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD := 1
DEMO_DATA ?= .smoltrace/demo

help: ## What can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ui/node_modules/.built ## Build, load the bundled recordings and simulated runs, serve http://127.0.0.1:7860
	$(CARGO) build --locked --profile demo --bin smoltrace
	target/demo/smoltrace demo --data-dir $(DEMO_DATA)

build: ui/node_modules/.built ## The release binary: target/release/smoltrace
	$(CARGO) build --locked --release --bin smoltrace

test: lint test-ui test-rust test-browser test-python test-clients ## Everything: formatting, lints, Rust, UI, browser, Python, OpenTelemetry clients
	@echo "all tests passed"

lint: ## Formatting and clippy, warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

test-rust: ui/node_modules/.built ## All Rust tests
	$(CARGO) test --locked --workspace --no-fail-fast

test-ui: ui/node_modules/.built ## UI: generated client, types, lint, unit tests, size of what is loaded
	$(MAKE) --no-print-directory -j2 ui-lint ui-typecheck ui-test ui-api-check ui-budget

ui-lint ui-typecheck ui-test ui-budget: ui-%:
	cd ui && npm run --silent $*

ui-api-check:
	cd ui && npm run --silent api:check

test-browser: ui/node_modules/.built ## The screens in the system's Chromium, against the real binary, and their budgets of time
	scripts/ensure-chromium
	$(CARGO) test --locked --workspace --no-run
	cd ui && SMOLTRACE_BIN="$(CURDIR)/target/debug/smoltrace" npm run --silent e2e
	SMOLTRACE_BIN="$(CURDIR)/target/debug/smoltrace" node bench/browser.mjs --check

test-python: ## The Python module and what Python reads of our exports
	$(CARGO) test --locked --workspace --no-run
	SMOLTRACE_BIN="$(CURDIR)/target/debug/smoltrace" crates/py/test.sh

test-clients: ## Real OpenTelemetry clients and smolagents agents, from their packages, against the real program
	$(CARGO) test --locked --workspace --no-run
	SMOLTRACE_BIN="$(CURDIR)/target/debug/smoltrace" crates/collect/tests/clients/run
	SMOLTRACE_BIN="$(CURDIR)/target/debug/smoltrace" crates/eval/tests/clients/run

bench: ui/node_modules/.built ## The figures of docs/benchmarks.md, measured again on this machine
	scripts/ensure-chromium
	$(CARGO) build --locked --release --bin smoltrace --example load --example endpoint
	SMOLTRACE_BIN="$(CURDIR)/target/release/smoltrace" bench/run

screenshots: ui/node_modules/.built ## docs/screenshots, every screen at three widths in both themes
	scripts/ensure-chromium
	$(CARGO) build --locked --profile demo --bin smoltrace
	cd ui && SMOLTRACE_BIN="$(CURDIR)/target/demo/smoltrace" npm run --silent screenshots

api: ## ui/openapi.json and the client's types, after a change of the REST API
	UPDATE_OPENAPI=1 $(CARGO) test --locked -p smoltrace-server openapi
	cd ui && npm run --silent api:generate

clean: ## Remove what was built
	rm -rf target ui/dist ui/node_modules .venv .venv-clients crates/collect/tests/clients/js/node_modules .smoltrace

ui/node_modules/.installed: ui/package.json ui/package-lock.json
	cd ui && $(NPM_CI)
	touch $@

UI_SOURCES := $(shell find ui/src ui/public ui/index.html ui/vite.config.ts ui/openapi.json -type f 2>/dev/null)
ui/node_modules/.built: ui/node_modules/.installed $(UI_SOURCES)
	cd ui && npm run --silent build
	touch $@
