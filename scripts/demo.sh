#!/usr/bin/env bash
# One real answer of a real model through the gateway, with the usage row it leaves: `make demo`.
# `make demo ONCE=1` ends after that; otherwise both servers stay up until Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."

# A missing tool is named with the command that brings it, before anything is downloaded or built.
missing=()
need() { # need COMMAND HOW-TO-INSTALL
  command -v "$1" >/dev/null || missing+=("$1 is missing; install it with: $2")
}
need python3 "sudo apt-get install -y python3 python3-venv"
need curl "sudo apt-get install -y curl"
need cc "sudo apt-get install -y build-essential"
need cargo "see https://www.rust-lang.org/tools/install (Rust $(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml) or newer)"
if command -v python3 >/dev/null && ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
  missing+=("python3-venv is missing; install it with: sudo apt-get install -y python3-venv")
fi
if ((${#missing[@]})); then
  printf 'demo: %s\n' "${missing[@]}" >&2
  exit 1
fi

echo "demo: 1/3 the model server and SmolLM2-135M (once about 130 MB, then from the cache)"
paths=$(python3 tests/modelserver/fetch.py)
set -a
eval "$paths"
set +a

echo "demo: 2/3 building the gateway (the first time takes minutes)"
cargo build --release --package llmgw-standalone
target=$(cargo metadata --format-version 1 --no-deps |
  python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')

echo "demo: 3/3 starting both"
exec python3 scripts/demo.py --gateway "$target/release/llm-gateway-standalone" ${ONCE:+--once}
