"""One gateway, two real model servers and two broken ones, for the whole run.

The clients are what people install; all they are given is the gateway's address and a key.
"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

import anthropic
import openai
import pytest

from gateway import UPSTREAM_KEY, Calls
from stubs import LoadingServer
from tap import Tap

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "modelserver"))
from admin import Admin  # noqa: E402
from servers import start_gateway, start_model_server  # noqa: E402


def pytest_collection_modifyitems(items):
    # The ledger is judged when everything that should stand in it was sent.
    items.sort(key=lambda item: item.path.name == "test_ledger.py")


@pytest.fixture(scope="session")
def folder():
    """Logs and data of the servers. pytest's own temporary folders would stay behind."""
    with tempfile.TemporaryDirectory(prefix="llmgw-sdk-") as path:
        yield pathlib.Path(path)


@pytest.fixture(scope="session")
def model_servers(folder):
    """{model id: address}. The same weights answer chats and make embeddings, in a process each."""
    fetched = subprocess.run(
        [sys.executable, ROOT / "tests" / "modelserver" / "fetch.py", "--json"],
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    os.environ |= json.loads(fetched.stdout)
    running = []
    try:
        running.append(start_model_server(folder, "smollm2", UPSTREAM_KEY))
        running.append(start_model_server(folder, "smollm2-embed", UPSTREAM_KEY, mode="embed"))
        yield {"smollm2": running[0].ready["listening"], "smollm2-embed": running[1].ready["listening"]}
    finally:
        statuses = [server.stop() for server in running]
    assert statuses == [0, 0]


@pytest.fixture(scope="session")
def taps(model_servers):
    """{model id: the wire between the gateway and that model's server}."""
    wires = {model: Tap(address) for model, address in model_servers.items()}
    yield wires
    for wire in wires.values():
        wire.close()


@pytest.fixture(scope="session")
def broken_servers():
    """{model id: address} of a server that is not there, and of one that never finishes loading."""
    # Bound but not listening: refuses connections, and nobody else can take the port meanwhile.
    with socket.socket() as closed, LoadingServer() as loading:
        closed.bind(("127.0.0.1", 0))
        yield {"gone": f"http://127.0.0.1:{closed.getsockname()[1]}", "loading": loading.address}


@pytest.fixture(scope="session")
def gateway(folder, taps, broken_servers):
    """What the gateway printed when it served: its addresses and keys."""
    default = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug" / "llm-gateway-standalone"
    binary = pathlib.Path(os.environ.get("LLMGW_STANDALONE_BIN", default))
    if not binary.exists():
        pytest.exit(f"there is no {binary}; build it: cargo build --package llmgw-standalone", returncode=1)
    upstreams = {model: wire.address for model, wire in taps.items()} | broken_servers
    server = start_gateway(binary, folder, upstreams, UPSTREAM_KEY)
    try:
        yield server.ready
    finally:
        status = server.stop()
    assert status == 0, server.said()


@pytest.fixture(scope="session")
def admin(gateway):
    return Admin(gateway["admin"], gateway["admin_key"])


@pytest.fixture(scope="session")
def calls():
    """Every request that a client of this run sent to the gateway."""
    return Calls()


@pytest.fixture(scope="session")
def openai_client(gateway, calls):
    """Makes a client for a key; without one, for the key of the first start."""

    def make(key=None):
        return openai.OpenAI(
            base_url=gateway["api"],
            api_key=key or gateway["key"],
            # Each call must be one request, or the ledger could not be compared with the calls.
            max_retries=0,
            http_client=openai.DefaultHttpxClient(event_hooks={"response": [calls.note]}),
        )

    return make


@pytest.fixture(scope="session")
def anthropic_client(gateway, calls):
    """The same for Anthropic's client, which adds `/v1` itself and sends the key as `x-api-key`."""

    def make(key=None):
        return anthropic.Anthropic(
            base_url=gateway["api"].removesuffix("/v1"),
            api_key=key or gateway["key"],
            max_retries=0,
            http_client=anthropic.DefaultHttpxClient(event_hooks={"response": [calls.note]}),
        )

    return make


@pytest.fixture
def ai(openai_client):
    return openai_client()


@pytest.fixture
def claude(anthropic_client):
    return anthropic_client()
