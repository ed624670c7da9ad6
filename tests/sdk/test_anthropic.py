"""The `anthropic` client against a real model, through the gateway's /v1/messages."""

import anthropic
import pytest

from gateway import Tokens

MODEL = "smollm2"
QUESTION = [{"role": "user", "content": "What is a lighthouse for?"}]
ONE_A_MINUTE = [{"unit": "requests", "window": "minute", "amount": 1}]


def test_messages(claude, calls):
    answer = claude.messages.create(model=MODEL, max_tokens=24, messages=QUESTION)
    assert answer.content[0].text
    calls.last.tokens = Tokens.of_anthropic(answer.usage)


def test_messages_again_counts_cached_tokens(claude, calls):
    for _ in range(2):
        answer = claude.messages.create(model=MODEL, max_tokens=4, messages=QUESTION)
        calls.last.tokens = Tokens.of_anthropic(answer.usage)
    assert calls.last.tokens.cached > 0


def test_messages_stream(claude, calls):
    with claude.messages.stream(model=MODEL, max_tokens=24, messages=QUESTION) as stream:
        assert "".join(stream.text_stream)
        calls.last.tokens = Tokens.of_anthropic(stream.get_final_message().usage)


def test_messages_with_a_bearer_key(gateway, calls):
    """Other clients of this API send their key as OpenAI's do."""
    client = anthropic.Anthropic(
        base_url=gateway["api"].removesuffix("/v1"),
        auth_token=gateway["key"],
        max_retries=0,
        http_client=anthropic.DefaultHttpxClient(event_hooks={"response": [calls.note]}),
    )
    answer = client.messages.create(model=MODEL, max_tokens=4, messages=QUESTION)
    calls.last.tokens = Tokens.of_anthropic(answer.usage)


def test_wrong_key(anthropic_client):
    with pytest.raises(anthropic.AuthenticationError) as refused:
        anthropic_client("sk-wrong").messages.create(model=MODEL, max_tokens=4, messages=QUESTION)
    assert kind(refused) == "authentication_error"


def test_unknown_model(claude):
    with pytest.raises(anthropic.NotFoundError) as refused:
        claude.messages.create(model="no-such-model", max_tokens=4, messages=QUESTION)
    assert kind(refused) == "not_found_error"


def test_bad_request(claude):
    with pytest.raises(anthropic.BadRequestError) as refused:
        claude.messages.create(model=MODEL, max_tokens=4, messages=QUESTION, extra_body={"stream": "yes"})
    assert kind(refused) == "invalid_request_error"


def test_limit(admin, anthropic_client, calls):
    client = anthropic_client(admin.new_key("dave", "one a minute", limits=ONE_A_MINUTE)["key"])
    with pytest.raises(anthropic.RateLimitError) as refused:
        # A minute may end between the first and the second; the third is then the second of its minute.
        for _ in range(3):
            answer = client.messages.create(model=MODEL, max_tokens=1, messages=QUESTION)
            calls.last.tokens = Tokens.of_anthropic(answer.usage)
    assert kind(refused) == "rate_limit_error"
    assert 0 < int(refused.value.response.headers["retry-after"]) <= 60


@pytest.mark.parametrize("model", ["gone", "loading"])
def test_model_server_away(claude, calls, model):
    with pytest.raises(anthropic.InternalServerError):
        claude.messages.create(model=model, max_tokens=4, messages=QUESTION)
    calls.last.recorded = True


def kind(refused):
    """The word a client looks at, in the shape of Anthropic's errors."""
    body = refused.value.body
    assert body["type"] == "error" and body["error"]["message"]
    return body["error"]["type"]
