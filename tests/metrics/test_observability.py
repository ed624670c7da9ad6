"""The dashboard and the alert rules ask for nothing but metrics that there are."""

import json
import pathlib
import re
import subprocess
import tempfile

import pytest

from documented import documented

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "observability"
NAME = re.compile(r"\b(?:llmgw|gen_ai)_\w+")
SELECTED = re.compile(r"\b(?P<name>(?:llmgw|gen_ai)_\w+)\s*\{(?P<labels>[^}]*)\}")
# What Prometheus adds, and what a histogram's buckets have.
ADDED = {"instance", "job", "le"}


def promtool(*command):
    return subprocess.run(["promtool", *command], cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def expressions():
    for panel in json.loads((FOLDER / "dashboard.json").read_text())["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for block in re.split(r"\n\s+- alert: ", (FOLDER / "alerts.yaml").read_text())[1:]:
        expression = re.search(r"expr: \|?\s*(.*?)\n\s+for:", block, re.DOTALL)
        yield block.splitlines()[0], expression[1]


@pytest.mark.parametrize(("title", "expression"), list(expressions()))
def test_each_metric_exists_with_its_labels(title, expression):
    known = {name: metric for metric in documented() for name in metric.series}
    names = NAME.findall(expression)
    assert names, f"{title} asks for no metric of ours"
    for name in names:
        assert name in known, title
    for selected in SELECTED.finditer(expression):
        labels = set(re.findall(r"(\w+)\s*=~?", selected["labels"]))
        assert labels <= known[selected["name"]].labels | ADDED, title
    grouped = {label for group in re.findall(r"by \(([^)]*)\)", expression) for label in re.split(r",\s*", group)}
    assert grouped <= ADDED.union(*(known[name].labels for name in names)), title


def test_every_metric_but_the_version_is_looked_at():
    asked = " ".join(expression for _, expression in expressions())
    unseen = [metric.name for metric in documented() if not metric.series & set(NAME.findall(asked))]
    assert unseen == ["llmgw_build_info"]


@pytest.mark.parametrize("command", [("check", "rules", "alerts.yaml"), ("test", "rules", "alerts_test.yaml")])
def test_promtool_takes_the_rules(command):
    ran = promtool(*command)
    assert ran.returncode == 0, ran.stdout


def test_prometheus_can_read_each_panel():
    read = [
        expression.replace("$__rate_interval", "5m").replace("$instance", ".*").replace("$model", ".*")
        for _, expression in expressions()
    ]
    rules = [{"record": f"panel:{number}:read", "expr": expression} for number, expression in enumerate(read)]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"groups": [{"name": "panels", "rules": rules}]}, file)
        file.flush()
        ran = promtool("check", "rules", file.name)
    assert ran.returncode == 0, ran.stdout
