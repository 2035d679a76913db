-- The log in PostgreSQL. Rows are added by tamga.append alone, each at the next position, and never changed.
CREATE TABLE tamga.head (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    record_id text NOT NULL,
    position bigint NOT NULL,
    recorded_at text COLLATE "C" NOT NULL
) WITH (fillfactor = 10);

CREATE TABLE tamga.event (
    position bigint PRIMARY KEY,
    stream text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    state bytea NOT NULL CHECK (octet_length(state) <= 60000),
    recorded_at text COLLATE "C" NOT NULL,
    recorded_by text COLLATE "C" NOT NULL,
    command_id text COLLATE "C" NOT NULL,
    UNIQUE (stream, version)
);

CREATE TABLE tamga.command_log (
    actor text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    request_hash text COLLATE "C" NOT NULL,
    first_position bigint NOT NULL,
    last_position bigint NOT NULL,
    PRIMARY KEY (actor, id)
);

-- The newest signed checkpoint, shown by the node that signed it to those that serve it too.
CREATE TABLE tamga.audit_checkpoint (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    size bigint NOT NULL,
    note bytea NOT NULL
);

INSERT INTO tamga.head (record_id, position, recorded_at) VALUES (replace(gen_random_uuid()::text, '-', ''), 0, '');

-- One transaction for many commands. The head row, locked first and to the end, makes this the only writer, so what is
-- read here is final; each command is judged before any of its rows is written, so a refused one leaves no trace.
-- The events of all commands stand in four arrays, sizes[c] of them for command c; opens[e] marks the first event of
-- its stream in its command (the others follow on from it). Whoever calls this with other arrays than ours gets an error:
-- no stream has a gap, no command is without events.
CREATE FUNCTION tamga.append(
    actors text[], ids text[], hashes text[], sizes bigint[],
    streams text[], versions bigint[], names text[], states bytea[], opens boolean[]
) RETURNS TABLE (verdict text, first_position bigint, last_position bigint, stream text, version bigint, current bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    before bigint;
    reached bigint;
    moment text;
    known record;
    past bigint := 0;
    upto bigint;
    found_version bigint;
BEGIN
    PERFORM set_config('tamga.appending', 'yes', true);
    SELECT h.position, h.recorded_at INTO before, moment FROM tamga.head h FOR UPDATE;
    reached := before;
    moment := greatest(moment, to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') COLLATE "C");
    FOR c IN 1 .. cardinality(ids) LOOP
        IF sizes[c] < 1 THEN
            RAISE EXCEPTION 'command % holds no event', ids[c] USING ERRCODE = 'invalid_parameter_value';
        END IF;
        upto := past + sizes[c];
        verdict := 'recorded'; stream := NULL; version := NULL; current := NULL;
        SELECT l.request_hash, l.first_position, l.last_position INTO known
            FROM tamga.command_log l WHERE l.actor = actors[c] AND l.id = ids[c];
        IF FOUND THEN
            verdict := CASE WHEN known.request_hash = hashes[c] THEN 'already' ELSE 'mismatch' END;
            first_position := known.first_position; last_position := known.last_position;
        ELSE
            FOR e IN past + 1 .. upto LOOP
                IF opens[e] THEN
                    SELECT coalesce(max(v.version), 0) INTO found_version FROM tamga.event v WHERE v.stream = streams[e];
                    IF found_version <> versions[e] - 1 THEN
                        verdict := 'conflict'; stream := streams[e]; version := versions[e]; current := found_version;
                        EXIT;
                    END IF;
                END IF;
            END LOOP;
            IF verdict = 'recorded' THEN
                first_position := reached + 1; last_position := reached + sizes[c];
                FOR e IN past + 1 .. upto LOOP
                    IF opens[e] IS NOT TRUE AND NOT EXISTS
                        (SELECT 1 FROM tamga.event v WHERE v.stream = streams[e] AND v.version = versions[e] - 1)
                    THEN
                        RAISE EXCEPTION 'version % of % follows on from none', versions[e], streams[e]
                            USING ERRCODE = 'invalid_parameter_value';
                    END IF;
                    reached := reached + 1;
                    INSERT INTO tamga.event VALUES
                        (reached, streams[e], versions[e], names[e], states[e], moment, actors[c], ids[c]);
                END LOOP;
                INSERT INTO tamga.command_log VALUES (actors[c], ids[c], hashes[c], first_position, last_position);
            END IF;
        END IF;
        RETURN NEXT;
        past := upto;
    END LOOP;
    IF reached > before THEN
        UPDATE tamga.head SET position = reached, recorded_at = moment;
        PERFORM pg_notify('tamga_log', reached::text);
    END IF;
END $$;

CREATE FUNCTION tamga.refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% of %.% refused: %', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_ARGV[0]
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER event_is_appended BEFORE INSERT ON tamga.event FOR EACH ROW
    WHEN (current_setting('tamga.appending', true) IS DISTINCT FROM 'yes')
    EXECUTE FUNCTION tamga.refuse('events are recorded by tamga.append alone');
CREATE TRIGGER event_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON tamga.event FOR EACH STATEMENT
    EXECUTE FUNCTION tamga.refuse('a recorded event is never changed or removed');

CREATE TRIGGER command_is_appended BEFORE INSERT ON tamga.command_log FOR EACH ROW
    WHEN (current_setting('tamga.appending', true) IS DISTINCT FROM 'yes')
    EXECUTE FUNCTION tamga.refuse('commands are recorded by tamga.append alone');
CREATE TRIGGER command_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON tamga.command_log FOR EACH STATEMENT
    EXECUTE FUNCTION tamga.refuse('a recorded command is never changed or removed');

CREATE TRIGGER head_moves_on BEFORE UPDATE ON tamga.head FOR EACH ROW
    WHEN (NEW.record_id <> OLD.record_id OR NEW.position <= OLD.position OR NEW.recorded_at < OLD.recorded_at
        OR current_setting('tamga.appending', true) IS DISTINCT FROM 'yes')
    EXECUTE FUNCTION tamga.refuse('the head moves on with what is appended, and in no other way');
CREATE TRIGGER head_is_kept BEFORE DELETE OR TRUNCATE ON tamga.head FOR EACH STATEMENT
    EXECUTE FUNCTION tamga.refuse('a log has one head');

CREATE TRIGGER checkpoint_moves_on BEFORE UPDATE ON tamga.audit_checkpoint FOR EACH ROW WHEN (NEW.size < OLD.size)
    EXECUTE FUNCTION tamga.refuse('a checkpoint is followed by one of no fewer events');

REVOKE ALL ON FUNCTION tamga.append FROM PUBLIC;
REVOKE ALL ON FUNCTION tamga.refuse FROM PUBLIC;
