#!/usr/bin/env bash
# Plays the end of a gateway's pod in the manifests' own seconds, and keeps what was seen.
# Usage: verify-lifecycle.sh FILE PYTHON BINARIES
set -euo pipefail

file=$1 python=$2 binaries=$3
mkdir -p "$(dirname "$file")"
seen=$("$python" -B tests/deploy/lifecycle.py --binaries "$binaries" --stream-seconds "${STREAM_SECONDS:-240}")
{
  echo "# A pod's end, played"
  echo
  echo "Made by \`make verify-lifecycle\` on $(date -u +%Y-%m-%d): $(nproc) cores that the gateway, its Redis, 500 clients and their"
  echo "model server share. Probes, preStop, linger, drain and grace are those of \`deploy/kustomize/overlays/production\`; times"
  echo "are seconds since the pod was deleted. Short requests came every 20 ms until the last proxy would know."
  echo
  echo "| | |"
  echo "|---|--:|"
  echo "$seen"
} | tee "$file"
