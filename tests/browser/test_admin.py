"""From the portal to the administration, and who may do what there."""

import re

import pytest

from people import accept, log_in


def to_the_administration(page):
    """From any page of the portal, as far as the page with the button that leads on."""
    page.locator("details.account summary").click()
    page.get_by_role("button", name="Administration").click()
    page.wait_for_load_state()


def hand_over(team, page, name="alice"):
    """Somebody logs in and goes on to the administration; returns what the browser posted there."""
    log_in(page, team, name)
    accept(page)
    to_the_administration(page)
    with page.expect_request(team.administration + "/handover") as posted:
        page.get_by_role("button", name="Go on to the administration").click()
    page.wait_for_url(team.administration + "/")
    return posted.value


def forget(team, page):
    """As the command line does it: all that came of alice is as before."""
    for command in (("role", "admin"), ("resume",)):
        team.admin("user", command[0], person(team), *command[1:])


def person(team):
    """What alice is called in lists."""
    listed = team.admin("user", "list")
    return re.search(r"\S*alice\S*", listed).group()


def test_alice_is_handed_over_and_leaves(team, page):
    posted = hand_over(team, page)
    assert "token=" in posted.post_data and "token" not in posted.url
    assert "Administrator" in page.content()
    cookies = page.context.cookies(team.administration)
    assert {"__Host-llmgw-admin"} <= {cookie["name"] for cookie in cookies if cookie["httpOnly"] and cookie["secure"]}
    page.locator("details.account summary").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_load_state()
    assert "signed out" in page.content()
    page.context.add_cookies(cookies)
    page.goto(team.administration + "/")
    assert page.url == team.administration + "/sign-in", page.url


def test_a_token_that_was_used_lets_nobody_in(team, page, chromium):
    posted = hand_over(team, page)
    headers = {"content-type": "application/x-www-form-urlencoded"}
    stranger = chromium.new_context()
    for browser in (page.context, stranger):
        again = browser.request.post(posted.url, data=posted.post_data, headers=headers, max_redirects=0)
        assert again.status == 403 and "set-cookie" not in again.headers
    stranger.close()
    token = posted.post_data.removeprefix("token=")
    assert "it was used before" in team.said() and token[-40:] not in team.said()


def test_who_is_suspended_or_no_administrator_any_more_is_out_at_once(team, page):
    try:
        hand_over(team, page)
        team.admin("user", "suspend", person(team))
        page.goto(team.administration + "/")
        assert page.url == team.administration + "/sign-in", page.url
        forget(team, page)
        page.context.clear_cookies()
        hand_over(team, page)
        team.admin("user", "role", person(team), "user")
        answer = page.request.get(team.administration + "/api/v1/keys")
        assert answer.status == 401, answer.text()
    finally:
        forget(team, page)


def test_signing_out_everywhere_at_the_portal_ends_it_here(team, page):
    hand_over(team, page)
    page.goto(team.portal + "/keys")
    page.locator("details.account summary").click()
    page.get_by_role("button", name="Sign out everywhere").click()
    page.wait_for_load_state()
    page.goto(team.administration + "/")
    assert page.url == team.administration + "/sign-in", page.url


def test_the_session_reads_over_rest_and_changes_with_its_token_alone(team, page):
    hand_over(team, page)
    url = team.administration + "/api/v1/models"
    assert page.request.get(url).status == 200
    model = {"id": "made-by-alice"}
    assert page.request.post(url, data=model).status == 403
    token = page.locator("input[name=csrf]").first.input_value()
    assert page.request.post(url, data=model, headers={"x-csrf-token": token}).status == 201
    audited = team.admin("audit", "list")
    assert re.search(r"model\.create.*", audited) and person(team) in audited, audited
    assert page.request.delete(url + "/made-by-alice", headers={"x-csrf-token": token}).status == 204


def test_the_admin_key_opens_the_pages(team, page):
    page.goto(team.administration + "/")
    page.locator("input[name=key]").fill("this-is-another-key")
    page.get_by_role("button", name="Sign in with the admin key").click()
    assert "This is not the admin key." in page.content()
    page.locator("input[name=key]").fill(team.admin_key)
    page.get_by_role("button", name="Sign in with the admin key").click()
    page.wait_for_url(team.administration + "/")
    assert "admin key" in page.locator("details.account summary").inner_text()
    assert team.admin_key not in team.said()


@pytest.mark.parametrize("path", ["/", "/sign-in", "/nowhere"])
def test_pages_obey_their_own_policy(team, page, path):
    errors = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(team.administration + path)
    assert [error for error in errors if "404" not in error] == []
