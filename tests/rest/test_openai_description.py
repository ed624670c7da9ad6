"""Whatever is valid by OpenAI's own description of its API goes through to a model server and back as it is.

LLMGW_OPENAI_EXAMPLES is how many requests are made up for each operation and way to answer, 20 unless given.
"""

import http.client
import http.server
import json
import os
import pathlib
import sys
import tempfile
import threading
import urllib.parse

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from openai_cases import EVENTS, FORM, JSON, answers, as_events, as_form, as_json, body_of, operations

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "modelserver"))
from admin import Admin  # noqa: E402
from servers import start_gateway  # noqa: E402

PUBLIC, OWN = "public-model", 'own/"model"'
ASKED = {"include_usage": True}
ID = "answer_0a1b2c"
# Chats and completions tell usage only where they are asked to.
ASKS = {"/chat/completions", "/completions"}
LAST = {
    "/chat/completions": "data: [DONE]\n\n",
    "/completions": "data: [DONE]\n\n",
    "/responses": {"type": "response.completed", "response": {"id": ID}},
    "/images/generations": {"type": "image_generation.completed"},
    "/images/edits": {"type": "image_edit.completed"},
    "/audio/speech": {"type": "speech.audio.done"},
    "/audio/transcriptions": {"type": "transcript.text.done"},
}
STREAMS = sorted(LAST.keys() - {"/completions"})
MADE_BY = {"/chat/completions": {"store": True, "messages": []}, "/responses": {"input": "x"}}

OPERATIONS = operations()
WHOLE = answers(JSON) | answers("application/octet-stream")
STREAMED = answers(EVENTS)

