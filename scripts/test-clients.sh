#!/usr/bin/env bash
# Tries every client of tests/clients through the gateway `$1` and writes what each was seen to do to `$2`.
set -euo pipefail
cd "$(dirname "$0")/.."
set -a
eval "$(scripts/install-client-deps.sh)"
eval "$(python3 tests/modelserver/fetch.py --sdk)"
LLMGW_STANDALONE_BIN=$1 LLMGW_CLIENTS_PAGE=$2
"$LLMGW_SDK_PYTHON" -B -m pytest -c tests/pytest.ini tests/clients
