"""PyPI `langchain-openai`."""

import openai
from asked import ASK, BASE, EMBEDDINGS, KEY, LIMITED, MODEL, NEVER, SCHEMA, TOOL, run
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

ASKED = ASK[0]["content"]


def model(key=KEY, name=MODEL, **more):
    return ChatOpenAI(base_url=BASE, api_key=key, model=name, **({"max_tokens": 16, "max_retries": 0} | more))


def chat():
    answer = model().invoke(ASKED)
    return {"text": answer.content, "tokens": answer.usage_metadata["output_tokens"]}


def stream():
    pieces = list(model(stream_usage=True).stream(ASKED))
    tokens = sum(piece.usage_metadata["output_tokens"] for piece in pieces if piece.usage_metadata)
    return {"text": "".join(piece.content for piece in pieces), "pieces": len(pieces), "tokens": tokens}


def tools():
    call = model(max_tokens=500).bind_tools([TOOL], tool_choice="required").invoke(ASKED).tool_calls[0]
    return {"tool": call["name"], "arguments": call["args"]}


def json_schema():
    shaped = model(max_tokens=500).with_structured_output({"title": "place", **SCHEMA}, method="json_schema")
    return {"object": shaped.invoke(ASKED)}


def embeddings():
    # Tokens as numbers are OpenAI's own; other servers take text.
    embed = OpenAIEmbeddings(base_url=BASE, api_key=KEY, model=EMBEDDINGS, check_embedding_ctx_length=False)
    return {"vectors": [len(one) for one in embed.embed_documents(["one", "two"])]}


def errors():
    def name(key, of):
        try:
            model(key, of).invoke(ASKED)
        except openai.APIStatusError as error:
            return [error.status_code, type(error).__name__]

    return {"errors": [name("sk-llmgw-wrong", MODEL), name(KEY, "nobody"), name(LIMITED, MODEL)]}


def retries():
    return {"text": model(name="one-at-a-time", max_retries=5).invoke(ASKED).content}


def no_retry():
    try:
        model(NEVER, max_retries=5).invoke(ASKED)
    except openai.RateLimitError:
        return {"refused": True}


def cancel():
    events = model(max_tokens=1000).stream(ASKED)
    next(events)
    events.close()
    return {"left": True}


run(globals())
