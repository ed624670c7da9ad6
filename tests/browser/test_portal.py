"""Logging in, keys, usage, and logging out, as people do it."""

import re
import time

import openai
import pytest

from people import KEY, accept, log_in, make_key, submit_password
from team import MODEL


def client(team, key):
    return openai.OpenAI(base_url=team.api, api_key=key, max_retries=0)


def ask(team, key):
    return client(team, key).chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "Say hello."}], max_tokens=16
    )


def whole_way(team, page):
    """alice logs in, makes a key, uses it, sees what it took, revokes it, and leaves."""
    log_in(page, team, "alice")
    accept(page)
    assert page.url == team.portal + "/keys"
    assert "Alice Ångström" in page.content()

    key = make_key(page, team, "notebook")
    assert KEY.fullmatch(key)
    usage = ask(team, key).usage
    assert usage.total_tokens > 0

    deadline = time.monotonic() + 15
    while True:
        page.goto(team.portal + "/usage?days=1")
        shown = page.get_by_role("main").inner_text().replace(",", "")
        if "notebook" in shown:
            break
        assert time.monotonic() < deadline, shown
        time.sleep(0.2)
    assert f"{usage.prompt_tokens}" in shown and MODEL in shown

    page.goto(team.portal + "/keys")
    page.get_by_role("link", name=re.compile("revoke", re.I)).first.click()
    page.get_by_role("button", name=re.compile("revoke", re.I)).click()
    assert page.url == team.portal + "/keys"
    deadline = time.monotonic() + 5
    while True:
        try:
            ask(team, key)
            assert time.monotonic() < deadline, "a revoked key works"
        except openai.AuthenticationError as refused:
            assert refused.status_code == 401
            break

    cookies = page.context.cookies(team.portal)
    page.locator("details.account summary").click()
    page.get_by_role("button", name=re.compile("sign out everywhere", re.I)).click()
    page.wait_for_load_state()
    assert "signed out" in page.content().lower()
    # Whoever kept the cookie has nothing.
    page.context.add_cookies(cookies)
    page.goto(team.portal + "/keys")
    assert page.url.startswith(team.portal + "/?return=")


def test_alice_goes_the_whole_way(team, page):
    whole_way(team, page)


def test_leaving_the_portal_leaves_the_institution(team, page):
    log_in(page, team, "alice")
    accept(page)
    page.goto(team.portal + "/saml/slo")
    page.get_by_role("main").get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_load_state()
    assert page.url.startswith(team.portal + "/saml/sls"), page.url
    page.goto(team.portal + "/saml/login")
    assert page.locator("input[name=password]").count() == 1, "the institution still knows her"


def test_bob_is_refused_and_learns_no_more(team, page):
    with page.expect_response(re.compile("/saml/acs$")) as answered:
        log_in(page, team, "bob")
    assert answered.value.status == 403
    assert "affiliation" not in page.content()
    page.goto(team.portal + "/keys")
    assert page.url.startswith(team.portal + "/?return=")
    assert "no allow rule matches" in team.said()


def test_somebody_comes_back_to_where_they_wanted(team, page):
    log_in(page, team, "alice", "/usage?days=30")
    accept(page)
    page.context.clear_cookies()
    log_in(page, team, "alice", "/usage?days=30")
    assert page.url == team.portal + "/usage?days=30"


@pytest.mark.parametrize("elsewhere", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"])
def test_nobody_is_sent_elsewhere(team, page, elsewhere):
    page.goto(team.portal + "/saml/login?return=" + elsewhere.replace("\\", "%5C"))
    submit_password(page, team, "alice")
    accept(page)
    assert page.url == team.portal + "/keys", page.url


def test_an_answer_works_once_and_in_its_own_browser(team, page, chromium):
    page.goto(team.portal + "/saml/login")
    with page.expect_request(re.compile("/saml/acs$")) as posted:
        submit_password(page, team, "alice")
    body, headers = posted.value.post_data, {"content-type": "application/x-www-form-urlencoded"}
    again = page.request.post(team.portal + "/saml/acs", data=body, headers=headers, max_redirects=0)
    assert again.status == 403
    stranger = chromium.new_context()
    planted = stranger.request.post(team.portal + "/saml/acs", data=body, headers=headers, max_redirects=0)
    assert planted.status == 403
    assert again.text() == planted.text(), "refusals differ"
    stranger.close()


def test_the_institution_ends_a_login(team, page):
    log_in(page, team, "alice")
    accept(page)
    page.goto(team.idp + "/simplesaml/saml2/idp/SingleLogoutService.php?ReturnTo=" + team.idp + "/simplesaml/")
    page.wait_for_load_state("networkidle")
    page.goto(team.portal + "/keys")
    assert page.url.startswith(team.portal + "/?return="), page.url


@pytest.mark.parametrize(
    "switches",
    [{"ENCRYPT": "1"}, {"IDP_KEY2": "1"}, {"SIGN_RESPONSE": "0"}, {"SIGN_ASSERTION": "0"}],
    ids=["encrypted", "two-keys", "signed-assertion", "signed-response"],
)
def test_the_same_with_other_answers(start, page, switches):
    whole_way(start(idp_switches=switches), page)


@pytest.fixture(scope="session")
def other_team(start):
    """With an identity provider of another make."""
    return start(idp="pysaml2")


def test_the_same_with_another_make(other_team, page):
    whole_way(other_team, page)


def test_another_make_encrypts(start, page):
    whole_way(start(idp="pysaml2", idp_switches={"ENCRYPT": "1"}), page)


def test_another_make_is_asked_to_end_its_login(other_team, page):
    log_in(page, other_team, "alice")
    accept(page)
    page.goto(other_team.portal + "/saml/slo")
    page.get_by_role("main").get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_load_state()
    assert page.url.startswith(other_team.portal + "/saml/sls"), page.url


def test_another_make_ends_a_login_and_refuses_bob(other_team, page):
    log_in(page, other_team, "alice")
    accept(page)
    page.goto(other_team.idp + "/logout")
    page.wait_for_load_state()
    assert page.url.startswith(other_team.idp + "/slo"), page.url
    page.goto(other_team.portal + "/keys")
    assert page.url.startswith(other_team.portal + "/?return="), other_team.said()[-2_000:]
    with page.expect_response(re.compile("/saml/acs$")) as answered:
        log_in(page, other_team, "bob")
    assert answered.value.status == 403
