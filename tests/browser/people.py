"""What people do in their browsers."""

import re

KEY = re.compile(r"sk-llmgw-[0-9A-Za-z]{49}")


def log_in(page, team, name, path="/"):
    """Goes to the portal and logs in at the institution."""
    page.goto(team.portal + path)
    if page.get_by_role("link", name=re.compile("sign in", re.I)).count():
        page.get_by_role("link", name=re.compile("sign in", re.I)).first.click()
        # On a busy machine the browser is still on its way to the institution.
        page.wait_for_url(lambda url: not url.startswith(team.portal + "/saml/login"))
    if "127.0.0.1" in page.url:
        submit_password(page, team, name)


def submit_password(page, team, name):
    """Logs in at the institution, whose page then posts its answer to the portal."""
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", f"{name}pw")
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url(team.portal + "/**")


def accept(page):
    """Accepts the agreement, where it is shown."""
    if page.url.endswith("/agreement"):
        page.get_by_role("button", name="I agree").click()


def make_key(page, team, name):
    """Makes a key, and gives its text."""
    page.goto(team.portal + "/keys")
    page.get_by_label("Name", exact=True).first.fill(name)
    page.get_by_role("button", name="Make key").click()
    return KEY.search(page.content()).group()
