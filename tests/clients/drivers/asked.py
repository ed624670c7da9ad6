"""What every driver in Python is asked: `python DRIVER.py CAPABILITY` prints one line of JSON."""

import json
import os
import sys

BASE = os.environ["CLIENT_BASE"]
KEY = os.environ["CLIENT_KEY"]
# A key with a limit that is used up, and one that no request fits into.
LIMITED = os.environ["CLIENT_LIMITED_KEY"]
NEVER = os.environ["CLIENT_NEVER_KEY"]
MODEL, EMBEDDINGS = os.environ["CLIENT_MODEL"], "smollm2-embed"
ASK = [{"role": "user", "content": "What is the weather in Paris?"}]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Paris", "Rome"]}, "degrees": {"type": "integer"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Paris", "Rome"]}},
            "required": ["city"],
        },
    },
}


def run(functions):
    print(json.dumps(functions[sys.argv[1]]()))
