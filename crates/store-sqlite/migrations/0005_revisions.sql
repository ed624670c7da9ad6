-- How often a record was changed: an update of another revision is refused. (Models have theirs in the document.)
ALTER TABLE api_keys ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;

-- What administrators set in place of the limits in the settings; one document.
CREATE TABLE limits (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    document TEXT NOT NULL
) STRICT;

CREATE TRIGGER limits_set AFTER INSERT ON limits BEGIN UPDATE changes SET number = number + 1; END;
CREATE TRIGGER limits_changed AFTER UPDATE ON limits BEGIN UPDATE changes SET number = number + 1; END;
