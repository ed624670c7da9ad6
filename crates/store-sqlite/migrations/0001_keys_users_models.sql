-- Columns for what is searched or guarded, JSON for lists. Times are microseconds since 1970, UTC.

CREATE TABLE users (
    id            BLOB NOT NULL PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    external_id   TEXT UNIQUE,
    mail          TEXT,
    member_of     TEXT NOT NULL,
    role          TEXT NOT NULL,
    state         TEXT NOT NULL,
    agreement     TEXT,
    last_login_at INTEGER,
    limits        TEXT NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
    id           BLOB NOT NULL PRIMARY KEY,
    hash         BLOB NOT NULL UNIQUE,
    hint         TEXT NOT NULL,
    name         TEXT NOT NULL,
    owner        BLOB NOT NULL,
    models       TEXT NOT NULL,
    limits       TEXT NOT NULL,
    expires_at   INTEGER,
    state        TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    replaces     BLOB
) STRICT, WITHOUT ROWID;

CREATE INDEX api_keys_by_owner ON api_keys (owner);

-- A model is always read and written whole.
CREATE TABLE models (
    id       TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;
