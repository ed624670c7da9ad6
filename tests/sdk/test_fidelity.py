"""Live answers of a real model server: what it sent is what the client got, byte for byte, but for the one usage
event that the gateway asked for and the client did not."""

import http.client
import itertools
import json

import pytest

from gateway import Call

MODEL = "smollm2"
EMBED = "smollm2-embed"
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "The sea is"}], "max_tokens": 6}
TEXT = {"model": MODEL, "prompt": "The sea is", "max_tokens": 6}
MESSAGE = {"model": MODEL, "max_tokens": 6, "messages": [{"role": "user", "content": "The sea is"}]}
RESPONSE = {"model": MODEL, "input": "The sea is", "max_output_tokens": 6}
USAGE = {"stream_options": {"include_usage": True}}
STREAM = {"stream": True}
# Not JSON as any library writes it, and fields that nobody knows.
ODD = b'{ "x\\u0079z" :[1.0e+3 , 2,{"deep":null}],\n\t"n":1,"model":"smollm2" , "messages":[ {"content":"\\u00e9\xc3\xa9","role":"user"}],"max_tokens":3 }'

CASES = {
    "chat": ("/v1/chat/completions", CHAT),
    "chat, odd but valid": ("/v1/chat/completions", ODD),
    "chat stream": ("/v1/chat/completions", CHAT | STREAM),
    "chat stream with usage": ("/v1/chat/completions", CHAT | STREAM | USAGE),
    "chat stream with other options": ("/v1/chat/completions", CHAT | STREAM | {"stream_options": {"x": 1}}),
    "chat with logprobs": ("/v1/chat/completions", CHAT | {"logprobs": True, "top_logprobs": 2}),
    "chat that the server refuses": ("/v1/chat/completions", CHAT | {"messages": 5}),
    "completions": ("/v1/completions", TEXT),
    "completions stream": ("/v1/completions", TEXT | STREAM),
    "completions stream with usage": ("/v1/completions", TEXT | STREAM | USAGE),
    "embeddings": ("/v1/embeddings", {"model": EMBED, "input": ["one", "two"]}),
    "responses": ("/v1/responses", RESPONSE),
    "responses stream": ("/v1/responses", RESPONSE | STREAM),
    "messages": ("/v1/messages", MESSAGE),
    "messages stream": ("/v1/messages", MESSAGE | STREAM),
}

numbers = itertools.count()


@pytest.mark.parametrize("path, body", CASES.values(), ids=CASES.keys())
def test_bytes(gateway, taps, calls, path, body):
    marker = f"tap-{next(numbers)}-end".encode()
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    # A field that no server knows, first in the body, by which the exchange is found.
    sent = sent.replace(b"{", b'{"tap":"' + marker + b'",', 1)
    status, got = ask(gateway, path, sent, calls)

    tap = taps[EMBED if b"embed" in sent else MODEL]
    asked, answered = tap.find(marker)
    streams = isinstance(body, dict) and body.get("stream")
    injected = streams and path in ("/v1/chat/completions", "/v1/completions") and "include_usage" not in str(body)
    assert asked.start.split()[1].decode() == path
    assert asked.body == (with_usage(sent) if injected else sent)
    assert status == answered.start
    assert got == (without_usage_event(answered.body) if injected else answered.body)
    if injected and path == "/v1/chat/completions":
        assert got != answered.body, "the server sent no usage event, so nothing was shown"


def test_what_the_model_server_sees_of_the_client(gateway, taps, calls):
    marker = b"tap-headers-end"
    sent = json.dumps(CHAT | {"tap": marker.decode()}).encode()
    private = {"Cookie": "session=secret", "x-api-key": "secret", "Accept-Encoding": "gzip"}
    hop = {"Connection": "x-hop", "x-hop": "1", "TE": "trailers"}
    ask(gateway, "/v1/chat/completions", sent, calls, private | hop)
    asked, _ = taps[MODEL].find(marker)
    names = {name.lower() for name in asked.headers}
    assert not names & {"cookie", "x-api-key", "x-hop", "te"}
    # Whatever the client takes: usage is read from plain bytes.
    assert asked.headers["accept-encoding"] == "identity"
    assert gateway["key"] not in str(asked.headers)
    assert asked.headers["x-request-id"] == calls.last.request_id


def ask(gateway, path, body, calls, headers=None):
    host = gateway["api"].removeprefix("http://").removesuffix("/v1")
    connection = http.client.HTTPConnection(host, timeout=60)
    own = {"Authorization": f"Bearer {gateway['key']}", "Content-Type": "application/json"}
    connection.request("POST", path, body, own | (headers or {}))
    answer = connection.getresponse()
    got = answer.read()
    # Not told which tokens it took; the ledger's own tests compare it with the model server's counters.
    calls.append(Call("POST", path, answer.status, answer.headers["x-request-id"], recorded=True))
    connection.close()
    return answer.status, got


def with_usage(sent):
    """The request with the one edit."""
    fields = json.loads(sent)
    if "stream_options" in fields:
        before = b'"stream_options": ' + json.dumps(fields["stream_options"]).encode()
        after = b'"stream_options": ' + json.dumps(
            fields["stream_options"] | {"include_usage": True}, separators=(",", ":"), sort_keys=True
        ).encode()  # fmt: skip
        return sent.replace(before, after)
    return sent.replace(b'"model": "smollm2"', b'"model": "smollm2","stream_options":{"include_usage":true}')


def without_usage_event(body):
    events = body.split(b"\n\n")
    return b"\n\n".join(event for event in events if not (b'"choices":[],' in event and b'"usage":{' in event))
