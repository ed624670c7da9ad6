"""PyPI `llm`, the command line and library."""

import json
import os
import pathlib
import tempfile

from asked import ASK, BASE, KEY, LIMITED, MODEL, SCHEMA, run

ASKED = ASK[0]["content"]
# Its settings are files, the same that people write by hand.
FOLDER = tempfile.TemporaryDirectory(prefix="llmgw-llm-")
os.environ["LLM_USER_PATH"] = FOLDER.name


def configured(key=KEY):
    folder = pathlib.Path(FOLDER.name)
    entry = {"model_id": "here", "model_name": MODEL, "api_base": BASE, "api_key_name": "here", "can_stream": True, "supports_tools": True, "supports_schema": True}
    entries = [entry, entry | {"model_id": "nobody", "model_name": "nobody"}]
    folder.joinpath("extra-openai-models.yaml").write_text(json.dumps(entries))
    folder.joinpath("keys.json").write_text(json.dumps({"here": key}))
    import llm

    return llm


def chat():
    response = configured().get_model("here").prompt(ASKED, stream=False, max_tokens=16)
    return {"text": response.text(), "tokens": response.usage().output}


def stream():
    response = configured().get_model("here").prompt(ASKED, stream=True, max_tokens=16)
    pieces = list(response)
    return {"text": "".join(pieces), "pieces": len(pieces), "tokens": response.usage().output}


def json_schema():
    response = configured().get_model("here").prompt(ASKED, schema=SCHEMA, stream=False, max_tokens=500)
    return {"object": json.loads(response.text())}


def errors():
    def name(key, model):
        try:
            configured().get_model(model).prompt(ASKED, key=key, stream=False, max_tokens=4).text()
        except Exception as error:  # those of openai
            return [getattr(error, "status_code", None), type(error).__name__]

    return {"errors": [name("sk-llmgw-wrong", "here"), name(KEY, "nobody"), name(LIMITED, "here")]}


run(globals())
