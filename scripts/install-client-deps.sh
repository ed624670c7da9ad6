#!/usr/bin/env bash
# Brings the clients that `make test-clients` tries, from PyPI, npm and crates.io, into the cache folder, and says where they
# are as lines that a shell can `eval`. Needs npm; Node.js itself comes from npm, since some clients want a newer one.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v npm >/dev/null; then
  if ((EUID == 0)) && command -v apt-get >/dev/null; then
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends npm; } >&2
  else
    echo "npm is missing; on Debian: sudo apt-get install -y npm" >&2
    exit 1
  fi
fi
eval "$(python3 tests/modelserver/fetch.py --sdk)"
cache=${LLMGW_CACHE:-$HOME/.cache/llmgw}
python=$cache/clients-$(cat tests/clients/requirements.txt | sha256sum | head -c 10)
if [[ ! -e $python/.complete ]]; then
  rm -rf "$python"
  python3 -m venv "$python" >&2
  "$LLMGW_SDK_PYTHON" -m uv pip install --python "$python/bin/python" --requirements tests/clients/requirements.txt >&2
  touch "$python/.complete"
fi
server=$cache/clients-modelserver
if [[ ! -e $server/.complete ]]; then
  rm -rf "$server"
  python3 -m venv "$server" >&2
  # See tests/clients/calling_server.py for why it is this one.
  "$server/bin/python" -m pip install --quiet --no-deps --only-binary=:all: xllamacpp==0.2.14 >&2
  touch "$server/.complete"
fi
node=$cache/clients-npm-$(cat tests/clients/package-lock.json | sha256sum | head -c 10)
if [[ ! -e $node/.complete ]]; then
  rm -rf "$node"
  mkdir -p "$node"
  cp tests/clients/package.json tests/clients/package-lock.json "$node/"
  npm ci --prefix "$node" >&2
  touch "$node/.complete"
fi
# Modules are looked for beside the file that wants them.
cp tests/clients/drivers/*.mjs "$node/"
cargo build --quiet --locked --manifest-path tests/clients/async-openai/Cargo.toml --target-dir "$cache/clients-rust" >&2
echo "LLMGW_CLIENTS_MODELSERVER=$server/bin/python"
echo "LLMGW_CLIENTS_PYTHON=$python/bin/python"
case $(uname -m) in
  x86_64) machine=x64 ;;
  aarch64) machine=arm64 ;;
  *) echo "there is no Node.js for $(uname -m) on npm" >&2 && exit 1 ;;
esac
echo "LLMGW_CLIENTS_NODE=$node/node_modules/node-linux-$machine/bin/node"
echo "LLMGW_CLIENTS_DRIVERS=$node"
echo "LLMGW_CLIENTS_RUST=$cache/clients-rust/debug/llmgw-client-async-openai"
