-- Which target keeps which answer, for the user that it was made for.
CREATE TABLE answers (
    user_id    BLOB NOT NULL,
    id         TEXT NOT NULL,
    model      TEXT NOT NULL,
    target     TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX answers_by_end ON answers (expires_at);

-- What a request took that is not counted in tokens: seconds, pictures or documents, as its endpoint has it.
ALTER TABLE usage_events ADD COLUMN units INTEGER NOT NULL DEFAULT 0;
