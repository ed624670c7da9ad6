"""Clients that people use, each against real model servers through the real gateway.

What each was seen to do goes into docs/reference/clients.md (`make test-clients`). A client that has no such thing has a
reason in ABSENT; whatever else does not work is a failure.
"""

import contextlib
import http.client
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(ROOT / "tests" / "modelserver"))
from admin import Admin  # noqa: E402
from servers import Server, start_gateway, start_model_server  # noqa: E402

UPSTREAM_KEY = "the model servers' own key"
CAPABILITIES = {
    "chat": "chat",
    "stream": "streams",
    "tools": "tools",
    "json_schema": "JSON schema",
    "embeddings": "embeddings",
    "errors": "errors as its own",
    "retries": "waits and tries again",
    "no_retry": "does not try again what cannot work",
    "cancel": "stops what it leaves",
}
CLIENTS = {
    "PyPI `openai`": ("python", "openai_python.py", "openai"),
    "PyPI `anthropic`": ("python", "anthropic_python.py", "anthropic"),
    "PyPI `langchain-openai`": ("python", "langchain_python.py", "langchain-openai"),
    "PyPI `litellm`": ("python", "litellm_python.py", "litellm"),
    "PyPI `instructor`": ("python", "instructor_python.py", "instructor"),
    "PyPI `llm`": ("python", "llm_python.py", "llm"),
    "npm `openai`": ("node", "openai_node.mjs", "openai"),
    "npm `@anthropic-ai/sdk`": ("node", "anthropic_node.mjs", "@anthropic-ai/sdk"),
    "npm `ai`": ("node", "ai_node.mjs", "ai"),
    "crates.io `async-openai`": ("rust", None, "async-openai"),
}
ABSENT = {
    ("PyPI `anthropic`", "embeddings"): "Anthropic's API has none",
    ("npm `@anthropic-ai/sdk`", "embeddings"): "Anthropic's API has none",
    ("PyPI `instructor`", "stream"): "it streams parts of objects, which are no text",
    ("PyPI `instructor`", "embeddings"): "it makes objects only",
    ("PyPI `instructor`", "cancel"): "it waits for whole objects",
    ("PyPI `litellm`", "no_retry"): "it has retries of its own, by kind of error",
    ("PyPI `llm`", "tools"): "its models of OpenAI's kind let the model choose, and never must it call",
    ("PyPI `llm`", "embeddings"): "only those of OpenAI itself",
    ("PyPI `llm`", "retries"): "it has none",
    ("PyPI `llm`", "no_retry"): "it has none",
    ("PyPI `llm`", "cancel"): "a prompt that is left goes on to its end in its process",
    ("npm `ai`", "no_retry"): "it does not read `x-should-retry`",
}
SEEN = {}


