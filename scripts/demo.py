"""The part of `make demo` after the build: starts a model server and the gateway, streams one answer, and lays
the gateway's usage row beside what the model server says of the same request. Status 1 where they differ.

Needs only Python's standard library and curl. Ends only what it started, and leaves no file behind.
"""

import argparse
import json
import pathlib
import secrets
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "modelserver"))
from servers import StartError, start_gateway, start_model_server  # noqa: E402

MODEL = "smollm2"
QUESTION = "What is a lighthouse for? Answer in two sentences."
# A usage row follows its answer within about a second.
LEDGER_SECONDS = 15


def main():
    options = read_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="llmgw-demo-") as folder:
        servers = Servers(pathlib.Path(folder))
        try:
            if not show_one_answer(servers, options.gateway):
                return 1
            if not options.once:
                servers.wait_for_interrupt()
        finally:
            servers.stop()
    return 0


def read_options():
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("--gateway", required=True, help="the llm-gateway-standalone binary")
    reader.add_argument("--once", action="store_true", help="end after the answer")
    return reader.parse_args()


def show_one_answer(servers, gateway_binary):
    model_key = secrets.token_hex(16)
    model_server = servers.start_model_server(model_key)
    gateway = servers.start_gateway(gateway_binary, model_server, model_key)
    print(f"\nmodel server  {model_server}  (asks for a key that only the gateway has)")
    print(f"gateway       {gateway['api']}\nadmin API     {gateway['admin']}")
    print(f"health        {gateway['health']}/health/ready, /metrics\n")

    before = counted_by_model_server(model_server, model_key)
    request_id, reported = ask(gateway, servers.folder)
    row = usage_row(gateway, request_id)
    counted = count_one_request(model_server, model_key, before, reported)
    equal = show_usage(row, reported, counted)
    print("\nthe same figures three times: the ledger is true" if equal else "\nTHE FIGURES DIFFER")
    return equal


class Servers:
    """The two processes, and the folder of their logs and data."""

    def __init__(self, folder):
        self.folder = folder
        self.running = []

    def start_model_server(self, key):
        self.running.append(start_model_server(self.folder, MODEL, key))
        return self.running[-1].ready["listening"]

    def start_gateway(self, binary, model_server, key):
        self.running.append(start_gateway(binary, self.folder, {MODEL: model_server}, key))
        return self.running[-1].ready

    def wait_for_interrupt(self):
        print("\nserving until Ctrl-C", flush=True)
        try:
            while not any(server.ended() for server in self.running):
                time.sleep(0.5)
        except KeyboardInterrupt:
            print()
            return
        for server in self.running:
            if server.ended():
                sys.exit(f"demo: the {server.name} ended by itself:\n{server.said()}")

    def stop(self):
        # The gateway first: it ends what it forwards while the model server is still there.
        for server in reversed(self.running):
            server.stop()


def ask(gateway, folder):
    """Streams one answer through the gateway with curl; gives its request id, and the usage the model server
    put at the end of the stream."""
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": 80,
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    head = ["-H", f"Authorization: Bearer {gateway['key']}", "-H", "Content-Type: application/json"]
    command = ["curl", "-N", f"{gateway['api']}/chat/completions", *head, "-d", json.dumps(body)]
    print(f"{shlex.join(command)}\n\n> {QUESTION}")

    headers = folder / "headers"
    curl = subprocess.Popen([*command, "-sS", "--dump-header", headers], stdout=subprocess.PIPE)
    usage, rest = None, []
    for line in curl.stdout:
        if not line.startswith(b"data: {"):
            rest.append(line)
            continue
        chunk = json.loads(line[len(b"data: "):])
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            print(choice["delta"].get("content") or "", end="", flush=True)
    print("\n")
    if curl.wait() != 0 or b"data: [DONE]\n" not in rest or usage is None:
        sys.exit("demo: this is no whole answer:\n" + b"".join(rest).decode(errors="replace"))
    pairs = [line.partition(":") for line in headers.read_text().splitlines()]
    [request_id] = [value.strip() for name, _, value in pairs if name.lower() == "x-request-id"]
    return request_id, usage


def usage_row(gateway, request_id):
    address = f"{gateway['admin']}/api/v1/usage/events?request_id={request_id}"
    rows = poll(lambda: json.loads(get(address, gateway["admin_key"]))["data"])
    if len(rows) != 1:
        sys.exit(f"demo: request {request_id} has {len(rows)} usage rows, not one")
    return rows[0]


def counted_by_model_server(address, key):
    """The model server's own totals over everything it ever did: prompt and answer tokens."""
    lines = [line.split() for line in get(f"{address}/metrics", key).splitlines() if not line.startswith("#")]
    totals = {name: int(float(value)) for name, value in lines}
    # What it found in its prompt cache it counts apart.
    prompt = totals["llamacpp:prompt_tokens_total"] + totals.get("llamacpp:prompt_tokens_cached_total", 0)
    return prompt, totals["llamacpp:tokens_predicted_total"]


def count_one_request(address, key, before, reported):
    """How far the totals moved. They are published a moment after the answer, so look until they have."""

    def moved():
        now = counted_by_model_server(address, key)
        return now[0] - before[0], now[1] - before[1]

    wanted = (reported["prompt_tokens"], reported["completion_tokens"])
    poll(lambda: moved() == wanted)
    return moved()


def show_usage(row, reported, counted):
    tokens = row["tokens"]
    figures = [
        ("gateway's usage row", tokens["prompt"], tokens["completion"]),
        ("usage in the answer", reported["prompt_tokens"], reported["completion_tokens"]),
        ("model server's /metrics", *counted),
    ]
    told = ("time", "user", "model", "endpoint", "status", "end", "source", "ttft_ms", "duration_ms")
    print("usage row of request", row["request_id"])
    print("  " + "  ".join(f"{name}={row.get(name)}" for name in told) + "\n")
    print(f"  {'tokens':<24}{'prompt':>8}{'completion':>12}")
    for name, prompt, completion in figures:
        print(f"  {name:<24}{prompt:>8}{completion:>12}")
    return len({(prompt, completion) for _, prompt, completion in figures}) == 1


def poll(look):
    """What `look` sees as soon as it sees something, or what it saw last when time is up."""
    deadline = time.monotonic() + LEDGER_SECONDS
    while not (seen := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return seen


def get(address, key):
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except StartError as error:
        sys.exit(f"demo: {error}")
