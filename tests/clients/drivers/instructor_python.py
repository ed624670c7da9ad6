"""PyPI `instructor`, over `openai`."""

from typing import Literal

import instructor
import openai
from asked import ASK, BASE, KEY, LIMITED, MODEL, NEVER, run
from pydantic import BaseModel


class Weather(BaseModel):
    """The weather of a city."""

    city: Literal["Paris", "Rome"]


def client(key=KEY, mode=instructor.Mode.JSON_SCHEMA, retries=0):
    return instructor.from_openai(openai.OpenAI(base_url=BASE, api_key=key, max_retries=retries), mode=mode)


def ask(of, name=MODEL, **more):
    return of.chat.completions.create(model=name, messages=ASK, response_model=Weather, max_tokens=500, max_retries=1, **more)


def chat():
    weather, answer = client().chat.completions.create_with_completion(
        model=MODEL, messages=ASK, response_model=Weather, max_tokens=500, max_retries=1
    )
    return {"text": weather.city, "tokens": answer.usage.completion_tokens}


def tools():
    # It asks for its tool by name, and llama.cpp knows only that there must be one.
    must = {"tool_choice": "required"}
    return {"tool": "weather", "arguments": ask(client(mode=instructor.Mode.TOOLS), extra_body=must).model_dump()}


def json_schema():
    return {"object": {"degrees": 0} | ask(client()).model_dump()}


def errors():
    def name(key, model):
        try:
            ask(client(key), model)
        except Exception as error:  # wrapped after its own retries
            while not isinstance(error, openai.APIStatusError):
                error = error.__cause__ or error.__context__ or error.last_attempt.exception()
            return [error.status_code, type(error).__name__]

    return {"errors": [name("sk-llmgw-wrong", MODEL), name(KEY, "nobody"), name(LIMITED, MODEL)]}


def retries():
    return {"text": ask(client(retries=5), "one-at-a-time").city}


def no_retry():
    try:
        ask(client(NEVER, retries=5))
    except Exception:
        return {"refused": True}


run(globals())
