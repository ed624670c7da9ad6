"""The gateway as these tests see it: a note of every call that was made."""

import dataclasses
import time

UPSTREAM_KEY = "the model servers' own key"

# Usage records follow their answers within about a second; slow machines get more.
LEDGER_SECONDS = 30


@dataclasses.dataclass(frozen=True)
class Tokens:
    """What one answer said it took. `prompt` has the cached tokens in it."""

    prompt: int
    cached: int
    completion: int

    @classmethod
    def of_openai(cls, usage):
        """Of chat, completions and embeddings; the latter have no completion."""
        details = getattr(usage, "prompt_tokens_details", None)
        completion = getattr(usage, "completion_tokens", None) or 0
        return cls(usage.prompt_tokens, (details and details.cached_tokens) or 0, completion)

    @classmethod
    def of_responses(cls, usage):
        return cls(usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens)

    @classmethod
    def of_anthropic(cls, usage):
        """Anthropic counts cached tokens beside `input_tokens`, not in it."""
        read = usage.cache_read_input_tokens or 0
        written = usage.cache_creation_input_tokens or 0
        return cls(usage.input_tokens + read + written, read, usage.output_tokens)

    @classmethod
    def of_record(cls, record):
        tokens = record["tokens"]
        return cls(tokens["prompt"], tokens["cached"], tokens["completion"])


@dataclasses.dataclass
class Call:
    """One request, and what must stand in the ledger for it."""

    method: str
    path: str
    status: int
    request_id: str | None
    # None: the client was not told.
    tokens: Tokens | None = None
    # Whether it was admitted, which is what makes a record.
    recorded: bool = False


class Calls(list):
    """All calls in order."""

    def note(self, response):
        """An httpx hook: runs as soon as the head of an answer is there."""
        request = response.request
        self.append(
            Call(
                request.method,
                request.url.path,
                response.status_code,
                response.headers.get("x-request-id"),
                recorded=request.method == "POST" and response.status_code == 200,
            )
        )

    @property
    def last(self):
        return self[-1]

    def recorded(self):
        return [call for call in self if call.recorded]


def eventually(look, holds):
    """What `look` sees as soon as `holds` of it, or what it saw when time was up: the caller asserts."""
    deadline = time.monotonic() + LEDGER_SECONDS
    while True:
        seen = look()
        if holds(seen) or time.monotonic() > deadline:
            return seen
        time.sleep(0.05)
