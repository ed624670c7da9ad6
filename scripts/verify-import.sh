#!/usr/bin/env bash
# Imports many rows from a database in the shapes of the replaced system, and keeps what was measured.
# Usage: verify-import.sh FILE ROWS
set -euo pipefail

file=$1 rows=$2
mkdir -p "$(dirname "$file")"
cargo build --release --package llmgw-gateway --package llmgw-admin
measured=$(LLMGW_REQUIRE_STORES=1 LLMGW_IMPORT_ROWS=$rows cargo test --release --package llmgw-tests --test e2e -- \
  --exact replica::imported::many_rows_come_with_equal_sums --nocapture | grep '^- ')
{
  echo "# An import, measured"
  echo
  echo "Made by \`make verify-import\` on $(date -u +%Y-%m-%d): $(nproc) cores, $(awk '/MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo) GiB,"
  echo "which the MongoDB that is read, the one that is written (the same server) and the command share."
  echo
  echo "$measured"
} | tee "$file"
