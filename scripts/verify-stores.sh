#!/usr/bin/env bash
# Runs the long checks over three gateways and keeps what they say.
# Usage: verify-stores.sh CHAOS GATEWAY FILE
set -euo pipefail

chaos=$1 gateway=$2 file=$3
mkdir -p "$(dirname "$file")"
failed=0

{
  echo "# What holds over three gateways, measured"
  echo
  echo "Made by \`make verify-stores\` on $(date -u +%Y-%m-%d): $(nproc) cores, $(awk '/MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo) GiB,"
  echo "which clients, model server, three gateways, Redis and MongoDB share. The checks are in \`tests/chaos\`."
  echo
  "$chaos" --gateway "$gateway" stores || failed=1
  echo "## chaos"
  echo
  echo "\`make chaos SEEDS=${SEEDS:-20}\`: gateways, Redis and MongoDB are killed, frozen, flushed and cut off, clients leave"
  echo "and model servers die, while load runs."
  echo
  echo '```text'
  "$chaos" --gateway "$gateway" chaos --seeds "${SEEDS:-20}" || failed=1
  echo '```'
  [ "$failed" = 0 ] || echo "SOMETHING IS NOT AS IT MUST BE"
} | tee "$file"

! grep -qE 'BROKEN|NOT AS IT MUST BE' "$file"
