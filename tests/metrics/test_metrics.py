"""What /metrics says while a hundred models serve a thousand users, read as Prometheus reads it."""

import concurrent.futures
import http.client
import http.server
import itertools
import json
import os
import pathlib
import re
import sys
import tempfile
import threading
import urllib.request

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from documented import documented

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "modelserver"))
from admin import Admin  # noqa: E402
from servers import start_gateway  # noqa: E402

MODELS, USERS, MOST_SERIES = 100, 1000, 5000
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
# Only programs with a Redis and a MongoDB have these; see the tests of replicas.
OF_SHARED_STORES = {"llmgw_breaker_open", "llmgw_store_up"}


class ModelServer(http.server.BaseHTTPRequestHandler):
    """Answers chats at once. A message asks for a status or for a stream that breaks off."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        wish = body["messages"][0]["content"]
        if wish.isdigit():
            self.answer(int(wish), "application/json", b'{"error":{"message":"as you wish"}}')
        elif body.get("stream"):
            self.answer(200, "text/event-stream", self.events())
        else:
            message = {"role": "assistant", "content": "hi"}
            answer = {"choices": [{"index": 0, "message": message}], "usage": USAGE}
            self.answer(200, "application/json", json.dumps(answer).encode())

    @staticmethod
    def events():
        pieces = [{"choices": [{"index": 0, "delta": {"content": "hi"}}]}] * 2
        pieces.append({"choices": [], "usage": USAGE})
        return b"".join(b"data: %s\n\n" % json.dumps(piece).encode() for piece in pieces) + b"data: [DONE]\n\n"

    def answer(self, status, content_type, body):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@pytest.fixture(scope="module")
def gateway():
    with tempfile.TemporaryDirectory(prefix="llmgw-metrics-") as folder, Server(("127.0.0.1", 0), ModelServer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        binary = pathlib.Path(os.environ["LLMGW_STANDALONE_BIN"])
        upstreams = {f"model-{number}": url for number in range(MODELS)}
        running = start_gateway(binary, pathlib.Path(folder), upstreams, "unused")
        try:
            yield running.ready
        finally:
            status = running.stop()
            server.shutdown()
        assert status == 0


class Client:
    """One connection to the gateway for each thread."""

    def __init__(self, address):
        self.address = address.removeprefix("http://").removesuffix("/v1")
        self.of_thread = threading.local()

    def chat(self, key, model, wish="hi", stream=False):
        body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": wish}]}
        return self.send(key, json.dumps(body))

    def send(self, key, body):
        if not hasattr(self.of_thread, "connection"):
            self.of_thread.connection = http.client.HTTPConnection(self.address, timeout=30)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self.of_thread.connection.request("POST", "/v1/chat/completions", body, headers)
        answer = self.of_thread.connection.getresponse()
        answer.read()
        return answer.status


def admin(ready):
    return Admin(ready["admin"], ready["admin_key"])


def new_key(ready, owner, limits=()):
    return admin(ready).new_key(owner, "metrics", limits=limits)["key"]


def scrape(ready):
    with urllib.request.urlopen(ready["health"] + "/metrics", timeout=30) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        return answer.read().decode()


def total(families, name, **labels):
    samples = itertools.chain.from_iterable(family.samples for family in families)
    return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())


def series(families):
    return sum(len(family.samples) for family in families)


def load(ready):
    """Every user asks a model for an answer and another for a stream; every model fails in each way."""
    client = Client(ready["api"])
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        keys = list(pool.map(lambda user: new_key(ready, f"user-{user}@example.org"), range(USERS)))
        asked = [pool.submit(client.chat, keys[user], f"model-{user % MODELS}") for user in range(USERS)]
        asked += [
            pool.submit(client.chat, keys[user], f"model-{user * 7 % MODELS}", stream=True) for user in range(USERS)
        ]
        failed = [
            pool.submit(client.chat, keys[0], f"model-{model}", wish)
            for model in range(MODELS)
            for wish in ("422", "500")
        ]
        assert {one.result() for one in asked} == {200}
        assert {one.result() for one in failed} == {422, 500}
    limited = new_key(ready, "limited@example.org", [{"unit": "requests", "window": "day", "amount": 1}])
    assert [client.chat(limited, "model-0"), client.chat(limited, "model-0")] == [200, 429]
    assert client.send(keys[0], "broken") == 400
    assert client.chat("sk-llmgw-wrong", "model-0") == 401
    assert client.chat(keys[0], "nobody") == 404
    return keys


def test_a_hundred_models_and_a_thousand_users_stay_under_the_bound(gateway):
    keys = load(gateway)
    text = scrape(gateway)
    families = list(text_string_to_metric_families(text))

    assert series(families) < MOST_SERIES
    assert not re.search(r"user-\d|@example|metrics", text)
    assert not any(key in text for key in keys)

    assert total(families, "llmgw_requests_total") == 2 * USERS + 2 * MODELS + 1
    assert total(families, "llmgw_requests_total", blame="client") == MODELS
    assert total(families, "llmgw_requests_total", blame="upstream") == MODELS
    assert total(families, "llmgw_tokens_total", type="completion") == 2 * (2 * USERS + 1)
    assert total(families, "gen_ai_server_time_to_first_token_seconds_count") == USERS
    assert total(families, "gen_ai_server_time_per_output_token_seconds_count") == USERS
    assert total(families, "gen_ai_server_request_duration_seconds_count") == 2 * USERS + 2 * MODELS + 1
    assert total(families, "llmgw_limits_refused_total", subject="key", unit="requests", window="day") == 1
    assert total(families, "llmgw_errors_total", blame="client") == 4

    exposed = {family.name for family in families}
    known = {metric.family for metric in documented()}
    assert exposed == known - OF_SHARED_STORES
    labels = {metric.family: metric.labels for metric in documented()}
    for family in families:
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == labels[family.name], sample.name


def test_models_beyond_the_bound_share_one_label(gateway):
    body = {"targets": [{"base_url": "http://127.0.0.1:9"}]}
    key = new_key(gateway, "many@example.org")
    client = Client(gateway["api"])
    for number in range(MODELS):
        admin(gateway).call("POST", "/api/v1/models", body | {"id": f"more-{number}"})
        assert client.chat(key, f"more-{number}") in (502, 503)
    families = list(text_string_to_metric_families(scrape(gateway)))
    models = {s.labels["model"] for family in families for s in family.samples if "model" in s.labels}
    assert len(models) == 129 and "other" in models
    assert series(families) < MOST_SERIES
