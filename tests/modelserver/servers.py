"""Starts a model server and the gateway as child processes, for the demo and for tests/sdk.

Each says in one line of JSON where it listens. Needs only Python's standard library, knows no HTTP.
"""

import contextlib
import json
import os
import pathlib
import select
import socket
import subprocess
import time

SERVE = pathlib.Path(__file__).resolve().parent / "serve.py"
START_SECONDS = 60
STOP_SECONDS = 20
# Settings of the caller's shell that the gateway would read as its own.
LEGACY_SETTINGS = ("LLM_DEFAULT_URL", "INFERENCE_KEY", "ADMIN_KEY")


class StartError(Exception):
    """A server did not come up; the text has what it said."""


class Server:
    """One running process. `ready` is the object it printed when it served."""

    def __init__(self, name, command, log, environment=None):
        self.name = name
        self.log = log
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("LLMGW_") and name not in LEGACY_SETTINGS
        }
        with log.open("wb") as sink:
            # In a session of its own, so that Ctrl-C reaches only the caller, which then stops the servers in
            # the right order.
            self.process = subprocess.Popen(
                [str(part) for part in command],
                env=inherited | (environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=sink,
                start_new_session=True,
            )
        try:
            self.ready = self._read_ready_line()
        except BaseException:
            self.stop()
            raise

    def _read_ready_line(self):
        seen, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        line = self.process.stdout.readline() if seen else b""
        try:
            return json.loads(line)
        except ValueError:
            raise StartError(f"the {self.name} did not start; it said {line!r} and\n{self.said()}") from None

    def said(self):
        return self.log.read_text(errors="replace")[-20_000:]

    def ended(self):
        return self.process.poll() is not None

    def stop(self):
        """Asks it to end, and returns its exit status; negative where it had to be killed."""
        self.process.terminate()
        try:
            return self.process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.process.stdout.close()


def free_ports(count):
    """Ports that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def start_redis(folder, port):
    """A Redis of its own that keeps nothing: the process, once it listens."""
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with (folder / "redis.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return process
        except OSError:
            if time.monotonic() > deadline or process.poll() is not None:
                process.kill()
                process.wait()
                raise
            time.sleep(0.05)


def start_model_server(folder, alias, key, mode="chat"):
    """The real one. LLMGW_MODELSERVER_PYTHON and LLMGW_MODEL_GGUF are what fetch.py names."""
    command = [os.environ["LLMGW_MODELSERVER_PYTHON"], SERVE, os.environ["LLMGW_MODEL_GGUF"]]
    command += ["--alias", alias, "--mode", mode, "--exit-with-parent"]
    return Server(f"{mode} model server", command, folder / f"{alias}.log", {"MODELSERVER_API_KEY": key})


def start_gateway(binary, folder, upstreams, key):
    """llm-gateway-standalone with its data in `folder`, serving the models of `upstreams`: {id: URL}."""
    command = [binary, "--json", "--data", folder / "data", "--upstream-key", key]
    for option in ("--listen", "--admin-listen", "--portal-listen", "--health-listen"):
        command += [option, "127.0.0.1:0"]
    for model, url in upstreams.items():
        command += ["--upstream", f"{model}={url}"]
    return Server("gateway", command, folder / "gateway.log")
