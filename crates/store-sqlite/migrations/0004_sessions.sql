-- Web sessions, under the hash of their token. `idle` is in microseconds, like times; `expires_at` is the earlier of
-- `ends_at` and `seen_at + idle`.
CREATE TABLE sessions (
    token_hash    BLOB NOT NULL PRIMARY KEY,
    user_id       BLOB,
    issuer        TEXT,
    name_id       TEXT,
    session_index TEXT,
    data          TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    seen_at       INTEGER NOT NULL,
    ends_at       INTEGER NOT NULL,
    idle          INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_user ON sessions (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX sessions_by_login ON sessions (issuer, name_id) WHERE issuer IS NOT NULL;
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- Values until one taker gets them, or nobody does.
CREATE TABLE one_time_values (
    kind       TEXT NOT NULL,
    token_hash BLOB NOT NULL,
    value      BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (kind, token_hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX one_time_values_by_end ON one_time_values (expires_at);

-- What was used already, for as long as it could be used again.
CREATE TABLE used_ids (
    kind       TEXT NOT NULL,
    id         TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX used_ids_by_end ON used_ids (expires_at);
