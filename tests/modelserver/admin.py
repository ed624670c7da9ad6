"""The administration's REST API, as the tests of running programs speak it."""

import json
import urllib.request


class Admin:
    """The admin API, spoken with nothing but the standard library."""

    def __init__(self, address, key):
        self.address = address
        self.key = key

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            self.address + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def new_key(self, owner, name, models=(), limits=()):
        body = {"owner": owner, "name": name, "models": list(models), "limits": list(limits)}
        return self.call("POST", "/api/v1/keys", body)

    def revoke(self, key_id):
        self.call("DELETE", f"/api/v1/keys/{key_id}")

    def events(self):
        return self.call("GET", "/api/v1/usage/events?limit=10000")["data"]

    def total(self):
        return self.call("GET", "/api/v1/usage")["total"]
