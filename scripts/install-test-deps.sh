#!/usr/bin/env bash
# Brings what `make test` needs: Debian packages where it may install them (as root, or with sudo that asks no
# password), and the model server, client libraries and MongoDB server in the cache folder. Says what is missing
# where it may not.
#
#   install-test-deps.sh [--bench]     --bench: what `make bench` needs, which is nginx and no Python packages
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=() # Debian packages whose commands are not here
want() { # want PACKAGE COMMAND...
  local package=$1
  shift
  "$@" >/dev/null 2>&1 || wanted+=("$package")
}

want build-essential command -v cc
want ca-certificates test -e /etc/ssl/certs/ca-certificates.crt
want python3 command -v python3
if [[ ${1:-} == --bench ]]; then
  # Debian puts nginx into sbin, which is on root's path only.
  want nginx-light env PATH="$PATH:/usr/sbin" nginx -v
else
  want curl command -v curl
  # venv alone is no proof: Debian ships the pip that goes into an environment apart.
  want python3-venv python3 -c 'import ensurepip, venv'
  # Tests start their own; the service that Debian may start upon installing is never used.
  want redis-server command -v redis-server
  # What renders the Kubernetes manifests.
  want kubernetes-client command -v kubectl
  # What checks alert rules; the service is never used either.
  want prometheus command -v promtool
  # What XML signatures are built with, and the identity provider that tests log in at.
  want pkg-config command -v pkg-config
  want libxmlsec1-dev test -e /usr/include/xmlsec1
  want libxml2-dev test -e /usr/include/libxml2
  want libssl-dev test -e /usr/include/openssl/ssl.h
  want libclang-dev sh -c 'ls /usr/lib/llvm-*/lib/libclang.so || ls /usr/lib/*/libclang.so'
  want openssl command -v openssl
  want xmlsec1 command -v xmlsec1
  want simplesamlphp test -e /usr/share/simplesamlphp/www
  want php-cli command -v php
  for extension in xml mbstring curl sqlite3; do
    want "php-$extension" sh -c "php -m | grep -qix '${extension/xml/dom}'"
  done
  # What the pages are looked at with.
  want chromium command -v chromium
  want fonts-dejavu-core test -e /usr/share/fonts/truetype/dejavu
  # The MongoDB server's only library that is not everywhere; it brings the others.
  want libcurl4 sh -c 'PATH="$PATH:/sbin"; ldconfig -p | grep -q "libcurl\.so\.4 "'
fi

if ((${#wanted[@]})); then
  install=(apt-get install -y --no-install-recommends "${wanted[@]}")
  if ! command -v apt-get >/dev/null; then
    echo "missing, under the names Debian gives them: ${wanted[*]}" >&2
    exit 1
  elif ((EUID == 0)); then
    as_root=(env DEBIAN_FRONTEND=noninteractive)
  elif sudo -n true 2>/dev/null; then
    as_root=(sudo -n env DEBIAN_FRONTEND=noninteractive)
  else
    echo "missing: ${wanted[*]}; install with: sudo ${install[*]}" >&2
    exit 1
  fi
  echo "installing ${wanted[*]}"
  # Lists of a fresh machine are empty or old.
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" "${install[@]}"
fi

if ! command -v cargo >/dev/null; then
  echo "cargo is missing; see https://www.rust-lang.org/tools/install" >&2
  exit 1
fi
if [[ ${1:-} != --bench ]]; then
  # What builds the book of the documents. Without what serves and searches it, that takes a minute or two, once.
  mdbook_version=0.4.52 cache=${LLMGW_CACHE:-$HOME/.cache/llmgw}
  mdbook=$cache/mdbook-$mdbook_version
  if [[ ! -x $mdbook/bin/mdbook ]]; then
    echo "building mdbook $mdbook_version"
    cargo install mdbook --version "$mdbook_version" --locked --no-default-features --quiet \
      --root "$mdbook" --target-dir "$mdbook/target"
    rm -rf "$mdbook/target"
  fi
  python3 tests/modelserver/fetch.py --sdk --mongod
fi
