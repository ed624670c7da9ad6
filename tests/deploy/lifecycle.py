#!/usr/bin/env python3
"""Plays the end of a gateway's pod as Kubernetes does, with the timings of overlays/production, against the real program.

500 streams run and short requests keep coming when the pod is deleted. Then, as the manifests say: preStop, SIGTERM, probes
all the while, and SIGKILL when the grace is over. Proxies go on sending requests until the last of them knows that the pod
is gone. A scale of 1 takes the manifests' own seconds; the tests' is less.
"""

import argparse
import asyncio
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import tomllib

import policy
from rendered import ROOT, objects, settings_of

sys.path.insert(0, str(ROOT / "tests" / "modelserver"))
from servers import Server, free_ports, start_redis  # noqa: E402

OVERLAY = "overlays/production"
STREAMS = 500
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
SHORT_EVERY = 0.02
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclasses.dataclass
class Result:
    """What was seen. Times are seconds since the pod was deleted."""

    timings: dict
    scale: float
    stream_seconds: float
    endpoint_gone: float = 0.0
    unready_seen: float = 0.0
    exited: float = 0.0
    exit_status: int | None = None
    short_answered: int = 0
    short_after_sigterm: int = 0
    short_failed: list = dataclasses.field(default_factory=list)
    streams_whole: int = 0
    streams_ended_after_sigterm: int = 0
    liveness_failed: int = 0
    records: int = 0
    records_complete: int = 0
    journal_left: int = 0

    @property
    def grace(self):
        return self.timings["grace"] * self.scale


