#!/usr/bin/env python3
"""Writes docs/reference/command-lines.md: what `--help` of each program and of each of its commands says.

Usage: command_lines.py BINARIES > docs/reference/command-lines.md
"""

import os
import pathlib
import re
import subprocess
import sys

PROGRAMS = ("llm-gateway", "llm-gateway-portal", "llm-gateway-admin", "llm-gateway-standalone")
HEAD = """# Command lines

<!-- Made by tests/docs/command_lines.py; do not edit. -->

What `--help` says. `--help` and `--version` themselves, and options that stand before a command as well, are left out of
the commands. Exit codes: 0 done, 1 failed, 2 wrong usage, 78 bad configuration.
"""
COMMAND = re.compile(r"^  ([a-z][a-z-]*) +\S", re.MULTILINE)


def help_of(binaries, words):
    ran = subprocess.run(
        [pathlib.Path(binaries) / words[0], *words[1:], "--help"],
        env={"PATH": os.environ["PATH"], "COLUMNS": "100"},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return "\n".join(line.rstrip() for line in ran.stdout.splitlines()) + "\n"


def commands_of(text):
    _, found, rest = text.partition("\nCommands:\n")
    return [name for name in COMMAND.findall(rest.split("\n\n")[0]) if name != "help"] if found else []


def shown(text):
    """Without what is the same everywhere."""
    text = re.sub(r"\n +-h, --help\n +[^\n]*\n", "\n", text)
    text = re.sub(r"\n +-V, --version\n +[^\n]*\n", "\n", text)
    text = re.sub(r"\n +-[hV], --(?:help|version) [^\n]*", "", text)
    text = re.sub(r"\nOptions:\n+(?=\n|$)", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def sections(binaries, words):
    text = help_of(binaries, words)
    level = "#" * (1 + min(len(words), 3))
    yield f"{level} {' '.join(words)}\n\n```text\n{shown(text)}\n```\n"
    for command in commands_of(text):
        yield from sections(binaries, [*words, command])


def page(binaries):
    parts = [HEAD]
    for program in PROGRAMS:
        parts.extend(sections(binaries, [program]))
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page(sys.argv[1]))
