"""The pages of the administration in a real browser, on one program: from the first model to the report."""

import os
import pathlib
import re
import shutil
import tempfile
import time

import openai
import pytest
from axe_playwright_python.sync_playwright import Axe

from people import KEY
from servers import start_gateway, start_model_server
from team import ROOT

MODEL_KEY = "secret-of-the-model-server"
SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 900}}
SHOTS = os.environ.get("LLMGW_SCREENSHOTS")


@pytest.fixture(scope="module")
def alone(fetched):
    """Model server and gateway, with no model yet."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="llmgw-administration-"))
    binary = pathlib.Path(os.environ.get("LLMGW_STANDALONE_BIN", ROOT / "target" / "debug" / "llm-gateway-standalone"))
    model = start_model_server(folder, "smollm2", MODEL_KEY)
    gateway = start_gateway(binary, folder, {}, "another key than that of the model")
    try:
        yield gateway.ready | {"model_server": model.ready["listening"]}
    finally:
        gateway.stop()
        model.stop()
        shutil.rmtree(folder, ignore_errors=True)


def sign_in(page, alone):
    page.goto(alone["admin_pages"])
    page.get_by_label("Admin key").fill(alone["admin_key"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(alone["admin_pages"].rstrip("/") + "/")


def go(page, alone, path):
    page.goto(alone["admin_pages"].rstrip("/") + path)


def look(page, name):
    """No violation, and no page that has to be moved sideways."""
    if SHOTS:
        page.screenshot(path=pathlib.Path(SHOTS) / f"{name}.png", full_page=True)
    found = Axe().run(page)
    assert found.violations_count == 0, f"{name}: {found.generate_report()}"
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{name} is {wide} px too wide"


def add_model(page, alone, name):
    go(page, alone, "/models")
    page.get_by_role("link", name="Add a model").click()
    page.get_by_label("Name", exact=True).first.fill(name)
    page.get_by_label("Address").fill(alone["model_server"])
    page.get_by_label("Its own name for the model").fill("smollm2")
    page.get_by_label("Secret", exact=True).fill(MODEL_KEY)
    page.get_by_label("Prompt", exact=True).fill("0.50")
    page.get_by_label("Answer", exact=True).fill("1.50")
    page.get_by_role("button", name="Add a model").click()
    page.wait_for_url("**/models?done=added")


def ask(alone, key, model):
    client = openai.OpenAI(base_url=alone["api"], api_key=key, max_retries=0)
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello"}], max_tokens=4)


def test_from_the_first_model_to_the_report(alone, page):
    sign_in(page, alone)
    assert "There is no model yet" in page.content()
    add_model(page, alone, "first-model")
    # Gateways have it within a second.
    deadline = time.monotonic() + 1
    client = openai.OpenAI(base_url=alone["api"], api_key=alone["key"], max_retries=0)
    while "first-model" not in [model.id for model in client.models.list()]:
        assert time.monotonic() < deadline, "the model is not served after a second"
        time.sleep(0.05)

    go(page, alone, "/new-key")
    page.get_by_label("Owner").fill("bob")
    page.get_by_label("Name").fill("Course")
    page.get_by_label("Amount of limit 1").fill("3")
    page.get_by_label("What limit 1 counts").select_option("requests/day")
    page.get_by_role("button", name="Make the key").click()
    key = KEY.search(page.content()).group()
    page.get_by_role("link", name="To the key").click()
    assert "requests per day" in page.content() and key not in page.content()

    # The secret that was given once is shown nowhere, and stays when something else is saved.
    go(page, alone, "/models/first-model")
    assert MODEL_KEY not in page.content() and page.get_by_label("Where its secret is").first.input_value() == "sealed"
    page.get_by_label("Run by").fill("the institute")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/models/first-model?done=saved")

    answered = 0
    with pytest.raises(openai.RateLimitError):
        for _ in range(5):
            ask(alone, key, "first-model")
            answered += 1
    assert answered == 3

    def shown():
        go(page, alone, "/reports?by=user,model&bucket=day")
        return page.get_by_role("row", name=re.compile("bob first-model 3 "))

    deadline = time.monotonic() + 10
    while shown().count() == 0:
        assert time.monotonic() < deadline, page.content()
        time.sleep(0.2)
    with page.expect_download() as file:
        page.get_by_role("link", name="CSV").click()
    assert "bob" in pathlib.Path(file.value.path()).read_text()
    go(page, alone, "/audit?subject=model:first-model")
    assert page.get_by_text("model.create").count() >= 1
    page.get_by_role("link", name="Look for changes").click()
    assert "Nothing was changed in the log." in page.content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page(alone, chromium, scheme, size):
    context = chromium.new_context(viewport=SIZES[size], color_scheme=scheme)
    page = context.new_page()
    errors = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    go(page, alone, "/")
    look(page, f"admin-sign-in-{size}-{scheme}")
    sign_in(page, alone)
    model = f"model-{size}-{scheme}"
    add_model(page, alone, model)
    look(page, f"admin-models-{size}-{scheme}")
    go(page, alone, f"/models/{model}")
    look(page, f"admin-model-{size}-{scheme}")
    go(page, alone, "/new-key")
    page.get_by_label("Owner").fill("eve")
    page.get_by_label("Name").fill(model)
    page.get_by_label("Amount of limit 1").fill("2")
    page.get_by_role("button", name="Make the key").click()
    look(page, f"admin-made-{size}-{scheme}")
    ask(alone, KEY.search(page.content()).group(), model)
    page.get_by_role("link", name="To the key").click()
    look(page, f"admin-key-{size}-{scheme}")
    page.get_by_role("link", name="Revoke").click()
    look(page, f"admin-revoke-{size}-{scheme}")
    page.get_by_role("button", name="Revoke").click()
    look(page, f"admin-revoked-{size}-{scheme}")
    page.get_by_role("link", name="eve").click()
    look(page, f"admin-user-{size}-{scheme}")
    paths = ["/", "/new-model", "/keys", "/new-key", "/users", "/new-user", "/limits", "/group?group=staff", "/reports",
             "/reports?by=key&bucket=hour", "/chargeback", "/audit", "/audit/check"]  # fmt: skip
    for path in paths:
        go(page, alone, path)
        look(page, f"admin{re.sub('[^a-z]+', '-', path)}-{size}-{scheme}")
    # The policy of the pages was never in the way.
    assert not errors, errors
    go(page, alone, "/new-model")
    page.get_by_label("Address").fill("ftp://typed")
    page.get_by_role("button", name="Add a model").click()
    assert page.get_by_label("Address").input_value() == "ftp://typed"
    look(page, f"admin-model-refused-{size}-{scheme}")
    context.close()
