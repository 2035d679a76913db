-- The log in SQLite. Rows are only ever added, each at the next position: the triggers hold everybody to it.
PRAGMA user_version = 1;

CREATE TABLE record (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL
) STRICT;

CREATE TABLE event (
    position INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    state BLOB NOT NULL CHECK (length(state) <= 60000),
    recorded_at TEXT NOT NULL,
    recorded_by TEXT NOT NULL,
    command_id TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX event_of_stream ON event (stream, version);

CREATE TABLE command_log (
    actor TEXT NOT NULL,
    id TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    first_position INTEGER NOT NULL,
    last_position INTEGER NOT NULL,
    PRIMARY KEY (actor, id)
) STRICT, WITHOUT ROWID;

-- REPLACE deletes without firing DELETE triggers (unless recursive_triggers is on), so what it would replace is refused first.
CREATE TRIGGER event_is_next BEFORE INSERT ON event
WHEN NEW.position IS NOT (SELECT coalesce(max(position), 0) + 1 FROM event)
  OR NEW.version IS NOT (SELECT coalesce(max(version), 0) + 1 FROM event WHERE stream = NEW.stream)
BEGIN SELECT raise(ABORT, 'an event is added at the next position, as the next version of its stream'); END;
CREATE TRIGGER event_is_kept BEFORE UPDATE ON event
BEGIN SELECT raise(ABORT, 'a recorded event is never changed'); END;
CREATE TRIGGER event_stays BEFORE DELETE ON event
BEGIN SELECT raise(ABORT, 'a recorded event is never removed'); END;

CREATE TRIGGER command_is_new BEFORE INSERT ON command_log
WHEN EXISTS (SELECT 1 FROM command_log WHERE actor = NEW.actor AND id = NEW.id)
BEGIN SELECT raise(ABORT, 'a command is recorded once'); END;
CREATE TRIGGER command_is_kept BEFORE UPDATE ON command_log
BEGIN SELECT raise(ABORT, 'a recorded command is never changed'); END;
CREATE TRIGGER command_stays BEFORE DELETE ON command_log
BEGIN SELECT raise(ABORT, 'a recorded command is never removed'); END;

CREATE TRIGGER record_is_one BEFORE INSERT ON record
WHEN EXISTS (SELECT 1 FROM record)
BEGIN SELECT raise(ABORT, 'a log has one record id'); END;
CREATE TRIGGER record_is_kept BEFORE UPDATE ON record
BEGIN SELECT raise(ABORT, 'the record id is never changed'); END;
CREATE TRIGGER record_stays BEFORE DELETE ON record
BEGIN SELECT raise(ABORT, 'the record id is never removed'); END;

INSERT INTO record VALUES (1, lower(hex(randomblob(16))));
