"""axe-core on every page, light and dark, on a phone and on a desk."""

import pathlib
import os

import pytest
from axe_playwright_python.sync_playwright import Axe

from people import accept, log_in, make_key

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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page(team, chromium, scheme, size):
    context = chromium.new_context(viewport=SIZES[size], color_scheme=scheme)
    page = context.new_page()
    errors = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)

    def at(path, name):
        page.goto(team.portal + path)
        look(page, f"{name}-{size}-{scheme}")

    at("/", "sign-in")
    log_in(page, team, "alice")
    if page.url.endswith("/agreement"):
        look(page, f"agreement-{size}-{scheme}")
        accept(page)
    make_key(page, team, f"{size} {scheme}")
    look(page, f"made-{size}-{scheme}")
    for path in ("keys", "usage", "usage?days=1", "usage?days=30", "limits", "models", "saml/slo"):
        at(f"/{path}", path.replace("?days=", "-").replace("/", "-"))
    page.goto(team.portal + "/keys")
    page.get_by_role("link", name="Revoke").first.click()
    look(page, f"revoke-{size}-{scheme}")
    page.get_by_role("button", name="Revoke").click()
    look(page, f"revoked-{size}-{scheme}")
    # The policy of the pages was never in the way.
    assert not errors, errors
    at("/nothing", "not-found")
    context.close()
