"""The part of `make demo-portal` after the build: starts all parts and says where they are, until Ctrl-C.

Ends only what it started, and leaves no file behind.
"""

import argparse
import pathlib
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "browser"))
from team import MODEL, Team  # noqa: E402


def main():
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("--binaries", required=True, help="the folder of the built programs")
    options = reader.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="llmgw-demo-") as folder:
        team = Team(folder, options.binaries)
        print("demo: starting all parts", flush=True)
        team.start()
        try:
            tell(team)
            wait(team)
        finally:
            team.stop()


def tell(team):
    print(f"""
portal     {team.portal}     log in as alice, password alicepw; bob (bobpw) is a student and not let in
admin      {team.administration}     from the portal, by the menu under alice's name; or with the admin key {team.admin_key}
LLM API    {team.api}    model {MODEL}; the portal gives you a key and lines to paste
identity   {team.idp}/simplesaml

serving until Ctrl-C""", flush=True)


def wait(team):
    try:
        while not any(server.ended() for server in team.running):
            time.sleep(0.5)
    except KeyboardInterrupt:
        print()
        return
    for server in team.running:
        if server.ended():
            sys.exit(f"demo: the {server.name} ended by itself:\n{server.said()}")


if __name__ == "__main__":
    main()
