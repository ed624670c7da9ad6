"""The shell and Python blocks of README.md and of docs/guides/start.md do what they say, with the built programs.

They run as they stand, in a folder of their own, but for three things: addresses and keys that the reader would put in are
put in; `cargo build --release` finds what is built already, in the tests' profile; servers take free ports.
"""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = pathlib.Path(os.environ["LLMGW_BINARIES"])
sys.path.insert(0, str(ROOT / "tests" / "modelserver"))
from servers import start_model_server  # noqa: E402

BLOCK = re.compile(r"^```([a-z,]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS = 300
LISTENERS = ("GATEWAY__LISTEN", "GATEWAY__HEALTH_LISTEN", "ADMIN__LISTEN", "PORTAL__LISTEN")
# Builds nothing: says that what was asked for is there, or that it is not.
CARGO = """#!/bin/sh
set -eu
case "$1" in
  build)
    shift
    for word in "$@"; do case "$word" in
      build | --release | --package) ;;
      llmgw-gateway) test -x "$LLMGW_TEST_BINARIES/llm-gateway" ;;
      llmgw-*) test -x "$LLMGW_TEST_BINARIES/llm-gateway-${word#llmgw-}" ;;
      *) echo "cargo: what is $word?" >&2; exit 1 ;;
    esac; done ;;
  metadata) echo "{\\"target_directory\\": \\"$PWD/target\\"}" ;;
  *) echo "cargo: what is $1?" >&2; exit 1 ;;
esac
"""


def blocks(path):
    return [(kind.split(","), text) for kind, text in BLOCK.findall((ROOT / path).read_text())]


@pytest.fixture
def workplace():
    """A folder that looks like a clone in which everything is built."""
    with tempfile.TemporaryDirectory(prefix="llmgw-start-") as name:
        folder = pathlib.Path(name)
        for entry in ("Makefile", "Cargo.toml", "scripts", "tests", "docs", "README.md"):
            (folder / entry).symlink_to(ROOT / entry)
        (folder / "target").mkdir()
        (folder / "target" / "release").symlink_to(BINARIES)
        cargo = folder / "shim" / "cargo"
        cargo.parent.mkdir()
        cargo.write_text(CARGO)
        cargo.chmod(0o755)
        yield folder


def environment(folder):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LLMGW_")}
    free = {f"LLMGW_{name}": "127.0.0.1:0" for name in LISTENERS}
    return inherited | free | {"PATH": f"{folder}/shim:{os.environ['PATH']}", "LLMGW_TEST_BINARIES": str(BINARIES)}


def run(script, folder):
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    )
    assert ran.returncode == 0, f"{script}\n{ran.stdout[-5000:]}"
    return ran.stdout


def until(holds):
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


@contextlib.contextmanager
def model_server():
    fetch = [sys.executable, ROOT / "tests" / "modelserver" / "fetch.py", "--json"]
    os.environ |= json.loads(subprocess.run(fetch, stdout=subprocess.PIPE, check=True).stdout)
    with tempfile.TemporaryDirectory(prefix="llmgw-start-model-") as folder:
        server = start_model_server(pathlib.Path(folder), "smollm2", "the model server's key")
        try:
            yield server.ready["listening"]
        finally:
            server.stop()


@contextlib.contextmanager
def serving(script, folder, key):
    """Runs a block that serves, until it says where; gives what it said."""
    log = folder / "serving.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", re.sub(r"^(target/release/\S+-standalone)", r"exec \1", script, flags=re.MULTILINE)],
            cwd=folder,
            env=environment(folder) | {"INFERENCE_KEY": key},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 60
        while "curl http" not in log.read_text() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        yield log.read_text()
    finally:
        process.terminate()
        status = process.wait(timeout=60)
    assert status == 0, log.read_text()


def test_the_guide_to_start_works_as_it_is_written(workplace):
    found = blocks("docs/guides/start.md")
    assert [kind[0] for kind, _ in found] == ["sh", "sh", "text", "sh", "python", "sh"]
    [(_, demo), (kind, serve), _, (_, ask), (_, client), (_, give)] = found
    assert kind == ["sh", "serves"]
    said = run(demo, workplace)
    assert "smollm2" in said

    with model_server() as address, serving(serve.replace("http://127.0.0.1:8000", address), workplace, "the model server's key") as greeting:
        api = re.search(r"LLM API +http://(\S+)/v1", greeting)[1]
        key = re.search(r"shown only now:\n\n +(sk-llmgw-\S+)", greeting)[1]

        def filled(text):
            return text.replace("127.0.0.1:8080", api).replace("sk-llmgw-...", key)

        answered = run(filled(ask), workplace)
        assert '"usage"' in answered and '"limits"' in answered
        python = subprocess.run([sys.executable, "-c", filled(client)], stdout=subprocess.PIPE, check=True, text=True, timeout=SECONDS)
        assert python.stdout.strip()
        # A record is in the ledger within about a second.
        report = give.splitlines()[-1]
        assert "usage report" in report
        until(lambda: "smollm2" in run(report, workplace))
        reported = run(give, workplace)
        assert "alice" in reported and "smollm2" in reported and "local" in reported
    # What the guide shows is what it prints, but for ports and tokens.
    shown = next(text for kind, text in found if kind == ["text"])
    for line in (line.strip() for line in shown.splitlines()):
        assert not line or re.split(r"  +", line)[0].split("http")[0] in greeting, line


def test_the_commands_of_the_readme_are_there_and_the_demo_runs(workplace):
    found = [text for kind, text in blocks("README.md") if kind[0] == "sh"]
    assert found == ["make demo\n", "make test\n", "make demo-portal\n"]
    # `make test` is what runs this; the pages that `make demo-portal` shows have tests of their own.
    for command in found:
        run(command.replace("make", "make --dry-run"), workplace)
    assert "prompt" in run("make demo ONCE=1", workplace)
