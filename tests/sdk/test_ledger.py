"""When all else has run: the ledger holds what the clients were told, and what the model server counted."""

import collections
import urllib.request

import pytest

from gateway import UPSTREAM_KEY
from gateway import Tokens, eventually


@pytest.fixture(scope="module")
def events(admin, calls):
    """The whole ledger, once as many records are there as requests were admitted."""
    assert calls.recorded(), "no other test ran, so there is nothing to compare"
    return eventually(admin.events, lambda seen: len(seen) >= len(calls.recorded()))


def test_each_admitted_request_once_and_no_other(events, calls):
    recorded = collections.Counter(event["request_id"] for event in events)
    assert recorded == collections.Counter(call.request_id for call in calls.recorded())


def test_tokens_are_those_the_client_was_told(events, calls):
    by_id = {event["request_id"]: event for event in events}
    told = [call for call in calls.recorded() if call.tokens]
    differing = [
        (call, by_id[call.request_id]) for call in told if Tokens.of_record(by_id[call.request_id]) != call.tokens
    ]
    assert told and not differing


def test_answers_are_complete_and_reported(events, calls):
    answered = {call.request_id for call in calls.recorded() if call.status == 200}
    kinds = {(e["status"], e["end"], e["source"]) for e in events if e["request_id"] in answered}
    assert kinds == {(200, "complete", "reported")}


def test_failures_are_recorded_and_cost_nothing(events, calls):
    failed = {call.request_id: call.status for call in calls.recorded() if call.status != 200}
    rows = [e for e in events if e["request_id"] in failed]
    assert len(rows) == len(failed)
    for row in rows:
        assert row["end"] == "upstream_error"
        assert row["status"] == failed[row["request_id"]]
        assert set(row["tokens"].values()) == {0} and row["cost"] == 0


def test_sum_is_what_the_model_server_counted(events, model_servers):
    """Its own counters, over all that it ever did: so streams that showed no usage are right too."""
    chats = [Tokens.of_record(event) for event in events if event["model"] == "smollm2"]
    recorded = (sum(tokens.prompt for tokens in chats), sum(tokens.completion for tokens in chats))
    # It publishes a moment after it answers.
    counted = eventually(lambda: counters(model_servers["smollm2"]), lambda seen: seen == recorded)
    assert recorded == counted


def test_totals_are_the_sum_of_the_events(admin, events):
    total = admin.total()
    assert total["requests"] == len(events)
    for kind in ("prompt", "cached", "completion", "reasoning"):
        assert total["tokens"][kind] == sum(event["tokens"][kind] for event in events)
    assert total["cost"] == sum(event["cost"] for event in events)


def counters(address):
    request = urllib.request.Request(
        address + "/metrics", headers={"Authorization": f"Bearer {UPSTREAM_KEY}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        lines = [line.split() for line in answer.read().decode().splitlines() if not line.startswith("#")]
    value = {name: int(float(number)) for name, number in lines}
    prompt = value["llamacpp:prompt_tokens_total"] + value["llamacpp:prompt_tokens_cached_total"]
    return prompt, value["llamacpp:tokens_predicted_total"]
