//! Roll-ups compared with, and made anew from, the records.

use llmgw_usage::ledger::RollupCheck;
use rusqlite::Connection;

// Times before 1970 are cut towards it here and away from it in reports; no request was that early.
const EXPECTED: &str = "
    SELECT time / 3600000000 AS hour, dimension_id, count(*) AS requests, sum(charged) AS charged,
        sum(prompt) AS prompt, sum(cached) AS cached, sum(completion) AS completion,
        sum(reasoning) AS reasoning, sum(cost) AS cost, min(id) AS first_id, max(id) AS last_id
    FROM usage_events GROUP BY 1, 2";

pub(super) fn verify(connection: &Connection) -> rusqlite::Result<RollupCheck> {
    // A row that only one side has is all NULLs on the other, and so differs.
    let text = format!(
        "WITH expected AS ({EXPECTED})
        SELECT count(*), count(*) FILTER (WHERE
            (e.requests, e.charged, e.prompt, e.cached, e.completion, e.reasoning, e.cost, e.first_id, e.last_id)
            IS NOT
            (h.requests, h.charged, h.prompt, h.cached, h.completion, h.reasoning, h.cost, h.first_id, h.last_id))
        FROM expected AS e FULL JOIN usage_hourly AS h
            ON h.hour = e.hour AND h.dimension_id = e.dimension_id"
    );
    let count = |row: &rusqlite::Row<'_>, at| row.get::<_, i64>(at).map(i64::unsigned_abs);
    connection.query_row(&text, [], |row| {
        Ok(RollupCheck {
            checked: count(row, 0)?,
            differences: count(row, 1)?,
        })
    })
}

pub(super) fn rebuild(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "DELETE FROM usage_hourly;
        INSERT INTO usage_hourly (hour, dimension_id, requests, charged, prompt, cached, completion, reasoning,
            cost, first_id, last_id) {EXPECTED};
        DELETE FROM usage_hours;
        INSERT INTO usage_hours (hour, first_id, last_id)
            SELECT time / 3600000000, min(id), max(id) FROM usage_events GROUP BY 1;"
    ))
}
