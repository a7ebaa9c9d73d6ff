-- A `collect` that was answered by what waited goes once it is over. One that came again has a receipt in a log, which is
-- about a message that is kept: that stays, and is told by the code it was refused with then.
UPDATE inbound SET code = 'id-reuse'
WHERE type = 'collect' AND status = 'accepted' AND code IS NULL AND EXISTS (
    SELECT 1 FROM log_entry WHERE log_entry.digest = inbound.digest AND log_entry.direction = 'issued');

-- Those that go.
CREATE INDEX inbound_collects ON inbound (expires_at) WHERE type = 'collect' AND status = 'accepted' AND code IS NULL;
