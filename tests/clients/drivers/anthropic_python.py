"""PyPI `anthropic`."""

import anthropic
from asked import ASK, BASE, KEY, LIMITED, MODEL, NEVER, SCHEMA, TOOL, run

client = anthropic.Anthropic(base_url=BASE.removesuffix("/v1"), api_key=KEY, max_retries=0)
WEATHER = {"name": "weather", "description": "The weather of a city", "input_schema": TOOL["function"]["parameters"]}


def chat():
    answer = client.messages.create(model=MODEL, messages=ASK, max_tokens=16)
    return {"text": answer.content[0].text, "tokens": answer.usage.output_tokens}


def stream():
    with client.messages.stream(model=MODEL, messages=ASK, max_tokens=16) as events:
        pieces = list(events.text_stream)
        tokens = events.get_final_message().usage.output_tokens
    return {"text": "".join(pieces), "pieces": len(pieces), "tokens": tokens}


def tools():
    answer = client.messages.create(model=MODEL, messages=ASK, tools=[WEATHER], tool_choice={"type": "any"}, max_tokens=500)
    call = next(block for block in answer.content if block.type == "tool_use")
    return {"tool": call.name, "arguments": call.input}


def json_schema():
    # By a tool that must be called, which is how Anthropic's API does it.
    place = {"name": "place", "description": "Tells a place", "input_schema": SCHEMA}
    answer = client.messages.create(model=MODEL, messages=ASK, tools=[place], tool_choice={"type": "any"}, max_tokens=500)
    return {"object": next(block for block in answer.content if block.type == "tool_use").input}


def errors():
    def name(key, model):
        try:
            client.with_options(api_key=key).messages.create(model=model, messages=ASK, max_tokens=4)
        except anthropic.APIStatusError as error:
            return [error.status_code, type(error).__name__]

    return {"errors": [name("sk-llmgw-wrong", MODEL), name(KEY, "nobody"), name(LIMITED, MODEL)]}


def retries():
    patient = client.with_options(max_retries=5)
    return {"text": patient.messages.create(model="one-at-a-time", messages=ASK, max_tokens=4).content[0].text}


def no_retry():
    try:
        client.with_options(max_retries=5, api_key=NEVER).messages.create(model=MODEL, messages=ASK, max_tokens=4)
    except anthropic.RateLimitError:
        return {"refused": True}


def cancel():
    with client.messages.stream(model=MODEL, messages=ASK, max_tokens=1000) as events:
        next(iter(events.text_stream))
    return {"left": True}


run(globals())