examples = settings(
    max_examples=int(os.environ.get("LLMGW_OPENAI_EXAMPLES", "20")),
    database=None,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
# What the gateway reads of a body.
READ = set(
    "model stream stream_options prompt n best_of max_tokens max_completion_tokens max_output_tokens store background input "
    "documents text_2 previous_response_id request_id".split()
)


class ModelServer(http.server.ThreadingHTTPServer):
    """Keeps what it was sent last, and says what it is told."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.reply = (JSON, b"{}")
        self.got = None
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        # The gateway's own questions to a tokenizer have no id.
        ours = "x-request-id" in self.headers
        if ours:
            self.server.got = (self.command, self.path, self.headers.get("content-type"), body)
        media_type, reply = self.server.reply if ours else (JSON, b"{}")
        self.send_response(200 if ours else 404)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def model_server():
    server = ModelServer()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def gateway(model_server):
    binary = pathlib.Path(os.environ["LLMGW_STANDALONE_BIN"])
    with tempfile.TemporaryDirectory(prefix="llmgw-openai-") as folder:
        running = start_gateway(binary, pathlib.Path(folder), {"other": "http://127.0.0.1:9"}, "unused")
        try:
            target = {"id": "t", "base_url": model_server.address, "model": OWN}
            model = {"id": PUBLIC, "targets": [target]}
            Admin(running.ready["admin"], running.ready["admin_key"]).call("POST", "/api/v1/models", model)
            yield running
        finally:
            status = running.stop()
    assert status == 0, running.said()


def ask(gateway, method, path, body=None, content_type=None):
    """(status, content type, body) of the answer."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(gateway.ready["api"]).netloc, timeout=60)
    headers = {"Authorization": f"Bearer {gateway.ready['key']}"}
    if content_type:
        headers["Content-Type"] = content_type
    try:
        connection.request(method, "/v1" + path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("content-type"), answer.read()
    finally:
        connection.close()


def encoded(case, fields):
    return as_form(fields) if case.media_type == FORM else (JSON, as_json(fields))


def in_other_letters(key):
    """Such fields are refused: model servers may take them for those that the gateway reads."""
    meant = key.replace("\u017f", "s").replace("\u212a", "k").lower()
    return meant in READ and key not in READ


def of_model(case, body, **more):
    """What a client sends and what has to arrive, but for our asking for usage."""
    ours = {"model", "previous_response_id", "request_id"} | more.keys()
    fields = {key: value for key, value in (body or {}).items() if key not in ours and not in_other_letters(key)}
    if case.media_type == FORM:
        # A part cannot be null.
        fields = {key: value for key, value in fields.items() if value is not None and key}
    # Behind something and before something else.
    first = dict(list(fields.items())[: len(fields) // 2])
    return [encoded(case, {**first, "model": model, **fields, **more}) for model in (PUBLIC, OWN)]


def must_arrive(gateway, model_server, operation, sent, arrives, reply):
    method, path = operation
    model_server.got, model_server.reply = None, reply
    status, media_type, body = ask(gateway, method, path, sent[1], sent[0])
    assert model_server.got is not None, f"{status} {body[:300]}"
    assert model_server.got[:2] == (method, "/v1" + path)
    if sent[0] == JSON:
        assert model_server.got[2:] == arrives
    else:
        # Each form has a boundary of its own.
        old, new = (one.rsplit("=", 1)[1].encode() for one in (arrives[0], sent[0]))
        assert model_server.got[2:] == (sent[0], arrives[1].replace(old, new))
    assert (status, media_type, body) == (200, *reply)


def payload(answer):
    return answer.data if hasattr(answer, "data") else as_json(answer)


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if "{" not in one[1]], ids=" ".join)
def test_a_request_and_its_answer_pass_as_they_are(operation, gateway, model_server):
    path = operation[1]

    @examples
    @given(OPERATIONS[operation], WHOLE[operation])
    def passes(case, answer):
        more = {"stream": False} if path in LAST and path != "/audio/speech" else {}
        sent, arrives = of_model(case, body_of(case), **more)
        media_type = "application/octet-stream" if path == "/audio/speech" else JSON
        # An answer without a byte is a failure of the model server's.
        must_arrive(gateway, model_server, operation, sent, arrives, (media_type, payload(answer) or b"-"))

    passes()


@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_passes_as_it_is(path, gateway, model_server):
    operation = ("POST", path)

    @examples
    @given(OPERATIONS[operation], st.lists(STREAMED[operation], max_size=3))
    def passes(case, events):
        more = {"stream": True} if path != "/audio/speech" else {"stream_format": "sse"}
        if path in ASKS:
            more["stream_options"] = ASKED
        if path.startswith("/images"):
            more["n"] = 1
        sent, arrives = of_model(case, body_of(case), **more)
        must_arrive(gateway, model_server, operation, sent, arrives, (EVENTS, as_events(events, LAST[path])))

    passes()


@pytest.mark.parametrize("path", sorted(ASKS))
def test_of_a_stream_that_was_not_asked_for_usage_only_that_is_taken_out(path, gateway, model_server):
    operation = ("POST", path)
    usage = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}}
    events = STREAMED.get(operation, WHOLE[operation]).filter(lambda event: event.get("choices"))

    @examples
    @given(OPERATIONS[operation], st.lists(events, max_size=3))
    def passes(case, kept):
        sent, arrives = of_model(case, {**body_of(case), "stream_options": None}, stream=True)
        fields = json.loads(arrives[1])
        assert fields.pop("stream_options") is None
        without = [encoded(case, {**fields, "model": model}) for model in (PUBLIC, OWN)]
        marked = as_json(OWN)
        asked = marked + b',"stream_options":' + json.dumps(ASKED, separators=(",", ":")).encode()
        expected = without[1][1].replace(b'"model": ' + marked, b'"model": ' + asked, 1)
        model_server.got, model_server.reply = None, (EVENTS, as_events([*kept, usage], LAST[path]))
        status, _, body = ask(gateway, "POST", path, without[0][1], JSON)
        assert model_server.got is not None, f"{status} {body[:300]}"
        assert model_server.got[3] == expected
        assert (status, body) == (200, as_events(kept, LAST[path]))

    passes()


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if "{" in one[1]], ids=" ".join)
def test_what_is_asked_about_an_answer_passes_as_it_is(operation, gateway, model_server):
    method, path = operation
    made_by = "/" + path.strip("/").split("/{")[0]
    filled = path.replace(path[path.index("{") : path.index("}") + 1], ID)

    @examples
    @given(OPERATIONS[operation], WHOLE.get(operation, st.just({"deleted": True})))
    def passes(case, answer):
        model_server.reply = (JSON, as_json({"id": ID}))
        assert ask(gateway, "POST", made_by, as_json({**MADE_BY[made_by], "model": PUBLIC}), JSON)[0] == 200
        query = urllib.parse.urlencode(case.query or {}, doseq=True)
        wanted = filled + (f"?{query}" if query else "")
        body = body_of(case)
        sent = b"" if body is None else as_json(body)
        model_server.got, model_server.reply = None, (JSON, as_json(answer))
        status, media_type, got = ask(gateway, method, wanted, sent, JSON if sent else None)
        assert model_server.got is not None, f"{status} {got[:300]}"
        assert model_server.got[:2] == (method, "/v1" + wanted)
        assert model_server.got[3] == sent
        assert (status, media_type, got) == (200, JSON, as_json(answer))

    passes()
