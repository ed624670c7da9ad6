"""The portal in a real browser: pages are on `localhost`, the identity provider on `127.0.0.1`, so that its answer is
posted across sites, as in real life."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest
from playwright.sync_api import sync_playwright

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "browser"))
from team import Team  # noqa: E402

# Far more than any page takes, and not so long that a mistake holds up the whole run.
PATIENCE_MS = 10_000
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    # Containers have little shared memory.
    "--disable-dev-shm-usage",
]


@pytest.fixture(scope="session")
def binaries():
    folder = pathlib.Path(os.environ.get("LLMGW_BINARIES", ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug"))
    for name in ("llm-gateway", "llm-gateway-portal", "llm-gateway-admin"):
        if not (folder / name).exists():
            pytest.exit(f"there is no {folder / name}; build it: cargo build --workspace --bins", returncode=1)
    return folder


@pytest.fixture(scope="session")
def fetched():
    fetched = subprocess.run(
        [sys.executable, ROOT / "tests" / "modelserver" / "fetch.py", "--json"],
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    os.environ |= json.loads(fetched.stdout)


@pytest.fixture(scope="session")
def start(binaries, fetched):
    """Starts installations; all end with the session."""
    running = []

    def start(**how):
        folder = tempfile.mkdtemp(prefix="llmgw-browser-")
        team = Team(folder, binaries, **how)
        running.append(team)
        return team.start()

    try:
        yield start
    finally:
        for team in running:
            team.stop()
            shutil.rmtree(team.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def team(start):
    return start()


@pytest.fixture(scope="session")
def chromium():
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if not path:
        pytest.exit("chromium is missing; install it: scripts/install-test-deps.sh", returncode=1)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """A page of a browser that was never here before."""
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()
