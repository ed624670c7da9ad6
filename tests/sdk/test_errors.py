"""Each refusal is the exception that people already catch in code written for OpenAI."""

import openai
import pytest

from gateway import Tokens

MODEL = "smollm2"
QUESTION = [{"role": "user", "content": "Hello"}]
ONE_A_MINUTE = [{"unit": "requests", "window": "minute", "amount": 1}]
# The gateway's default for the largest body.
MAX_BODY = 32 << 20


def ask(client, model=MODEL, messages=QUESTION, **more):
    return client.chat.completions.create(model=model, messages=messages, max_tokens=1, **more)


@pytest.mark.parametrize("key", ["sk-wrong", "nonsense", "sk-llmgw-" + "a" * 49])
def test_wrong_key(openai_client, key):
    with pytest.raises(openai.AuthenticationError) as refused:
        ask(openai_client(key))
    assert refused.value.status_code == 401
    assert key not in refused.value.message


def test_mistyped_key(gateway, openai_client):
    key = gateway["key"]
    with pytest.raises(openai.AuthenticationError):
        ask(openai_client(key[:-1] + ("a" if key[-1] != "a" else "b")))


def test_revoked_key_is_refused_from_the_next_request_on(admin, openai_client, calls):
    key = admin.new_key("frank", "for a moment")
    client = openai_client(key["key"])
    calls_tokens(calls, ask(client))
    admin.revoke(key["id"])
    with pytest.raises(openai.AuthenticationError):
        ask(client)


def test_models_need_a_key(openai_client):
    with pytest.raises(openai.AuthenticationError):
        openai_client("sk-wrong").models.list()


def test_unknown_model(ai):
    with pytest.raises(openai.NotFoundError) as refused:
        ask(ai, model="no-such-model")
    assert refused.value.code == "model_not_found"
    assert "no-such-model" in refused.value.message


def test_unknown_model_looked_up(ai):
    with pytest.raises(openai.NotFoundError):
        ai.models.retrieve("no-such-model")


def test_model_out_of_the_key_s_scope(admin, openai_client):
    key = admin.new_key("grace", "embeddings only", models=["smollm2-embed"])
    with pytest.raises(openai.PermissionDeniedError) as refused:
        ask(openai_client(key["key"]))
    assert MODEL in refused.value.message


def test_body_without_model(ai):
    with pytest.raises(openai.BadRequestError) as refused:
        ai.post("/chat/completions", body={"messages": QUESTION}, cast_to=object)
    assert "model" in refused.value.message


def test_body_that_is_not_json(ai):
    with pytest.raises(openai.BadRequestError):
        ai.post("/chat/completions", content=b'{"model": "smollm2", ', cast_to=object)


def test_field_of_the_wrong_kind(ai):
    with pytest.raises(openai.BadRequestError) as refused:
        ask(ai, extra_body={"stream": "yes"})
    assert "stream" in refused.value.message


@pytest.mark.parametrize("stream", [False, True])
def test_prompt_longer_than_the_context(ai, calls, stream):
    """The model server's own refusal: its status and its words."""
    long = [{"role": "user", "content": "lighthouse " * 3000}]
    with pytest.raises(openai.BadRequestError) as refused:
        ask(ai, messages=long, stream=stream)
    assert "context size" in refused.value.message
    calls.last.recorded = True
    calls.last.tokens = Tokens(0, 0, 0)


def test_body_over_the_limit(ai):
    with pytest.raises(openai.APIStatusError) as refused:
        ask(ai, messages=[{"role": "user", "content": "x" * MAX_BODY}])
    assert refused.value.status_code == 413


def test_limit(admin, openai_client, calls):
    client = openai_client(admin.new_key("carol", "one a minute", limits=ONE_A_MINUTE)["key"])
    with pytest.raises(openai.RateLimitError) as refused:
        # A minute may end between the first and the second; the third is then the second of its minute.
        for _ in range(3):
            calls_tokens(calls, ask(client))
    assert refused.value.code == "rate_limit_exceeded"
    assert 0 < int(refused.value.response.headers["retry-after"]) <= 60


@pytest.mark.parametrize("stream", [False, True])
def test_model_server_away(ai, calls, stream):
    with pytest.raises(openai.InternalServerError) as refused:
        ask(ai, model="gone", stream=stream)
    assert refused.value.status_code in (502, 503)
    calls.last.recorded = True
    calls.last.tokens = Tokens(0, 0, 0)


def test_model_server_loading(ai, calls):
    with pytest.raises(openai.InternalServerError) as refused:
        ask(ai, model="loading")
    assert refused.value.status_code == 503
    calls.last.recorded = True
    calls.last.tokens = Tokens(0, 0, 0)


def calls_tokens(calls, answer):
    calls.last.tokens = Tokens.of_openai(answer.usage)
