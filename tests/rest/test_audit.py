"""Whoever changes the audit log by hand is found out: with the built programs, and another program on their file."""

import contextlib
import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "modelserver"))
from servers import start_gateway  # noqa: E402

CHANGES = 5


def admin(folder, *arguments):
    binary = pathlib.Path(os.environ["LLMGW_STANDALONE_BIN"]).with_name("llm-gateway-admin")
    command = [binary, "--data", folder / "data", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def tell(gateway, path, body):
    headers = {"Authorization": f"Bearer {gateway.ready['admin_key']}", "Content-Type": "application/json"}
    request = urllib.request.Request(gateway.ready["admin"] + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 201


@pytest.fixture(scope="module")
def folder():
    """A data folder whose log has entries of a service that has ended."""
    with tempfile.TemporaryDirectory(prefix="llmgw-audit-") as path:
        folder = pathlib.Path(path)
        binary = pathlib.Path(os.environ["LLMGW_STANDALONE_BIN"])
        gateway = start_gateway(binary, folder, {"smollm2": "http://127.0.0.1:9"}, "unused")
        try:
            for number in range(CHANGES):
                tell(gateway, "/api/v1/models", {"id": f"model-{number}", "owned_by": "physics"})
        finally:
            assert gateway.stop() == 0
        yield folder


@pytest.fixture
def heads(folder):
    printed = admin(folder, "audit", "heads")
    assert printed.returncode == 0, printed.stderr
    file = folder / "heads.json"
    file.write_text(printed.stdout)
    return file


@contextlib.contextmanager
def changed(folder, statement):
    """The log as it is after `statement`, for a while."""
    file = next((folder / "data").glob("*.sqlite"))
    with contextlib.closing(sqlite3.connect(file)) as database:
        before = database.execute("SELECT * FROM audit_entries").fetchall()
        heads = database.execute("SELECT * FROM audit_heads").fetchall()
        assert database.execute(statement).rowcount > 0
        database.commit()
        try:
            yield
        finally:
            for table, rows in (("audit_entries", before), ("audit_heads", heads)):
                database.execute(f"DELETE FROM {table}")
                places = ",".join("?" * len(rows[0]))
                database.executemany(f"INSERT INTO {table} VALUES ({places})", rows)
            database.commit()


LAST = "(SELECT max(seq) FROM audit_entries AS other WHERE other.chain = audit_entries.chain)"


@pytest.mark.parametrize(
    "statement",
    [
        # A byte of what was there after.
        "UPDATE audit_entries SET after_json = replace(after_json, 'physics', 'physicz') WHERE seq = 3",
        "UPDATE audit_entries SET actor = 'command-line:mallory' WHERE seq = 2",
        "DELETE FROM audit_entries WHERE seq = 4",
        f"DELETE FROM audit_entries WHERE seq = {LAST}",
        f"DELETE FROM audit_entries WHERE seq >= {LAST} - 3",
    ],
    ids=["a byte", "who", "one in the middle", "the last", "the tail"],
)
def test_what_is_changed_or_cut_off_is_named(folder, heads, statement):
    whole = admin(folder, "audit", "verify", "--heads", heads)
    assert whole.returncode == 0, whole.stdout + whole.stderr
    with changed(folder, statement):
        found = admin(folder, "audit", "verify", "--heads", heads)
        assert found.returncode == 1, found.stdout + found.stderr
        assert "entry" in found.stdout or "entries" in found.stdout, found.stdout
        faults = json.loads(admin(folder, "audit", "verify", "--heads", heads, "--json").stdout)["faults"]
        assert faults


def test_the_ends_kept_elsewhere_find_a_log_that_was_made_anew(folder, heads):
    """Whoever may write the store can also take out all of a chain, its end included."""
    with changed(folder, "DELETE FROM audit_entries"):
        with contextlib.closing(sqlite3.connect(next((folder / "data").glob("*.sqlite")))) as database:
            database.execute("DELETE FROM audit_heads")
            database.commit()
        found = admin(folder, "audit", "verify", "--heads", heads)
        assert found.returncode == 1, found.stdout + found.stderr
