"""The metrics that docs/reference/metrics.md names."""

import dataclasses
import pathlib
import re

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "reference" / "metrics.md"
ROW = re.compile(r"^\| `(?P<name>\w+)` \| (?P<type>gauge|counter|histogram) \|(?P<labels>[^|]*)\|")


@dataclasses.dataclass(frozen=True)
class Metric:
    name: str
    type: str
    labels: frozenset

    @property
    def family(self):
        """The name without what OpenMetrics adds to a counter's."""
        return self.name.removesuffix("_total") if self.type == "counter" else self.name

    @property
    def series(self):
        """The names under which Prometheus keeps it."""
        if self.type == "histogram":
            return {self.name + part for part in ("_bucket", "_sum", "_count")}
        return {self.name}


def documented():
    rows = [row for row in map(ROW.match, PAGE.read_text().splitlines()) if row]
    return [Metric(row["name"], row["type"], frozenset(re.findall(r"`(\w+)`", row["labels"]))) for row in rows]
