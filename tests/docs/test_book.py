"""The book builds, its links lead somewhere, and what is generated is current."""

import html.parser
import os
import pathlib
import re
import subprocess
import tempfile
import urllib.parse

import pytest

import command_lines

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
BINARIES = pathlib.Path(os.environ["LLMGW_BINARIES"])
GENERATED = {
    "configuration.md": ("llm-gateway", "config", "reference"),
    "configuration-portal.md": ("llm-gateway-portal", "config", "reference"),
    "configuration-admin.md": ("llm-gateway-admin", "config", "reference"),
}


class Page(html.parser.HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self, text):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if found.get("id"):
            self.anchors.add(found["id"])
        for name in ("href", "src"):
            if found.get(name) and tag in ("a", "img"):
                self.links.append(found[name])


@pytest.fixture(scope="module")
def book():
    cache = pathlib.Path(os.environ.get("LLMGW_CACHE", pathlib.Path.home() / ".cache" / "llmgw"))
    mdbook = next(cache.glob("mdbook-*/bin/mdbook"), None)
    assert mdbook, "mdbook is missing; scripts/install-test-deps.sh brings it"
    with tempfile.TemporaryDirectory(prefix="llmgw-book-") as folder:
        ran = subprocess.run(
            [mdbook, "build", DOCS, "--dest-dir", folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert ran.returncode == 0, ran.stdout
        assert "WARN" not in ran.stdout and "ERROR" not in ran.stdout, ran.stdout
        yield pathlib.Path(folder)


def broken(links, base, folder, pages):
    for link in links:
        parts = urllib.parse.urlsplit(link)
        if parts.scheme or parts.netloc:
            assert parts.scheme in ("http", "https", "mailto"), link
            continue
        target = (base.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else base
        if target.suffix == ".html" and target.is_relative_to(folder):
            if target not in pages:
                yield f"{link}: no such page"
            elif parts.fragment and urllib.parse.unquote(parts.fragment) not in pages[target].anchors:
                yield f"{link}: no such anchor"
        elif not target.exists():
            yield f"{link}: no such file"


def test_every_link_of_the_book_leads_somewhere(book):
    book = book.resolve()
    pages = {path: Page(path.read_text()) for path in book.rglob("*.html") if path.name not in ("print.html", "404.html", "toc.html")}
    assert len(pages) > 40
    outside = re.compile(r"^(?:\.\./)+(?:LICENSE|README|tests|crates|deploy|scripts|bins|deny\.toml|Cargo)")
    wrong = []
    for path, page in pages.items():
        inside = [link for link in page.links if not outside.match(link)]
        wrong += [f"{path.relative_to(book)}: {said}" for said in broken(inside, path, book, pages)]
    assert wrong == []


def test_every_document_is_in_the_book():
    listed = set(re.findall(r"\]\(([^)]+\.md)\)", (DOCS / "SUMMARY.md").read_text()))
    there = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")} - {"SUMMARY.md"}
    assert listed == there


@pytest.mark.parametrize("name", GENERATED)
def test_the_reference_of_settings_is_current(name):
    program, *words = GENERATED[name]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LLMGW_")}
    said = subprocess.run([BINARIES / program, *words], env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert (DOCS / "reference" / name).read_text() == said


def test_the_reference_of_command_lines_is_current():
    assert (DOCS / "reference" / "command-lines.md").read_text() == command_lines.page(BINARIES)


def test_every_code_of_an_error_is_explained():
    sources = [ROOT / "crates/gateway-http/src/api_error.rs", ROOT / "crates/gateway-http/src/api_error/words.rs"]
    text = "\n".join(path.read_text() for path in sources)
    codes = set(re.findall(r'"([a-z]+(?:_[a-z]+)+)"', text)) - {"previous_response_id"}
    explained = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", (DOCS / "reference" / "errors.md").read_text()))
    assert len(codes) > 30
    assert codes - explained == set()
    assert explained - codes - {"previous_response_id"} == set()


def test_the_example_of_the_crates_does_what_the_guide_says():
    example = BINARIES / "examples" / "own_service"
    said = subprocess.run([example, "--once"], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    assert said[:2] == ["olleh", "dlrow"]
    assert said[2] == "refused: 2 requests per day is used up" and said[3].startswith("refused: ")
