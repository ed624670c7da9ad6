"""axe-core on every page, light and dark, on a phone and on a desk."""

import os
import pathlib
import time

import openai
import pytest
from axe_playwright_python.sync_playwright import Axe

from people import accept, log_in, make_key
from team import MODEL
from test_admin import to_the_administration

SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 900}}
# Screenshots are kept where somebody wants to look at them.
SHOTS = os.environ.get("LLMGW_SCREENSHOTS")


def look(page, name):
    """No violation, and no page that has to be moved sideways."""
    if SHOTS:
        page.screenshot(path=pathlib.Path(SHOTS) / f"{name}.png", full_page=True)
    found = Axe().run(page)
    assert found.violations_count == 0, f"{name}: {found.generate_report()}"
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{name} is {wide} px too wide"


def use(team, key):
    """A page of usage has something to show."""
    client = openai.OpenAI(base_url=team.api, api_key=key, max_retries=0)
    client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "Count to three."}], max_tokens=16
    )
    time.sleep(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page(team, chromium, scheme, size):
    context = chromium.new_context(viewport=SIZES[size], color_scheme=scheme)
    page = context.new_page()
    errors = []

    def note(message):
        # The identity provider's own pages are not ours to judge.
        if message.type == "error" and message.location["url"].startswith(team.portal):
            errors.append(message.text)

    page.on("console", note)

    def at(path, name):
        page.goto(team.portal + path)
        look(page, f"{name}-{size}-{scheme}")

    at("/", "sign-in")
    log_in(page, team, "alice")
    if page.url.endswith("/agreement"):
        look(page, f"agreement-{size}-{scheme}")
        accept(page)
    key = make_key(page, team, f"{size} {scheme}")
    look(page, f"made-{size}-{scheme}")
    use(team, key)
    for path in ("keys", "usage", "usage?days=1", "usage?days=30", "limits", "models", "saml/slo"):
        at(f"/{path}", path.replace("?days=", "-").replace("/", "-"))
    page.goto(team.portal + "/keys")
    page.get_by_role("link", name="Revoke").first.click()
    look(page, f"revoke-{size}-{scheme}")
    page.get_by_role("button", name="Revoke").click()
    look(page, f"revoked-{size}-{scheme}")
    to_the_administration(page)
    look(page, f"hand-over-{size}-{scheme}")
    page.get_by_role("button", name="Go on to the administration").click()
    page.wait_for_url(team.administration + "/")
    look(page, f"administration-{size}-{scheme}")
    for path in ("sign-in", "nowhere"):
        page.goto(f"{team.administration}/{path}")
        look(page, f"administration-{path}-{size}-{scheme}")
    # The policy of the pages was never in the way.
    assert not errors, errors
    at("/nothing", "not-found")
    context.close()