class ModelServer:
    """Streams for so many seconds where asked to, else answers at once."""

    def __init__(self, seconds):
        self.seconds = seconds

    async def answer(self, reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
            body = json.loads(await reader.readexactly(length))
            if body.get("stream"):
                await self.stream(writer)
            else:
                message = {"role": "assistant", "content": "hi"}
                writer.write(HEAD % b"application/json")
                writer.write(chunk(json.dumps({"choices": [{"index": 0, "message": message}], "usage": USAGE}).encode()))
                writer.write(chunk(b""))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def stream(self, writer):
        writer.write(HEAD % b"text/event-stream")
        piece = b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": "hi"}}]}).encode() + b"\n\n"
        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            writer.write(chunk(piece))
            await writer.drain()
            await asyncio.sleep(0.5)
        last = json.dumps({"choices": [], "usage": USAGE}).encode()
        writer.write(chunk(b"data: " + last + b"\n\ndata: [DONE]\n\n") + chunk(b""))


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


class Play:
    def __init__(self, binaries, folder, scale, stream_seconds):
        self.binaries, self.folder = pathlib.Path(binaries), pathlib.Path(folder)
        things = objects(OVERLAY)
        self.settings = tomllib.loads(settings_of(things))
        self.result = Result(policy.timings(things, self.settings), scale, stream_seconds)
        self.ready_probe = self.probe(things, "readinessProbe")
        self.live_probe = self.probe(things, "livenessProbe")
        self.config = self.folder / "llmgateway.toml"
        self.journal = self.folder / "journal"

    def probe(self, things, name):
        [template] = [t for found, _, t in policy.workloads(things) if found == "StatefulSet/gateway"]
        return template["spec"]["containers"][0][name]

    def scaled(self, name):
        return self.result.timings[name] * self.result.scale

    def write_settings(self, redis_port):
        (self.folder / "pepper").write_text("a pepper that only this play has, and nobody else")
        self.config.write_text(
            f"""
[store]
kind = "sqlite"
path = "{self.folder}/llmgw.sqlite"
[redis]
url = "redis://127.0.0.1:{redis_port}/0"
[keys]
pepper_file = "{self.folder}/pepper"
[gateway]
listen = "127.0.0.1:0"
health_listen = "127.0.0.1:0"
linger = "{round(self.scaled("linger") * 1000)}ms"
drain = "{round(self.scaled("drain") * 1000)}ms"
max_body = "{self.settings["gateway"]["max_body"]}"
max_buffered = "{self.settings["gateway"]["max_buffered"]}"
[journal]
dir = "{self.journal}"
"""
        )

    def admin(self, *command):
        run = [self.binaries / "llm-gateway-admin", "--config", self.config, "--json", *command]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LLMGW_")}
        done = subprocess.run([str(part) for part in run], env=inherited, check=True, stdout=subprocess.PIPE, text=True)
        return json.loads(done.stdout)

    async def run(self):
        model_server = ModelServer(self.result.stream_seconds)
        upstream = await asyncio.start_server(model_server.answer, "127.0.0.1", 0, backlog=2000)
        port = upstream.sockets[0].getsockname()[1]
        [redis_port] = free_ports(1)
        redis = start_redis(self.folder, redis_port)
        try:
            self.write_settings(redis_port)
            await self.play(f"http://127.0.0.1:{port}")
            self.judge()
        finally:
            redis.terminate()
            redis.wait(timeout=20)
            upstream.close()
        return self.result

    async def play(self, model_server):
        command = [self.binaries / "llm-gateway", "serve", "--config", self.config, "--json"]
        gateway = Server("gateway", command, self.folder / "gateway.log")
        self.api, self.health = (address(gateway.ready[name]) for name in ("listen", "health"))
        try:
            self.admin("model", "add", "m", "--url", model_server)
            self.key = self.admin("key", "create", "--owner", "play", "--name", "play")["key"]
            await self.knows_the_model()
            begun = asyncio.Semaphore(0)
            streams = [asyncio.create_task(self.one_stream(begun)) for _ in range(STREAMS)]
            for _ in streams:
                await begun.acquire()
            await self.delete_the_pod(gateway, streams)
        finally:
            if gateway.process.poll() is None:
                gateway.process.kill()
                gateway.process.wait()
            gateway.process.stdout.close()

    async def knows_the_model(self):
        deadline = time.monotonic() + 20
        while not (await exchange(self.api, self.request(False))).startswith(b"HTTP/1.1 200"):
            assert time.monotonic() < deadline, "the gateway never heard of its model"
            await asyncio.sleep(0.1)
        self.result.short_answered += 1

    async def delete_the_pod(self, gateway, streams):
        self.gone = asyncio.Event()
        arriving = asyncio.create_task(self.keep_asking())
        # Some arrive before, so that those at the moment itself are like any other.
        await asyncio.sleep(0.5)
        self.deleted = time.monotonic()
        self.terminated = None
        probing = [asyncio.create_task(self.keep_probing(gateway)), asyncio.create_task(self.keep_looking(gateway))]
        await asyncio.sleep(self.scaled("pre_stop"))
        self.terminated = time.monotonic()
        gateway.process.send_signal(signal.SIGTERM)
        await self.proxies_have_heard()
        self.result.endpoint_gone = self.since()
        self.gone.set()
        await arriving
        await self.until_exit(gateway)
        for ended_at, whole in await asyncio.gather(*streams):
            self.result.streams_whole += whole
            self.result.streams_ended_after_sigterm += ended_at > self.terminated
        for task in probing:
            task.cancel()

    def since(self):
        return time.monotonic() - self.deleted

    # The later of what the manifests' probe sees and of what endpoints need to be told by themselves.
    async def proxies_have_heard(self):
        while self.since() < policy.PROPAGATION * self.result.scale or not self.result.unready_seen:
            await asyncio.sleep(0.01)

    async def until_exit(self, gateway):
        while gateway.process.poll() is None:
            if self.since() > self.result.grace:
                # As the kubelet does; the result says so.
                gateway.process.kill()
            await asyncio.sleep(0.02)
        self.result.exited = self.since()
        self.result.exit_status = gateway.process.returncode

    async def keep_probing(self, gateway):
        failed = 0
        while gateway.process.poll() is None:
            failed = 0 if await self.asks_well("/health/ready", self.ready_probe) else failed + 1
            if failed >= self.ready_probe["failureThreshold"] and not self.result.unready_seen:
                self.result.unready_seen = self.since()
            await asyncio.sleep(self.ready_probe["periodSeconds"] * self.result.scale)

    async def keep_looking(self, gateway):
        while gateway.process.poll() is None:
            if not await self.asks_well("/health/live", self.live_probe) and gateway.process.poll() is None:
                self.result.liveness_failed += 1
            await asyncio.sleep(self.live_probe["periodSeconds"] * self.result.scale)

    async def asks_well(self, path, probe):
        request = f"GET {path} HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n".encode()
        try:
            async with asyncio.timeout(probe["timeoutSeconds"]):
                answer = await exchange(self.health, request)
            return answer.startswith(b"HTTP/1.1 200")
        except (OSError, TimeoutError):
            return False

    def request(self, stream):
        body = json.dumps({"model": "m", "stream": stream, "messages": [{"role": "user", "content": "hi"}]})
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: pod\r\nAuthorization: Bearer {self.key}\r\nConnection: close\r\n"
        return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()

    async def keep_asking(self):
        asked = []
        while not self.gone.is_set():
            asked.append(asyncio.create_task(self.one_short()))
            await asyncio.sleep(SHORT_EVERY)
        await asyncio.gather(*asked)

    async def one_short(self):
        terminated = getattr(self, "terminated", None) is not None
        try:
            answer = await exchange(self.api, self.request(False))
        except OSError as error:
            answer = repr(error).encode()
        if answer.startswith(b"HTTP/1.1 200") and b'"usage"' in answer:
            self.result.short_answered += 1
            self.result.short_after_sigterm += terminated
        else:
            self.result.short_failed.append(answer[:200].decode(errors="replace"))

    async def one_stream(self, begun):
        reader, writer = await asyncio.open_connection(*self.api)
        writer.write(self.request(True))
        seen = await reader.readuntil(b"data: ")
        begun.release()
        try:
            seen += await reader.read(-1)
        except OSError:
            pass
        writer.close()
        # [DONE] is the last event, and the chunk of no bytes the end of the body.
        return time.monotonic(), seen.startswith(b"HTTP/1.1 200") and seen.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")

    def judge(self):
        records = self.admin("usage", "events", "--limit", "10000")["data"]
        self.result.records = len(records)
        self.result.records_complete = sum(
            one["end"] == "complete" and one["source"] == "reported" and one["tokens"]["completion"] == 2 for one in records
        )
        self.result.journal_left = sum(file.stat().st_size > 0 for file in self.journal.rglob("*.log"))
        self.result.journal_left += sum(1 for folder in self.journal.iterdir() if folder.is_dir())


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


async def exchange(where, request):
    reader, writer = await asyncio.open_connection(*where)
    try:
        writer.write(request)
        return await reader.read(-1)
    finally:
        writer.close()


def play(binaries, scale, stream_seconds):
    with tempfile.TemporaryDirectory(prefix="llmgw-lifecycle-") as folder:
        # In a thread of its own: tests of pages leave a loop in this one.
        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, Play(binaries, folder, scale, stream_seconds).run()).result()


def main():
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("--binaries", required=True, help="the folder of llm-gateway and llm-gateway-admin")
    reader.add_argument("--scale", type=float, default=1.0, help="of the manifests' seconds [1]")
    reader.add_argument("--stream-seconds", type=float, default=240.0, help="how long each stream lasts [240]")
    options = reader.parse_args()
    result = play(options.binaries, options.scale, options.stream_seconds)
    for name, value in dataclasses.asdict(result).items():
        print(f"| {name.replace('_', ' ')} | {round(value, 2) if isinstance(value, float) else value} |")
    well = not result.short_failed and result.streams_whole == STREAMS and result.exit_status == 0
    well = well and result.records == result.records_complete == STREAMS + result.short_answered and not result.journal_left
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
