#!/usr/bin/env bash
# People log in, make keys and see what they used, on one machine: `make demo-portal`. Gateway, portal, a real identity
# provider (SimpleSAMLphp), a real model and Redis; ends with Ctrl-C.
# `make demo-portal ONCE=1` lets a browser go the whole way instead, and ends with what the tests say.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-test-deps.sh
echo "demo: building gateway, portal and administration (the first time takes minutes)"
cargo build --release --package llmgw-gateway --package llmgw-portal --package llmgw-admin
target=$(cargo metadata --format-version 1 --no-deps |
  python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
paths=$(python3 tests/modelserver/fetch.py --sdk)
set -a
eval "$paths"
LLMGW_BINARIES=$target/release
set +a

if [[ -n ${ONCE:-} ]]; then
  exec "$LLMGW_SDK_PYTHON" -B -m pytest tests/browser/test_portal.py
fi
exec "$LLMGW_SDK_PYTHON" -B scripts/demo_portal.py --binaries "$LLMGW_BINARIES"
