"""A pod of the gateway is deleted under load, with the manifests' timings in a third, so that a busy machine has room."""

import os

import lifecycle

SCALE = 0.3
# Past preStop and linger, and well within drain.
STREAM_SECONDS = 8.0


def test_a_deleted_pod_refuses_nobody_and_cuts_no_stream():
    seen = lifecycle.play(os.environ["LLMGW_BINARIES"], SCALE, STREAM_SECONDS)

    assert seen.short_failed == []
    assert seen.short_after_sigterm > 0
    assert seen.unready_seen <= seen.endpoint_gone < (seen.timings["pre_stop"] + seen.timings["linger"]) * SCALE
    assert seen.streams_whole == lifecycle.STREAMS == seen.streams_ended_after_sigterm
    assert seen.liveness_failed == 0
    assert seen.exit_status == 0 and seen.exited < seen.grace
    assert seen.records == seen.records_complete == lifecycle.STREAMS + seen.short_answered
    assert seen.journal_left == 0
