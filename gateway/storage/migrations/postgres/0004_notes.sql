-- Two signed notes are longer than a row of an index may be, so what convicts a log was refused. That it stands here once
-- sees whoever adds it, alone.
ALTER TABLE log_conflict DROP CONSTRAINT log_conflict_origin_held_shown_key;
