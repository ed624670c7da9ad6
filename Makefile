# The commands people type. `make` alone lists them.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help demo demo-portal test test-rust test-sdk lint format bench bench-ledger chaos test-clients verify-chargeback verify-import verify-lifecycle verify-package verify-rest verify-stores verify-saml

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

demo: ## a real model answers through the gateway; ONCE=1 ends after the answer
	@ONCE=$(ONCE) scripts/demo.sh

demo-portal: ## people log in at a real identity provider and make keys; ONCE=1 lets a browser do it and ends
	@ONCE=$(ONCE) scripts/demo-portal.sh

test: ## installs what tests need where it may, then runs all of them
	@scripts/install-test-deps.sh
	@$(MAKE) --no-print-directory test-rust
	@$(MAKE) --no-print-directory test-sdk

test-rust: ## the Rust tests alone
	$(CARGO) build --package llmgw-standalone --package llmgw-gateway --package llmgw-admin --package llmgw-portal
	$(CARGO) test --workspace --no-fail-fast

# Its last line is pytest's summary, which is also the last line of `make test`.
test-sdk: ## the OpenAI and Anthropic clients against a real model, and the pages in a real browser, with the built programs
	@eval "$$(python3 tests/modelserver/fetch.py --sdk)" && \
	  LLMGW_STANDALONE_BIN="$(abspath $(TARGET))/debug/llm-gateway-standalone" \
	  LLMGW_BINARIES="$(abspath $(TARGET))/debug" \
	  "$$LLMGW_SDK_PYTHON" -B -m pytest tests/sdk tests/browser tests/rest tests/metrics tests/deploy tests/docs

lint: ## formatting, clippy, the crates' documentation and packages; warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- --deny warnings
	@scripts/verify-package.sh

format: ## formats the code
	$(CARGO) fmt --all

bench: ## the gateway beside nginx and the bare mock; ARGS=--quick for a short look; STORES=1 on Redis and MongoDB
	@scripts/install-test-deps.sh --bench
ifeq ($(STORES),)
	$(CARGO) build --release --package llmgw-standalone --package llmgw-bench
	@PATH="$$PATH:/usr/sbin" "$(TARGET)/release/llmgw-bench" run \
	  --gateway "$(TARGET)/release/llm-gateway-standalone" $(ARGS)
else
	$(CARGO) build --release --package llmgw-gateway --package llmgw-admin --package llmgw-bench
	@PATH="$$PATH:/usr/sbin" "$(TARGET)/release/llmgw-bench" run --out target/bench-stores \
	  --gateway "$(TARGET)/release/llm-gateway" --admin "$(TARGET)/release/llm-gateway-admin" $(ARGS)
endif

chaos: ## three gateways while everything breaks, and whether the ledger is true after; SEEDS=n REQUESTS=n
	@scripts/install-test-deps.sh
	$(CARGO) build --release --package llmgw-gateway --package llmgw-chaos
	@"$(TARGET)/release/llmgw-chaos" --gateway "$(TARGET)/release/llm-gateway" chaos \
	  --seeds $(or $(SEEDS),1) --requests $(or $(REQUESTS),20000) $(ARGS)

verify-stores: ## the long checks over three gateways, half an hour or more; writes docs/evidence/stores.md
	@scripts/install-test-deps.sh
	$(CARGO) build --release --package llmgw-gateway --package llmgw-chaos
	@scripts/verify-stores.sh "$(TARGET)/release/llmgw-chaos" "$(TARGET)/release/llm-gateway" docs/evidence/stores.md

test-clients: ## ten clients of PyPI, npm and crates.io against real model servers; writes docs/reference/clients.md; needs npm
	@scripts/install-test-deps.sh
	$(CARGO) build --package llmgw-standalone
	@scripts/test-clients.sh "$(abspath $(TARGET))/debug/llm-gateway-standalone" docs/reference/clients.md

verify-package: ## every library as a package, built from what was packed; ten minutes; writes docs/evidence/package.md
	@scripts/verify-package.sh docs/evidence/package.md

verify-saml: ## whether the tests notice each check of a login, and a million damaged answers; writes docs/evidence/saml.md
	@scripts/install-test-deps.sh
	@scripts/verify-saml.sh docs/evidence/saml.md

verify-import: ## a million rows of the replaced system; writes docs/evidence/import.md; ROWS=n
	@scripts/install-test-deps.sh
	@scripts/verify-import.sh docs/evidence/import.md $(or $(ROWS),1000000)

verify-rest: ## the administration's REST API against its own description, and the LLM API against OpenAI's; EXAMPLES=n for each operation
	@scripts/install-test-deps.sh
	$(CARGO) build --package llmgw-standalone
	@eval "$$(python3 tests/modelserver/fetch.py --sdk)" && \
	  LLMGW_STANDALONE_BIN="$(abspath $(TARGET))/debug/llm-gateway-standalone" LLMGW_REST_EXAMPLES=$(or $(EXAMPLES),200) \
	  LLMGW_OPENAI_EXAMPLES=$(or $(EXAMPLES),200) \
	  "$$LLMGW_SDK_PYTHON" -B -m pytest tests/rest -s

verify-lifecycle: ## a pod of the gateway deleted under 500 streams, in the manifests' own seconds; writes docs/evidence/lifecycle.md
	@scripts/install-test-deps.sh
	$(CARGO) build --release --package llmgw-gateway --package llmgw-admin
	@eval "$$(python3 tests/modelserver/fetch.py --sdk)" && \
	  scripts/verify-lifecycle.sh docs/evidence/lifecycle.md "$$LLMGW_SDK_PYTHON" "$(abspath $(TARGET))/release"

verify-chargeback: ## a month's chargeback over ten million events as CSV, and the memory it takes; EVENTS=n
	@scripts/install-test-deps.sh
	$(CARGO) build --release --package llmgw-admin
	$(CARGO) bench --package llmgw-store-mongo --bench chargeback -- "$(abspath $(TARGET))/release/llm-gateway-admin" $(or $(EVENTS),10000000)

bench-ledger: ## a report over ten million events, beside asking the events; and events/s taken in; EVENTS=n
	@scripts/install-test-deps.sh
	$(CARGO) bench --package llmgw-store-mongo --bench ledger -- $(or $(EVENTS),10000000)
	$(CARGO) bench --package llmgw-store-mongo --bench ingest
