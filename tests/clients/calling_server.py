"""A model server that calls tools when it must: llama.cpp of March 2026, with a template that shows tools to SmolLM2.

Later releases of the `xllamacpp` package answer text to `tool_choice: required`, whatever the template, so the server of
tests/modelserver/serve.py, which all other tests use, cannot show it. Used as that one is.
"""

import argparse
import json
import os
import signal
import sys
import threading

import xllamacpp

# Tools first, in a message of the system, and calls as the model's family writes them.
TEMPLATE = """\
{%- if tools %}<|im_start|>system
Tools:
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}<|im_end|>
{% endif %}
{%- for message in messages %}<|im_start|>{{ message.role }}
{% if message.content %}{{ message.content }}{% endif %}
{%- for call in message.tool_calls or [] %}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>
{%- endfor %}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def main():
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("model", help="GGUF file")
    reader.add_argument("--alias", default="smollm2-calling")
    options = reader.parse_args()
    parent = os.getppid()
    server = xllamacpp.Server(parameters(options))
    stop = threading.Event()
    # After its own: it does not end on them.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    print(json.dumps({"listening": server.listening_address}), flush=True)
    while not stop.wait(timeout=1.0) and os.getppid() == parent:
        pass
    # Its threads would be waited for in vain.
    os._exit(0)


def parameters(options):
    chosen = xllamacpp.CommonParams()
    chosen.model.path = options.model
    chosen.model_alias = options.alias
    chosen.hostname = "127.0.0.1"
    chosen.port = 0
    chosen.n_ctx = 2048
    chosen.n_parallel = 2
    chosen.kv_unified = True
    chosen.cpuparams.n_threads = 2
    chosen.use_jinja = True
    chosen.chat_template = TEMPLATE
    # The same call each time.
    chosen.sampling.temp = 0.0
    chosen.api_keys = [os.environ["MODELSERVER_API_KEY"]]
    return chosen


if __name__ == "__main__":
    sys.exit(main())
