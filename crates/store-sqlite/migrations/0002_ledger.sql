-- Everything a report can be broken down by, once per combination: an event then needs one small number for
-- it. Rows are never changed or removed. No target is the empty text, because NULLs are never equal.
CREATE TABLE usage_dimensions (
    id       INTEGER NOT NULL PRIMARY KEY,
    user_id  BLOB NOT NULL,
    key_id   BLOB NOT NULL,
    model    TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    target   TEXT NOT NULL,
    group_set TEXT NOT NULL,
    UNIQUE (user_id, key_id, model, endpoint, target, group_set)
) STRICT;

CREATE INDEX usage_dimensions_by_key ON usage_dimensions (key_id);

-- One row per request, in the order of ids, which is that of time: new rows go to the end of the tree. There
-- is no other index: with one by combination each record of a batch dirties a page of its own, which makes an
-- append three times as dear. The spans of ids in the roll-ups stand in for it.
CREATE TABLE usage_events (
    id           BLOB NOT NULL PRIMARY KEY,
    dimension_id INTEGER NOT NULL,
    time         INTEGER NOT NULL,
    status       INTEGER NOT NULL,
    streamed     INTEGER NOT NULL,
    ending       TEXT NOT NULL,
    charged      INTEGER NOT NULL,
    prompt       INTEGER NOT NULL,
    cached       INTEGER NOT NULL,
    completion   INTEGER NOT NULL,
    reasoning    INTEGER NOT NULL,
    source       TEXT NOT NULL,
    cost         INTEGER NOT NULL,
    ttft_ms      INTEGER,
    duration_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What reports read. `hour` counts whole hours since 1970; all events of the row have ids from `first_id` to
-- `last_id`.
CREATE TABLE usage_hourly (
    hour         INTEGER NOT NULL,
    dimension_id INTEGER NOT NULL REFERENCES usage_dimensions (id),
    requests     INTEGER NOT NULL,
    charged      INTEGER NOT NULL,
    prompt       INTEGER NOT NULL,
    cached       INTEGER NOT NULL,
    completion   INTEGER NOT NULL,
    reasoning    INTEGER NOT NULL,
    cost         INTEGER NOT NULL,
    first_id     BLOB NOT NULL,
    last_id      BLOB NOT NULL,
    PRIMARY KEY (hour, dimension_id)
) STRICT, WITHOUT ROWID;

-- For reports about one user or key, and for a user's events. Written once per hour and combination, not once per event.
CREATE INDEX usage_hourly_by_dimension ON usage_hourly (dimension_id);

-- The same spans over all combinations: turns a span of time into a span of ids, exactly, so
-- that `usage_events` needs no index by time.
CREATE TABLE usage_hours (
    hour     INTEGER NOT NULL PRIMARY KEY,
    first_id BLOB NOT NULL,
    last_id  BLOB NOT NULL
) STRICT;
