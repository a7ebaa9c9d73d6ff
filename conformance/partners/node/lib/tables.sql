-- What is durable. The journal has every message, theirs (side in) and ours (out), and every act of a desk (act), in the
-- order in which they happened. A number stands in a row of theirs only if the message used it up.
create table if not exists keys (name primary key, seed);
create table if not exists partners (country primary key, card, hold default 0, fails default 0, pause default 0);
create table if not exists journal (n integer primary key, side, partner, thread, type, epoch, seq, id, digest, expires,
  body, status, code, start_on, due_on, answer, envelope_id, draft, jws, envelope, kid, due, tries default 0,
  told default 0, again default 0);
create index if not exists journal_thread on journal (partner, thread);
create index if not exists journal_digest on journal (digest);
create index if not exists journal_id on journal (id);
create index if not exists journal_envelope on journal (envelope_id);
create index if not exists journal_status on journal (status);
create table if not exists trees (origin primary key, size, peaks);
create table if not exists entries (partner, thread, digest, receipt, r, proof);
create table if not exists checkpoints (origin, size, root, primary key (origin, size));
create table if not exists findings (at, partner, what);

-- What makes a thread: not what was dropped, nor what we refused, nor a reply of ours that was refused.
create view if not exists counted as select * from journal where status <> 'dropped'
  and not (status = 'refused' and (side = 'in' or type = 'verification.reply')) order by n;
-- The message of each thread that is to be posted before every other one.
create view if not exists first as select * from journal o where side = 'out' and (status = 'waiting' or again)
  and not exists (select 1 from journal e where e.side = 'out' and e.partner = o.partner and e.thread = o.thread
    and e.status = 'waiting' and e.n < o.n) order by n;
-- Which number the other side used last in a thread, in its last epoch, and its last message that was accepted (5.8).
create view if not exists stands as select partner, thread, epoch, max(seq) seq, (select digest from journal a
    where a.side = 'in' and a.partner = j.partner and a.thread = j.thread and a.status = 'accepted'
    order by n desc limit 1) payload
  from journal j where side = 'in' and seq is not null and epoch = (select max(epoch) from journal b
    where b.side = 'in' and b.partner = j.partner and b.thread = j.thread and b.seq is not null)
  group by partner, thread having payload is not null
  -- And, where the thread went on in a new epoch, its last message before.
  union all select partner, thread, epoch, seq, digest from journal j where n = (select n from journal b
    where b.side = 'in' and b.status = 'accepted' and b.seq is not null and b.partner = j.partner and b.thread = j.thread
      and b.epoch < (select max(epoch) from journal c where c.side = 'in' and c.partner = j.partner
        and c.thread = j.thread and c.seq is not null)
    order by b.epoch desc, b.seq desc limit 1);
-- What the test back-end lists.
create view if not exists delivered as select partner, thread, epoch, seq, type, id, digest, body from journal
  where side = 'in' and status = 'accepted' and type <> 'collect' order by n;
create view if not exists sent as select partner, thread, epoch, seq, type, digest, status state, code, told from journal
  where side = 'out' order by n;
