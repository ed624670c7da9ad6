"""The realtime session of the `openai` client, through a gateway of its own.

No model server that fits here speaks the realtime API, so this one plays it: it says what OpenAI's does, as far as the
client needs it.
"""

import contextlib
import json
import os
import pathlib
import threading

import openai
import pytest
from websockets.sync.server import serve

from gateway import UPSTREAM_KEY, Tokens, eventually
from admin import Admin
from servers import start_gateway

USAGE = {
    "total_tokens": 30,
    "input_tokens": 20,
    "output_tokens": 10,
    "input_token_details": {"text_tokens": 12, "audio_tokens": 8, "cached_tokens": 4},
    "output_token_details": {"text_tokens": 10, "audio_tokens": 0},
}


def converse(socket):
    secret = socket.request.headers["Authorization"]
    if secret != f"Bearer {UPSTREAM_KEY}":
        socket.close(1008, "whose is this?")
        return

    def say(**event):
        socket.send(json.dumps(event))

    say(type="session.created", event_id="e1", session={"type": "realtime", "model": "spoken"})
    for text in socket:
        if json.loads(text)["type"] == "response.create":
            say(type="response.created", event_id="e2", response={"id": "r1", "status": "in_progress"})
            for word in ("It ", "is ", "a lighthouse."):
                say(type="response.output_text.delta", event_id="e3", response_id="r1", delta=word)
            say(type="response.done", event_id="e4", response={"id": "r1", "status": "completed", "usage": USAGE})


@pytest.fixture(scope="module")
def spoken(folder):
    """The ready line of a gateway that serves the model `spoken`."""
    default = pathlib.Path(__file__).parents[2] / os.environ.get("CARGO_TARGET_DIR", "target") / "debug"
    binary = os.environ.get("LLMGW_STANDALONE_BIN", default / "llm-gateway-standalone")
    own = folder / "realtime"
    own.mkdir()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(serve(converse, "127.0.0.1", 0))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.shutdown)
        address = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        gateway = start_gateway(binary, own, {"spoken": address}, UPSTREAM_KEY)
        stack.callback(gateway.stop)
        yield gateway.ready


def test_a_session_answers_and_is_counted(spoken):
    client = openai.OpenAI(base_url=spoken["api"], api_key=spoken["key"])
    with client.realtime.connect(model="spoken") as connection:
        assert connection.recv().type == "session.created"
        for _ in range(2):
            connection.response.create()
            text = ""
            for event in connection:
                if event.type == "response.output_text.delta":
                    text += event.delta
                if event.type == "response.done":
                    assert event.response.usage.total_tokens == 30
                    break
            assert text == "It is a lighthouse."
    admin = Admin(spoken["admin"], spoken["admin_key"])
    events = eventually(admin.events, lambda seen: len(seen) >= 3)
    assert {(event["endpoint"], event["status"], event["end"], event["source"]) for event in events} == {
        ("realtime", 101, "complete", "reported")
    }
    assert sorted(Tokens.of_record(event).completion for event in events) == [0, 10, 10]
    assert Tokens(20, 4, 10) in [Tokens.of_record(event) for event in events]


def test_a_wrong_key_opens_none(spoken):
    client = openai.OpenAI(base_url=spoken["api"], api_key="sk-llmgw-wrong")
    with pytest.raises(Exception, match="401"):
        client.realtime.connect(model="spoken").enter()
