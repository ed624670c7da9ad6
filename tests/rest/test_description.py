"""The administration's REST API keeps to its own description, whatever it is sent: tried by schemathesis.

LLMGW_REST_EXAMPLES is the most requests it makes up for each operation, 25 unless given.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "modelserver"))
from servers import start_gateway  # noqa: E402

SECONDS = 1500
# After 20 failures within a minute a caller without a key gets 429, and not 401; a test of its own tries each route. A key
# that was deleted is revoked and stays in the list; a user who was deleted is erased, and their use stays.
NOT_MEANT = "ignored_auth,use_after_free"
CONFIG = pathlib.Path(__file__).with_name("schemathesis.toml")


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="llmgw-rest-") as path:
        yield pathlib.Path(path)


@pytest.fixture
def gateway(folder):
    binary = pathlib.Path(os.environ["LLMGW_STANDALONE_BIN"])
    # Nobody listens there, and nobody is asked.
    running = start_gateway(binary, folder, {"smollm2": "http://127.0.0.1:9"}, "unused")
    try:
        yield running
    finally:
        status = running.stop()
    assert status == 0


def test_the_api_keeps_to_its_description(gateway, folder):
    admin, key = gateway.ready["admin"], gateway.ready["admin_key"]
    command = [pathlib.Path(sys.executable).parent / "schemathesis", "--config-file", CONFIG]
    command += ["run", f"{admin}/api/v1/openapi.json"]
    command += ["--url", admin, "--header", f"Authorization: Bearer {key}"]
    command += ["--checks", "all", "--exclude-checks", NOT_MEANT, "--max-examples", os.environ.get("LLMGW_REST_EXAMPLES", "25")]
    command += ["--seed", "1", "--generation-database", "none", "--no-color", "--continue-on-failure"]
    ran = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"SCHEMATHESIS_HOOKS": "checks", "PYTHONPATH": str(pathlib.Path(__file__).parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SECONDS,
        text=True,
    )
    said = ran.stdout.replace(key, "[the admin key]")
    print(said[-20_000:])
    assert ran.returncode == 0
