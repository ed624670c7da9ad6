"""A real model server for tests and the demo: llama.cpp's HTTP server, out of the `xllamacpp` package.

Prints one line `{"listening": "http://127.0.0.1:PORT"}` on stdout once the model is loaded and requests are
served, and ends with status 0 on SIGTERM or SIGINT. Where the environment has MODELSERVER_API_KEY, every
request must carry that key. Run it with the Python that `fetch.py` names.
"""

import argparse
import json
import os
import signal
import sys
import threading

import xllamacpp

API_KEY_VARIABLE = "MODELSERVER_API_KEY"

# How the vectors of all tokens become one answer: a mean for embeddings, a score for rerank.
POOLING = {
    "embed": xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN,
    "rerank": xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_RANK,
}


def main():
    options = read_options()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    parent = os.getppid()
    server = xllamacpp.Server(parameters(options))
    print(json.dumps({"listening": server.listening_address}), flush=True)
    while not stop.wait(timeout=1.0):
        # A test runner that was killed cannot end us; a model in memory must not stay behind for that.
        if options.exit_with_parent and os.getppid() != parent:
            break


def read_options():
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("model", help="GGUF file")
    reader.add_argument("--port", type=int, default=0, help="0 takes a free one (default)")
    reader.add_argument("--mode", choices=["chat", "embed", "rerank"], default="chat")
    reader.add_argument("--alias", default="smollm2", help="the name the model goes by")
    reader.add_argument("--context", type=int, default=2048, help="tokens of prompt and answer together")
    reader.add_argument("--slots", type=int, default=2, help="requests that run at once")
    reader.add_argument("--threads", type=int, default=2)
    reader.add_argument("--verbose", action="store_true", help="llama.cpp's log on stderr")
    reader.add_argument("--exit-with-parent", action="store_true", help="end when the starting process ends")
    return reader.parse_args()


def parameters(options):
    chosen = xllamacpp.CommonParams()
    chosen.model.path = options.model
    chosen.model_alias = {options.alias}
    chosen.hostnames = ["127.0.0.1"]
    chosen.port = options.port
    chosen.n_ctx = options.context
    chosen.n_parallel = options.slots
    # One context for all slots: a prompt may fill it whole, as with a server that has a single slot.
    chosen.kv_unified = True
    chosen.cpuparams.n_threads = options.threads
    chosen.use_jinja = True
    chosen.endpoint_metrics = True
    chosen.verbosity = 3 if options.verbose else 0
    if key := os.environ.get(API_KEY_VARIABLE):
        chosen.api_keys = [key]
    if options.mode in POOLING:
        chosen.embedding = True
        chosen.pooling_type = POOLING[options.mode]
    return chosen


if __name__ == "__main__":
    sys.exit(main())
