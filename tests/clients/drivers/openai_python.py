"""PyPI `openai`."""

import json

import openai
from asked import ASK, BASE, EMBEDDINGS, KEY, LIMITED, MODEL, NEVER, SCHEMA, TOOL, run

client = openai.OpenAI(base_url=BASE, api_key=KEY, max_retries=0)


def chat():
    answer = client.chat.completions.create(model=MODEL, messages=ASK, max_tokens=16)
    return {"text": answer.choices[0].message.content, "tokens": answer.usage.completion_tokens}


def stream():
    events = client.chat.completions.create(model=MODEL, messages=ASK, max_tokens=16, stream=True, stream_options={"include_usage": True})
    pieces, tokens = [], None
    for event in events:
        pieces += [choice.delta.content or "" for choice in event.choices]
        tokens = event.usage.completion_tokens if event.usage else tokens
    return {"text": "".join(pieces), "pieces": len(pieces), "tokens": tokens}


def tools():
    answer = client.chat.completions.create(model=MODEL, messages=ASK, tools=[TOOL], tool_choice="required", max_tokens=500)
    call = answer.choices[0].message.tool_calls[0].function
    return {"tool": call.name, "arguments": json.loads(call.arguments)}


def json_schema():
    shape = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA, "strict": True}}
    answer = client.chat.completions.create(model=MODEL, messages=ASK, response_format=shape, max_tokens=500)
    return {"object": json.loads(answer.choices[0].message.content)}


def embeddings():
    answer = client.embeddings.create(model=EMBEDDINGS, input=["one", "two"])
    return {"vectors": [len(one.embedding) for one in answer.data]}


def errors():
    def name(key, model):
        try:
            client.with_options(api_key=key).chat.completions.create(model=model, messages=ASK, max_tokens=4)
        except openai.APIStatusError as error:
            return [error.status_code, type(error).__name__]

    return {"errors": [name("sk-llmgw-wrong", MODEL), name(KEY, "nobody"), name(LIMITED, MODEL)]}


def retries():
    patient = client.with_options(max_retries=5)
    return {"text": patient.chat.completions.create(model="one-at-a-time", messages=ASK, max_tokens=4).choices[0].message.content}


def no_retry():
    try:
        client.with_options(max_retries=5, api_key=NEVER).chat.completions.create(model=MODEL, messages=ASK, max_tokens=4)
    except openai.RateLimitError:
        return {"refused": True}


def cancel():
    with client.chat.completions.create(model=MODEL, messages=ASK, max_tokens=1000, stream=True) as events:
        next(iter(events))
    return {"left": True}


run(globals())
