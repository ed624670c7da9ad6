-- Counts changes of what running services remember, so that another process's are seen. Notes of use are none.
CREATE TABLE changes (
    one    INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    number INTEGER NOT NULL
) STRICT;

INSERT INTO changes (one, number) VALUES (1, 0);

CREATE TRIGGER key_made AFTER INSERT ON api_keys BEGIN UPDATE changes SET number = number + 1; END;

CREATE TRIGGER key_changed
AFTER UPDATE OF hash, hint, name, owner, models, limits, expires_at, state, replaces ON api_keys
BEGIN UPDATE changes SET number = number + 1; END;

CREATE TRIGGER user_made AFTER INSERT ON users BEGIN UPDATE changes SET number = number + 1; END;

CREATE TRIGGER user_changed
AFTER UPDATE OF name, external_id, mail, member_of, role, state, agreement, limits ON users
BEGIN UPDATE changes SET number = number + 1; END;

CREATE TRIGGER model_made AFTER INSERT ON models BEGIN UPDATE changes SET number = number + 1; END;
CREATE TRIGGER model_changed AFTER UPDATE ON models BEGIN UPDATE changes SET number = number + 1; END;
CREATE TRIGGER model_removed AFTER DELETE ON models BEGIN UPDATE changes SET number = number + 1; END;
