"""Nothing that is secret, and nothing that people asked or were answered, is in a log, at whatever level."""

import base64
import re
import urllib.parse

import openai

from people import KEY, accept, log_in, make_key
from team import MODEL
from test_admin import to_the_administration

PROMPT = "Which colour has the canary of the lighthouse keeper?"
EVERYTHING = '[log]\nlevel = "trace"\n'


def test_no_secret_is_in_any_log(start, page):
    team = start(settings=EVERYTHING)
    with page.expect_request(re.compile("/saml/acs$")) as posted:
        log_in(page, team, "alice")
    accept(page)
    key = make_key(page, team, "canary")
    client = openai.OpenAI(base_url=team.api, api_key=key, max_retries=0)
    answer = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": PROMPT}], max_tokens=24
    )
    cookies = [cookie["value"] for cookie in page.context.cookies(team.portal)]
    asked = posted.value.headers_array()
    csrf = page.locator("input[name=csrf]").first.input_value()
    to_the_administration(page)
    with page.expect_request(team.administration + "/handover") as handed:
        page.get_by_role("button", name="Go on to the administration").click()
    page.wait_for_url(team.administration + "/")
    token = handed.value.post_data.removeprefix("token=")
    cookies += [cookie["value"] for cookie in page.context.cookies(team.administration)]
    page.goto(team.portal + "/keys")
    page.get_by_role("link", name="Revoke").first.click()
    page.get_by_role("button", name="Revoke").click()
    page.locator("details.account summary").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_load_state()

    response = urllib.parse.parse_qs(posted.value.post_data)["SAMLResponse"][0]
    xml = base64.b64decode(response).decode()
    secrets = {
        "a key": key,
        "the token of a form": csrf,
        "the password": "alicepw",
        "a message of the identity provider": response[:60],
        "its end": response[-60:],
        "an assertion": "AttributeStatement",
        "a name": "Ångström",
        "a signature": re.search(r"SignatureValue>\s*([A-Za-z0-9+/]{40})", xml).group(1),
        "a hand-over": token,
        "its signature": token.rsplit(".")[-1],
        "the admin key": team.admin_key,
        "a prompt": PROMPT,
        "an answer": answer.choices[0].message.content.strip()[:20],
        "the pepper": (team.folder / "pepper").read_text(),
        "the model server's key": team.model_key,
        "our private key": (team.folder / "sp.key").read_text().splitlines()[2],
    }
    secrets |= {f"cookie {number}": value for number, value in enumerate(cookies)}
    secrets |= {f"login cookie {number}": value for number, value in enumerate(login_cookies(asked))}
    assert len(secrets) > 14 and all(len(secret) > 5 for secret in secrets.values()), secrets.keys()
    for name in ("gateway", "portal", "administration"):
        log = (team.folder / f"{name}.log").read_text(errors="replace")
        # It is the log, and it says everything.
        assert " TRACE " in log and " INFO " in log, name
        for what, secret in secrets.items():
            for form in (secret, urllib.parse.quote(secret, safe=""), urllib.parse.unquote(secret)):
                assert form not in log, f"{what} is in the log of the {name}: {line_with(log, form)}"
    assert KEY.search("".join((team.folder / f"{name}.log").read_text() for name in ("gateway", "portal"))) is None


def login_cookies(headers):
    """What the browser brought along to the ACS."""
    sent = "; ".join(header["value"] for header in headers if header["name"].lower() == "cookie")
    return [pair.split("=", 1)[1] for pair in sent.split("; ") if "=" in pair]


def line_with(log, secret):
    line = next((line for line in log.splitlines() if secret in line), "")
    return line[:60] + " ... " + line[-60:]
