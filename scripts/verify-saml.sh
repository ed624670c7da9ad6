#!/usr/bin/env bash
# Changes the checks of a login one by one and looks whether a test notices, and throws a million damaged answers of each
# kind at the door. Writes what it saw. An hour or more; needs cargo-mutants (cargo install cargo-mutants --locked).
# Usage: verify-saml.sh FILE
set -euo pipefail
cd "$(dirname "$0")/.."
file=$1 iterations=${ITERATIONS:-1000000}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

sources=()
for name in checks rules attributes login once response logout assertion encrypted filter/signature filter; do
  sources+=(--file "crates/auth-saml/src/$name.rs")
done
# Left out of the tests: the real identity provider, which knows nothing of most mutants, and the fuzzing itself.
cargo mutants --no-shuffle --package llmgw-auth-saml "${sources[@]}" \
  --test-package llmgw-auth-saml,llmgw-xmlsec-samael --output "$out" --timeout 100 \
  -- --lib --tests -- --skip simplesaml --skip fuzz || true

began=$(date +%s)
BOLERO_RANDOM_ITERATIONS=$iterations cargo test --release --package llmgw-xmlsec-samael fuzz 2>&1 | tee "$out/fuzz"
took=$(($(date +%s) - began))

python3 - "$out" "$iterations" "$took" >"$file" <<'PYTHON'
import datetime, json, pathlib, re, sys

out, iterations, took = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
lines = {name: (out / "mutants.out" / f"{name}.txt").read_text().splitlines() for name in ("caught", "missed", "timeout", "unviable")}
caught, missed = len(lines["caught"]) + len(lines["timeout"]), len(lines["missed"])
fuzz = (out / "fuzz").read_text()
print("# What the tests of a login notice, measured\n")
print(f"Made by `make verify-saml` on {datetime.date.today()}.\n\n## Mutants\n")
print(f"`cargo mutants` changed the checks of `llmgw-auth-saml` {caught + missed} times: {caught} changes were noticed "
      f"({len(lines['timeout'])} of them by never ending), {missed} were not: {100 * caught / (caught + missed):.1f} %. "
      f"{len(lines['unviable'])} did not compile and do not count.\n")
if missed:
    print("Not noticed:\n")
    print("\n".join(f"- `{line}`" for line in lines["missed"]))
print(f"\n## Damaged answers\n\n{iterations:,} runs of each of these, {took} s in all, two at a time:\n")
for test, result in re.findall(r"^test fuzz::(\S+) \.\.\. (\S+)", fuzz, re.M):
    print(f"- `{test}`: {result}")
PYTHON
cat "$file"
! grep -q ": FAILED" "$file"
