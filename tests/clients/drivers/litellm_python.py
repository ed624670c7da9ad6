"""PyPI `litellm`."""

import json

import litellm
from asked import ASK, BASE, EMBEDDINGS, KEY, LIMITED, MODEL, SCHEMA, TOOL, run

litellm.telemetry = False


def complete(key=KEY, name=MODEL, **more):
    asked = {"max_tokens": 16, "num_retries": 0, "max_retries": 0} | more
    return litellm.completion(model=f"openai/{name}", api_base=BASE, api_key=key, messages=ASK, **asked)


def chat():
    answer = complete()
    return {"text": answer.choices[0].message.content, "tokens": answer.usage.completion_tokens}


def stream():
    pieces, tokens = [], None
    for event in complete(stream=True, stream_options={"include_usage": True}):
        pieces += [choice.delta.content or "" for choice in event.choices]
        tokens = event.usage.completion_tokens if getattr(event, "usage", None) else tokens
    return {"text": "".join(pieces), "pieces": len(pieces), "tokens": tokens}


def tools():
    call = complete(tools=[TOOL], tool_choice="required", max_tokens=500).choices[0].message.tool_calls[0].function
    return {"tool": call.name, "arguments": json.loads(call.arguments)}


def json_schema():
    shape = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA, "strict": True}}
    return {"object": json.loads(complete(response_format=shape, max_tokens=500).choices[0].message.content)}


def embeddings():
    answer = litellm.embedding(model=f"openai/{EMBEDDINGS}", api_base=BASE, api_key=KEY, input=["one", "two"], encoding_format="float")
    return {"vectors": [len(one["embedding"]) for one in answer.data]}


def errors():
    def name(key, of):
        try:
            complete(key, of)
        except litellm.exceptions.APIError as error:
            return [error.status_code, type(error).__name__]
        except Exception as error:  # its exceptions have no base of their own
            return [getattr(error, "status_code", None), type(error).__name__]

    return {"errors": [name("sk-llmgw-wrong", MODEL), name(KEY, "nobody"), name(LIMITED, MODEL)]}


def retries():
    return {"text": complete(name="one-at-a-time", max_tokens=4, num_retries=5).choices[0].message.content}


def cancel():
    events = complete(stream=True, max_tokens=1000)
    next(events)
    events.completion_stream.close()
    return {"left": True}


run(globals())
