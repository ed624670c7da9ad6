"""What schemathesis looks at besides what it knows: errors of the administration are problem details (RFC 9457)."""

import schemathesis

FIELDS = {"type", "title", "status", "detail"}


@schemathesis.check
def problem_details(context, response, case):
    if response.status_code < 400 or case.method == "HEAD":
        return
    media_type = response.headers.get("content-type", [""])[0]
    assert media_type == "application/problem+json", f"{response.status_code} is {media_type or 'of no media type'}"
    problem = response.json()
    assert FIELDS <= problem.keys(), f"only {sorted(problem)}"
    assert problem["status"] == response.status_code
    assert problem["detail"], "it does not say what to do"
