"""The `openai` client against a real model, through the gateway."""

import json

from gateway import Tokens

MODEL = "smollm2"
QUESTION = [{"role": "user", "content": "What is a lighthouse for?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a town",
        "parameters": {
            "type": "object",
            "properties": {"town": {"type": "string"}},
            "required": ["town"],
        },
    },
}


def test_chat(ai, calls):
    answer = ai.chat.completions.create(model=MODEL, messages=QUESTION, max_tokens=24, temperature=0)
    assert answer.choices[0].message.content
    assert answer.usage.completion_tokens > 0
    assert answer._request_id == calls.last.request_id
    calls.last.tokens = Tokens.of_openai(answer.usage)


def test_chat_again_counts_cached_tokens(ai, calls):
    for _ in range(2):
        answer = ai.chat.completions.create(model=MODEL, messages=QUESTION, max_tokens=4, temperature=0)
        calls.last.tokens = Tokens.of_openai(answer.usage)
    assert calls.last.tokens.cached > 0


def test_chat_stream_with_usage(ai, calls):
    chunks = list(
        ai.chat.completions.create(
            model=MODEL, messages=QUESTION, max_tokens=24, stream=True, stream_options={"include_usage": True}
        )
    )
    assert text_of(chunks)
    [usage] = [chunk.usage for chunk in chunks if chunk.usage]
    assert chunks[-1].choices == []
    calls.last.tokens = Tokens.of_openai(usage)


def test_chat_stream_without_usage_shows_none(ai, calls):
    """The gateway asks for usage on its own account, and must not show what the client did not ask for."""
    chunks = list(ai.chat.completions.create(model=MODEL, messages=QUESTION, max_tokens=24, stream=True))
    assert text_of(chunks)
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason in ("stop", "length")


def test_chat_with_tools(ai, calls):
    """This model was taught no tools and answers in words; offering some must do no harm."""
    answer = ai.chat.completions.create(
        model=MODEL, messages=QUESTION, tools=[WEATHER], tool_choice="auto", max_tokens=8
    )
    assert answer.choices[0].message.content
    calls.last.tokens = Tokens.of_openai(answer.usage)


def test_chat_with_json_schema(ai, calls):
    schema = {"type": "object", "properties": {"sure": {"type": "boolean"}}, "required": ["sure"]}
    answer = ai.chat.completions.create(
        model=MODEL,
        messages=QUESTION,
        response_format={"type": "json_schema", "json_schema": {"name": "verdict", "schema": schema}},
        max_tokens=32,
    )
    assert isinstance(json.loads(answer.choices[0].message.content)["sure"], bool)
    calls.last.tokens = Tokens.of_openai(answer.usage)


def test_fields_the_gateway_does_not_know_come_through(ai, calls):
    """`timings` is llama.cpp's own, as `cache_prompt` is in the request."""
    answer = ai.chat.completions.create(
        model=MODEL, messages=QUESTION, max_tokens=4, extra_body={"cache_prompt": False}
    )
    assert answer.timings["predicted_n"] == answer.usage.completion_tokens
    calls.last.tokens = Tokens.of_openai(answer.usage)
    assert calls.last.tokens.cached == 0


def test_completions(ai, calls):
    answer = ai.completions.create(model=MODEL, prompt="The sea is", max_tokens=12)
    assert answer.choices[0].text
    calls.last.tokens = Tokens.of_openai(answer.usage)


def test_completions_stream(ai, calls):
    chunks = list(ai.completions.create(model=MODEL, prompt="The sea is", max_tokens=12, stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices)
    # llama.cpp puts usage into the finish chunk of this endpoint, asked or not.
    for usage in [chunk.usage for chunk in chunks if chunk.usage][-1:]:
        calls.last.tokens = Tokens.of_openai(usage)


def test_embeddings(ai, calls):
    answer = ai.embeddings.create(model="smollm2-embed", input=["a lighthouse", "the open sea"])
    first, second = (item.embedding for item in answer.data)
    assert len(first) == len(second) > 100
    assert first != second
    calls.last.tokens = Tokens.of_openai(answer.usage)


def test_models(ai):
    listed = {model.id for model in ai.models.list()}
    assert listed == {"smollm2", "smollm2-embed", "gone", "loading"}


def test_model(ai):
    model = ai.models.retrieve(MODEL)
    assert (model.id, model.object) == (MODEL, "model")


def test_models_are_those_of_the_key(admin, openai_client):
    key = admin.new_key("erin", "one model", models=[MODEL])
    assert [model.id for model in openai_client(key["key"]).models.list()] == [MODEL]


def test_responses(ai, calls):
    answer = ai.responses.create(model=MODEL, input="What is a lighthouse for?", max_output_tokens=24)
    assert answer.output_text
    calls.last.tokens = Tokens.of_responses(answer.usage)


def test_responses_stream(ai, calls):
    events = list(
        ai.responses.create(model=MODEL, input="What is the sea?", max_output_tokens=24, stream=True)
    )
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert events[-1].type == "response.completed"
    calls.last.tokens = Tokens.of_responses(events[-1].response.usage)


def text_of(chunks):
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
