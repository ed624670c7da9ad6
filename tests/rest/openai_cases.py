"""Bodies that are valid by OpenAI's own description of its API, made up by schemathesis, and how they stand on the wire."""

import json
import pathlib
import uuid

import schemathesis
from schemathesis.core import NotSet

DESCRIPTION = pathlib.Path(__file__).resolve().parents[1] / "fixtures" / "openai" / "openapi.json"
JSON = "application/json"
EVENTS = "text/event-stream"
FORM = "multipart/form-data"


def operations():
    """{(method, path): what makes up requests to it}, of all operations of the description."""
    description = json.loads(DESCRIPTION.read_text())
    return {(one.method.upper(), one.path): one.as_strategy() for one in _all(description)}


def answers(media_type):
    """{(method, path): what makes up bodies of answers} of those that answer in this type: whole ones, or events."""
    description = json.loads(DESCRIPTION.read_text())
    asked, names = {}, {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            content = operation["responses"]["200"].get("content", {})
            if schema := content.get(media_type, {}).get("schema"):
                # What is answered is made up as if it were asked.
                name = f"/{len(names)}"
                names[name] = (method.upper(), path)
                body = {"required": True, "content": {JSON: {"schema": schema}}}
                asked[name] = {"post": {"requestBody": body, "responses": {"200": {"description": ""}}}}
    description["paths"] = asked
    return {names[one.path]: one.as_strategy().map(lambda case: case.body) for one in _all(description)}


def _all(description):
    return [found.ok() for found in schemathesis.openapi.from_dict(description).get_all_operations()]


def body_of(case):
    """The body, or None where it has none."""
    return None if isinstance(case.body, NotSet) else case.body


def as_json(body):
    """As no encoder of the gateway's writes it."""
    return json.dumps(body, ensure_ascii=False, separators=(" ,", ": ")).encode()


def as_events(events, last):
    """A stream of these, and the event that ends it."""
    text = "".join(_event(event) for event in events)
    return (text + (last if isinstance(last, str) else _event(last))).encode()


def _event(event):
    name = event.get("type") if isinstance(event, dict) else None
    named = f"event: {name}\n" if isinstance(name, str) and name.isprintable() else ""
    return f"{named}data: {json.dumps(event)}\n\n"


def as_form(fields):
    """(content type, body) of a form; files as files, lists as parts of one name."""
    boundary = uuid.uuid4().hex
    body = b""
    for name, value in fields.items():
        for one in value if isinstance(value, list) else [value]:
            body += f"--{boundary}\r\n".encode() + _part(name, one) + b"\r\n"
    return f"{FORM}; boundary={boundary}", body + f"--{boundary}--\r\n".encode()


def _part(name, value):
    # As browsers do (WHATWG HTML 4.10.22.8). A backslash is read in different ways, and refused.
    for sign, escaped in (("\r", "%0D"), ("\n", "%0A"), ('"', "%22"), ("\\", "%5C")):
        name = name.replace(sign, escaped)
    name = "".join(sign for sign in name if sign.isprintable())
    data = getattr(value, "data", None)
    if isinstance(data, bytes):
        head = f'Content-Disposition: form-data; name="{name}"; filename="{name}.bin"\r\nContent-Type: application/octet-stream'
        return head.encode() + b"\r\n\r\n" + data
    text = value if isinstance(value, str) else json.dumps(value)
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n{text}'.encode()