class Gateway:
    def __init__(self, ready):
        self.ready = ready
        self.admin = Admin(ready["admin"], ready["admin_key"])
        self.api = ready["api"]

    def new_key(self, owner, **more):
        return self.admin.new_key(owner, "client", **more)["key"]

    def events(self, user):
        return self.admin.call("GET", f"/api/v1/usage/events?limit=1000&user={user}")["data"]

    def errors(self, code):
        with urllib.request.urlopen(self.ready["health"] + "/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f'llmgw_errors_total{{code="{code}"'))


@pytest.fixture(scope="module")
def gateway():
    fetched = subprocess.run(
        [sys.executable, ROOT / "tests" / "modelserver" / "fetch.py", "--json"], stdout=subprocess.PIPE, check=True
    )
    os.environ |= json.loads(fetched.stdout)
    with tempfile.TemporaryDirectory(prefix="llmgw-clients-") as name, contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        servers = {}
        for model, mode in (("smollm2", "chat"), ("smollm2-embed", "embed")):
            server = start_model_server(folder, model, UPSTREAM_KEY, mode=mode)
            stack.callback(server.stop)
            servers[model] = server.ready["listening"]
        calling = [os.environ["LLMGW_CLIENTS_MODELSERVER"], HERE / "calling_server.py", os.environ["LLMGW_MODEL_GGUF"]]
        secret = {"MODELSERVER_API_KEY": UPSTREAM_KEY}
        server = Server("model server that calls tools", calling, folder / "calling.log", secret)
        stack.callback(server.stop)
        servers["smollm2-calling"] = server.ready["listening"]
        running = start_gateway(pathlib.Path(os.environ["LLMGW_STANDALONE_BIN"]), folder, servers, UPSTREAM_KEY)
        stack.callback(running.stop)
        gateway = Gateway(running.ready)
        target = {"base_url": servers["smollm2"], "model": "smollm2", "max_in_flight": 1, "secret_text": UPSTREAM_KEY}
        gateway.admin.call("POST", "/api/v1/models", {"id": "one-at-a-time", "targets": [target]})
        yield gateway


@pytest.fixture(scope="module")
def keys(gateway):
    """A key whose limit is used up, and one that no request fits into."""
    limited = gateway.new_key("limited", limits=[{"unit": "requests", "window": "day", "amount": 1}])
    chat(gateway, limited, "smollm2", 1).close()
    never = gateway.new_key("never", limits=[{"unit": "tokens", "window": "day", "amount": 1}])
    return {"LIMITED_KEY": limited, "NEVER_KEY": never}


@pytest.fixture
def trial(gateway, keys, request):
    """One client that is asked for one thing, with a key of its own."""
    client, capability = request.param
    owner = f"{CLIENTS[client][1] or client}-{capability}".translate({ord(char): "-" for char in " `/@._"})
    return Trial(gateway, client, capability, owner, keys | {"KEY": gateway.new_key(owner)})


class Trial:
    def __init__(self, gateway, client, capability, owner, keys):
        self.gateway, self.client, self.capability = gateway, client, capability
        self.owner, self.keys = owner, keys

    def start(self):
        variables = {f"CLIENT_{name}": key for name, key in self.keys.items()} | {"CLIENT_BASE": self.gateway.api}
        # Anthropic's API has no other way to a schema than a tool.
        calls = self.capability == "tools" or (self.capability == "json_schema" and "anthropic" in self.client)
        variables["CLIENT_MODEL"] = "smollm2-calling" if calls else "smollm2"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LLMGW_", "OPENAI_", "ANTHROPIC_"))}
        return subprocess.Popen(
            [str(part) for part in (*command(self.client), self.capability)],
            env=inherited | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self):
        return result(self.start())

    def record(self, end):
        """That of its one request."""
        [record] = eventually(f"a record of {self.owner}", lambda: self.gateway.events(self.owner))
        assert record["end"] == end, record
        return record


def chat(gateway, key, model, tokens, **more):
    """A chat in plain HTTP; the connection is open until it is closed."""
    connection = http.client.HTTPConnection(gateway.api.removeprefix("http://").removesuffix("/v1"), timeout=60)
    body = {"model": model, "max_tokens": tokens, "messages": [{"role": "user", "content": "Count."}]} | more
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    connection.answer = connection.getresponse()
    assert connection.answer.status == 200
    connection.answer.read(1)
    return connection


def command(client):
    kind, driver, _ = CLIENTS[client]
    if kind == "python":
        return [os.environ["LLMGW_CLIENTS_PYTHON"], "-B", HERE / "drivers" / driver]
    if kind == "node":
        return [os.environ["LLMGW_CLIENTS_NODE"], pathlib.Path(os.environ["LLMGW_CLIENTS_DRIVERS"]) / driver]
    return [os.environ["LLMGW_CLIENTS_RUST"]]


def result(process):
    out, said = process.communicate(timeout=120)
    assert process.returncode == 0, said[-4000:]
    return json.loads(out.splitlines()[-1])


def eventually(what, check, within=20):
    deadline = time.monotonic() + within
    while not (found := check()):
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return found


CASES = [(client, capability) for client in CLIENTS for capability in CAPABILITIES if (client, capability) not in ABSENT]


@pytest.mark.parametrize("trial", CASES, ids=" ".join, indirect=True)
def test_it_works(trial):
    globals().get(f"check_{trial.capability}", check_plainly)(trial)
    SEEN[trial.client, trial.capability] = True


def check_plainly(trial):
    seen = trial.run()
    record = trial.record("complete")
    assert record["source"] == "reported"
    if trial.capability in ("chat", "stream"):
        assert seen["text"].strip()
        assert record["tokens"]["completion"] == seen["tokens"] > 0
    if trial.capability == "stream":
        assert seen["pieces"] > 1 and record["streamed"]
    if trial.capability == "tools":
        assert seen["tool"] == "weather" and seen["arguments"]["city"] in ("Paris", "Rome")
    if trial.capability == "json_schema":
        assert seen["object"]["city"] in ("Paris", "Rome") and isinstance(seen["object"]["degrees"], int)
    if trial.capability == "embeddings":
        assert len(seen["vectors"]) == 2 and seen["vectors"][0] == seen["vectors"][1] > 100


def check_errors(trial):
    seen = trial.run()["errors"]
    assert [status for status, _ in seen] == [401, 404, 429]
    names = [name for _, name in seen]
    # Its own exception for each, or one that tells them apart by the status.
    assert all(names) and "Exception" not in names, names


def check_retries(trial):
    refused = trial.gateway.errors("service_unavailable")
    holder = chat(trial.gateway, trial.keys["KEY"], "one-at-a-time", 2000, stream=True, ignore_eos=True)
    try:
        process = trial.start()
        eventually(f"{trial.client} is refused once", lambda: trial.gateway.errors("service_unavailable") > refused, 60)
    finally:
        holder.close()
    assert result(process)["text"].strip()


def check_no_retry(trial):
    before = trial.gateway.errors("insufficient_quota")
    assert trial.run() == {"refused": True}
    assert trial.gateway.errors("insufficient_quota") == before + 1


def check_cancel(trial):
    assert trial.run() == {"left": True}
    assert trial.record("client_gone")["tokens"]["completion"] < 900


def snippets():
    text = (ROOT / "docs" / "guides" / "clients.md").read_text()
    found = re.findall(r"^```(sh|python|js)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [pytest.param(kind, code, id=code.splitlines()[0][:40]) for kind, code in found]


@pytest.mark.parametrize(("kind", "code"), snippets())
def test_the_snippets_of_the_guide_run(kind, code, gateway):
    key = gateway.new_key("reader")
    code = code.replace("http://127.0.0.1:8080", gateway.api.removesuffix("/v1")).replace("sk-llmgw-...", key)
    python = pathlib.Path(os.environ["LLMGW_CLIENTS_PYTHON"])
    with tempfile.TemporaryDirectory(prefix="llmgw-snippet-") as folder:
        environment = os.environ | {"LLM_USER_PATH": folder, "PATH": f"{python.parent}:{os.environ['PATH']}"}
        if kind == "sh":
            command = ["bash", "-euo", "pipefail", "-c", code]
        elif kind == "python":
            command = [python, "-c", code]
        else:
            command = [os.environ["LLMGW_CLIENTS_NODE"], "--input-type=module", "--eval", code]
        ran = subprocess.run(
            [str(part) for part in command],
            cwd=os.environ["LLMGW_CLIENTS_DRIVERS"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
        )
    assert ran.returncode == 0, ran.stderr[-4000:]
    assert ran.stdout.strip()


def version(client):
    kind, _, package = CLIENTS[client]
    if kind == "python":
        show = f"import importlib.metadata as m; print(m.version({package!r}))"
        return subprocess.run([os.environ["LLMGW_CLIENTS_PYTHON"], "-c", show], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    if kind == "node":
        return json.loads((HERE / "package.json").read_text())["dependencies"][package]
    lines = (HERE / "async-openai" / "Cargo.lock").read_text().splitlines()
    return lines[lines.index('name = "async-openai"') + 1].split('"')[1]


def test_the_table_says_what_was_seen():
    page = os.environ.get("LLMGW_CLIENTS_PAGE")
    if not page:
        pytest.skip("LLMGW_CLIENTS_PAGE names no file to write")
    assert len(SEEN) == len(CASES), "something failed; no table is made of that"
    reasons = sorted(set(ABSENT.values()))
    lines = ["# Clients", "", "<!-- Made by `make test-clients`; do not edit. -->", ""]
    lines += ["Each was run against real model servers (llama.cpp with SmolLM2, for tools a release of March 2026) through the"]
    lines += ["gateway. A number says why there is nothing to try. How to set each up: [clients](../guides/clients.md).", ""]
    lines += [f"| client | version | {' | '.join(CAPABILITIES.values())} |", "|---|---|" + "---|" * len(CAPABILITIES)]
    for client in CLIENTS:
        cells = [
            "yes" if (client, capability) in SEEN else str(reasons.index(ABSENT[client, capability]) + 1)
            for capability in CAPABILITIES
        ]
        lines.append(f"| {client} | {version(client)} | {' | '.join(cells)} |")
    lines += ["", *(f"{number}. {reason}" for number, reason in enumerate(reasons, 1))]
    pathlib.Path(page).write_text("\n".join(lines) + "\n")
