"""The paths besides generating, at real model servers: for chats, for embeddings, and for ranking.

Each request is sent through the gateway and past it; a client must not be able to tell which was which.
"""

import http.client
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.parse

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "modelserver"))
from admin import Admin  # noqa: E402
from servers import start_gateway, start_model_server  # noqa: E402

SECRET = "the-model-server-s-own"
MODES = {"smollm2": "chat", "smollm2-embed": "embed", "smollm2-rerank": "rerank"}
DEADLINE = 20
CHAT = [{"role": "user", "content": "Is it a lighthouse?"}]


class World:
    def __init__(self, gateway, servers):
        self.gateway = gateway
        self.servers = servers

    def ask(self, path, body, method="POST"):
        """(status, body, request id) through the gateway."""
        return send(self.gateway.ready["api"], self.gateway.ready["key"], method, path, body)

    def past(self, path, body):
        """(status, body) of the model server itself."""
        return send(self.servers[body["model"]].ready["listening"], SECRET, "POST", path, body)[:2]

    def record(self, request_id):
        """What the ledger has of a request, as soon as it is there."""
        admin = Admin(self.gateway.ready["admin"], self.gateway.ready["admin_key"])
        until = time.monotonic() + DEADLINE
        while time.monotonic() < until:
            if found := admin.call("GET", f"/api/v1/usage/events?request_id={request_id}")["data"]:
                return found[0]
            time.sleep(0.02)
        raise AssertionError(f"{request_id} is not in the ledger")

    def same_as_past(self, path, body, at=None):
        """The answer, which must be that of the model server itself; and the record."""
        status, answer, request_id = self.ask(path, body)
        assert (status, answer) == self.past(at or path, body)
        assert status == 200, answer
        return json.loads(answer), self.record(request_id)


def send(address, key, method, path, body):
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(address).netloc, timeout=120)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        connection.request(method, path, json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.getheader("x-request-id")
    finally:
        connection.close()


@pytest.fixture(scope="module")
def world():
    command = [sys.executable, ROOT / "tests" / "modelserver" / "fetch.py", "--json"]
    fetched = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    os.environ |= json.loads(fetched.stdout)
    binary = pathlib.Path(os.environ["LLMGW_STANDALONE_BIN"])
    running = []
    with tempfile.TemporaryDirectory(prefix="llmgw-real-") as folder:
        folder = pathlib.Path(folder)
        try:
            servers = {}
            for model, mode in MODES.items():
                servers[model] = start_model_server(folder, model, SECRET, mode=mode)
                running.append(servers[model])
            upstreams = {model: server.ready["listening"] for model, server in servers.items()}
            gateway = start_gateway(binary, folder, upstreams, SECRET)
            running.append(gateway)
            yield World(gateway, servers)
        finally:
            statuses = [server.stop() for server in reversed(running)]
    assert statuses == [0] * len(running)


def shape(ranked):
    assert all(one["index"] in range(3) and isinstance(one["relevance_score"], float) for one in ranked["results"])
    return {**ranked, "results": [sorted(one) for one in ranked["results"]]}


def test_documents_are_ranked(world):
    body = {"model": "smollm2-rerank", "query": "cat", "documents": ["a cat", "a dog", "the sea"], "top_n": 2}
    for path in ("/v1/rerank", "/rerank"):
        status, answer, request_id = world.ask(path, body)
        assert status == 200, answer
        answer, record = json.loads(answer), world.record(request_id)
        # This model was never taught to rank: its scores are others each time.
        assert shape(answer) == shape(json.loads(world.past(path, body)[1]))
        assert len(answer["results"]) == 2
        assert (record["endpoint"], record["source"], record["units"]) == ("rerank", "reported", 3)
        assert record["tokens"]["prompt"] == answer["usage"]["prompt_tokens"] > 0
        assert record["tokens"]["completion"] == 0
    # What a model server does not have, it says itself.
    status, answer, request_id = world.ask("/v2/rerank", body)
    assert (status, answer) == world.past("/v2/rerank", body)
    assert (status, world.record(request_id)["status"]) == (404, 404)


def test_texts_are_embedded(world):
    answer, record = world.same_as_past("/v1/embeddings", {"model": "smollm2-embed", "input": ["hello world", "bye"]})
    assert (record["units"], record["tokens"]["prompt"]) == (2, answer["usage"]["prompt_tokens"])


def test_tokens_are_shown_and_counted_for_nothing(world):
    text = {"model": "smollm2", "content": "hello world", "add_special": True}
    tokens, record = world.same_as_past("/tokenize", text)
    assert record["tokens"] == {"prompt": 0, "cached": 0, "completion": 0, "reasoning": 0}
    assert world.same_as_past("/v1/tokenize", text, at="/tokenize")[0] == tokens
    back, _ = world.same_as_past("/detokenize", {"model": "smollm2", **tokens})
    assert back["content"] == "hello world"
    for path, asked in [
        ("/v1/messages/count_tokens", {"messages": CHAT}),
        ("/v1/chat/completions/input_tokens", {"messages": CHAT}),
        ("/v1/responses/input_tokens", {"input": "Is it a lighthouse?"}),
    ]:
        counted, record = world.same_as_past(path, {"model": "smollm2", **asked})
        assert counted["input_tokens"] > 0
        assert (record["endpoint"], record["tokens"]["prompt"], record["cost"]) == ("count_tokens", 0, 0)


def test_what_was_counted_is_what_is_charged(world):
    asked = {"model": "smollm2", "messages": CHAT, "max_tokens": 4}
    counted = json.loads(world.ask("/v1/messages/count_tokens", asked)[1])["input_tokens"]
    status, _, request_id = world.ask("/v1/messages", asked)
    assert (status, world.record(request_id)["tokens"]["prompt"]) == (200, counted)


def test_several_answers_are_charged_at_a_server_that_tells_tokens_of_one(world):
    admin, key = world.gateway.ready["admin"], world.gateway.ready["admin_key"]
    model = {"id": "quirky", "targets": [{
        "id": "t", "base_url": world.servers["smollm2"].ready["listening"], "model": "smollm2",
        "secret_text": SECRET, "quirks": ["first_choice_only"],
    }]}  # fmt: skip
    assert send(admin, key, "POST", "/api/v1/models", model)[0] == 201
    asked = {"model": "quirky", "messages": CHAT, "max_tokens": 16, "n": 2, "stream": True, "temperature": 1}
    status, answer, request_id = world.ask("/v1/chat/completions", asked)
    assert status == 200, answer
    record = world.record(request_id)
    assert record["source"] == "estimated"
    # Of one answer it could be 16 at most.
    assert 16 < record["tokens"]["completion"] <= 2 * 16 + 2


def test_what_a_model_server_must_not_show_is_not_there(world):
    for path in ("/slots", "/props", "/metrics", "/lora-adapters", "/v1/slots", "/infill", "/completion", "/apply-template"):
        for method in ("GET", "POST"):
            status, _, _ = world.ask(path, {"model": "smollm2"}, method=method)
            assert status == 404, path
