#!/usr/bin/env python3
"""Makes tests/fixtures/openai/openapi.json out of the official description of OpenAI's API.

    reduce-openai-description.py openapi.yml > tests/fixtures/openai/openapi.json

Keeps the operations that the gateway passes on, and of those what decides which bodies are valid. Needs PyYAML.
"""

import json
import sys

import yaml

OPERATIONS = {
    "/chat/completions": ["post"],
    "/chat/completions/{completion_id}": ["get", "post", "delete"],
    "/chat/completions/{completion_id}/messages": ["get"],
    "/completions": ["post"],
    "/embeddings": ["post"],
    "/responses": ["post"],
    "/responses/{response_id}": ["get", "delete"],
    "/responses/{response_id}/cancel": ["post"],
    "/responses/{response_id}/input_items": ["get"],
    "/responses/input_tokens": ["post"],
    "/responses/compact": ["post"],
    "/moderations": ["post"],
    "/images/generations": ["post"],
    "/images/edits": ["post"],
    "/images/variations": ["post"],
    "/audio/speech": ["post"],
    "/audio/transcriptions": ["post"],
    "/audio/translations": ["post"],
}
# What people read, and what only generators of clients do.
WORDS = {"description", "summary", "example", "examples", "title", "externalDocs", "tags", "security", "deprecated"}
# Not one of the gateway's.
UNSERVED = {"application/x-www-form-urlencoded"}
NAMED = {"properties", "schemas", "mapping", "patternProperties"}


def main():
    whole = yaml.safe_load(open(sys.argv[1], encoding="utf-8"))
    paths = {}
    for path, methods in OPERATIONS.items():
        kept = {method: bare(whole["paths"][path][method]) for method in methods}
        for operation in kept.values():
            for content in contents(operation):
                for unserved in UNSERVED & content.keys():
                    del content[unserved]
        paths[path] = kept
    schemas, wanted = {}, references(paths)
    while wanted:
        name = wanted.pop()
        if name not in schemas:
            schemas[name] = bare(whole["components"]["schemas"][name])
            wanted |= references(schemas[name])
    info = {key: whole["info"][key] for key in ("title", "version", "license")}
    reduced = {"openapi": whole["openapi"], "info": info, "paths": paths}
    reduced["components"] = {"schemas": dict(sorted(schemas.items()))}
    json.dump(reduced, sys.stdout, ensure_ascii=False, indent=1)
    print()


def contents(operation):
    yield operation.get("requestBody", {}).get("content", {})
    for answer in operation["responses"].values():
        yield answer.get("content", {})


def bare(value, named=False):
    if isinstance(value, list):
        return [bare(item) for item in value]
    if not isinstance(value, dict):
        return value
    # Below `properties` and its likes, keys are names and not words of the description.
    kept = {key: item for key, item in value.items() if named or (key not in WORDS and not key.startswith("x-"))}
    return {key: bare(item, named=key in NAMED and not named) for key, item in kept.items()}


def references(value):
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    own = value.get("$ref")
    found = {own.rsplit("/", 1)[1]} if isinstance(own, str) else set()
    return found.union(*map(references, value.values()))


main()
