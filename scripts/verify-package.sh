#!/usr/bin/env bash
# Packs every library of crates/ as crates.io would get it. With a page to write, each package is also built from what was
# packed, against the packages before it, which takes some ten minutes; without one only the packing is tried, and the
# documentation made without a warning.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=()
for folder in crates/*/; do
  packages+=(--package "llmgw-$(basename "$folder")")
done
if (($# == 0)); then
  RUSTDOCFLAGS="--deny warnings" cargo doc --locked --no-deps --quiet "${packages[@]}"
  exec cargo package --locked --no-verify --allow-dirty --quiet "${packages[@]}"
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
began=$SECONDS
cargo package --locked "${packages[@]}" 2>&1 | tee "$log"
{
  echo "# Packages"
  echo
  echo "Made by \`make verify-package\` on $(date +%F), with $(rustc --version | cut -d' ' -f1,2), at $(git rev-parse --short HEAD)."
  echo "Each library was packed, and built from what was packed with those above it and nothing else of this repository;"
  echo "$((SECONDS - began)) s."
  echo
  echo "| package | size, compressed |"
  echo "|---|--:|"
  for name in $(sed -nE 's/^ *Verifying ([a-z-]+) v.*/\1/p' "$log"); do
    size=$(stat --format %s target/package/"$name"-[0-9]*.crate)
    echo "| $name | $((size / 1024)) KiB |"
  done
} > "$1"
