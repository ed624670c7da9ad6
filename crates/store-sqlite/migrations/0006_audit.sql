-- Audit entries. `before_json` and `after_json` are texts, whose numbers nothing rounds.
CREATE TABLE audit_entries (
    chain       BLOB NOT NULL,
    seq         INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    stage       TEXT NOT NULL,
    of_seq      INTEGER,
    actor       TEXT NOT NULL,
    origin      TEXT,
    action      TEXT NOT NULL,
    subject     TEXT NOT NULL,
    before_json TEXT,
    after_json  TEXT,
    error       TEXT,
    previous    BLOB NOT NULL,
    hash        BLOB NOT NULL,
    PRIMARY KEY (chain, seq)
) STRICT;

CREATE INDEX audit_entries_by_time ON audit_entries (at, chain, seq);
CREATE INDEX audit_entries_by_subject ON audit_entries (subject, at, chain, seq);
CREATE INDEX audit_entries_by_actor ON audit_entries (actor, at, chain, seq);

-- The last entry of each chain, changed with it.
CREATE TABLE audit_heads (
    chain BLOB NOT NULL PRIMARY KEY,
    seq   INTEGER NOT NULL,
    hash  BLOB NOT NULL,
    at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
