"""
What still waits once nothing goes wrong any more, and what of that may.
"""

import asyncio
from datetime import timedelta
from typing import Any

from gateway.app import Gateway
from gateway.core.age import treat_as_minor
from gateway.core.case import State
from gateway.core.machine import NOT_TOLD
from gateway.core.messages import AFTER_WITHDRAWAL, CONFIRMATION, RESYNC
from gateway.core.rule_checks import MINOR_ELSEWHERE, NOT_YET
from gateway.services.leaving import OF_HER
from gateway.services.resync import PASSED_OVER
from gateway.services.undelivered import NOT_BACK
from tests.sim import homes
from tests.sim.desks import Desks
from tests.sim.faults import Faults
from tests.sim.held import has_to_be_heard, held_from
from tests.sim.world import Host, World

NOTICED_S = 86_400
"""The longest that a partner may take to notice that a State was put back: a card that comes late."""

DRAINS_S = 3 * 86400.0
"""After the last fault, the longest that anything may still wait to be delivered."""


class Draining:
    """The end of one run."""

    def __init__(self, world: World, desks: Desks, faults: Faults) -> None:
        """Let what waits in ``world`` be delivered, after what ``desks`` did and ``faults`` cost."""
        self._world = world
        self._desks = desks
        self._faults = faults

    async def drain(self) -> None:
        """
        Let time pass until nothing waits any more, but for what a person stopped. Word of a stop does not wait.

        Nor does what takes a return further go on, or what stands behind it, where a rule holds it because the other
        State took its reply back (R-04), the person is a minor since, or all began anew and nothing is signed, until
        people go on with it or say that it is over, or the return stood still as the other State withdrew; nor a right
        value in place of a wrong one, where a remark has told of a need for protection since, or, of who has left,
        another case is stopped, so that people decide on a recall, as a finding says (``held_from``); nor what
        stands behind a number that a restored partner has forgotten: of a message that a rule kept from it, which a
        finding tells people, or of a case that was destroyed, of which nothing is left that could be posted again, or
        of one that it had withdrawn before; nor what who asks says behind a message that was spoiled on its way, or
        that ran out, of which a finding has people tell the other State, nor behind one that waits because the person
        is stopped, where a finding does so too if the case is closed; nor, in a case that who asks set aside and
        closed, what takes data back behind what a restored partner has forgotten and is not told anew (decision 0038);
        nor does anything of a case that is attested as of a day that has not come, as a clock that was ahead leaves it,
        and a finding says (R-01).
        """
        latest = self._world.now() + timedelta(seconds=DRAINS_S)
        while True:
            unnoticed = self._unnoticed()
            if not (waiting := await self._waiting() + unnoticed):
                return
            for host in self._world.hosts.values() if unnoticed else ():
                await host.act("refresh", lambda gateway: gateway.refresh_trust())
            if self._world.now() > latest:
                self._world.fail("drains", f"still waiting: {waiting}")
                return
            await asyncio.sleep(2.0)
            if self._found() or self._unnoticed():
                self._world.jump(self._world.random.choice((30.0, 300.0, 1800.0)))

    def _unnoticed(self) -> list[tuple[Any, ...]]:
        """Return who was restored and is not known to be: a card that a clock ahead has dated is taken later."""
        epochs = {host.country: homes.own_card(host.home, host.country).epoch for host in self._world.hosts.values()}
        known = "SELECT country, epoch FROM partner"
        return [
            (host.country, partner, "restored", epoch)
            for host in self._world.hosts.values()
            for partner, epoch in host.look(known)
            if epoch < epochs[partner]
        ]

    async def _waiting(self) -> list[tuple[Any, ...]]:
        return [(host.country, *row[:4]) for host, row in self._found() if not await self._may_wait(host, row)]

    def _found(self) -> list[tuple[Host, tuple[Any, ...]]]:
        """Return each message that waits, but for what a person stopped, and what is sealed to a key that is gone."""
        query = """
            SELECT outbound.partner, type, outbound.state, attempts, outbound.thread, kid, outbound.ref, epoch, seq,
                ifnull(case_file.state, '') IN ('CONSIDERED', 'ASSESSED', 'PROPOSED', 'WITHDRAWN', 'CLOSED') OR EXISTS (
                    SELECT 1 FROM case_event WHERE ref = outbound.ref
                    AND event IN ('rectification', 'restate', 'strike', 'remark', 'stop'))
            FROM outbound LEFT JOIN case_file USING (ref)
            WHERE outbound.state IN ('queued', 'posted')
            AND (ifnull(case_file.state, '') <> 'FROZEN' OR (type = 'suspension' AND side = 'requested'))
            AND (ifnull(case_file.state, '') <> 'SUSPENDED' OR type = 'suspension')
            AND NOT (type = 'reminder' AND 'stop_pressing' IS (
                SELECT event FROM case_event WHERE ref = outbound.ref
                AND event IN ('stop_pressing', 'allow_pressing') ORDER BY n DESC LIMIT 1))
        """
        found = [(host, row) for host in self._world.hosts.values() for row in host.look(query)]
        found = [(host, row) for host, row in found if row[4] or not self._sealed_for_good(host, row)]
        stopped = self._desks.waits_for_people
        return [(host, row) for host, row in found if not stopped(host.country, row[6], row[1])]

    async def _may_wait(self, host: Host, row: tuple[Any, ...]) -> bool:
        """Return whether it is shown why a message waits for people, or for a number that is lost: see ``drain``."""
        partner, type, _, _, thread, _, ref, epoch, seq, unsaid = row
        if host.gateway is None or thread is None:
            return False
        if unsaid and (since := await held_from(host, ref)) is not None and since <= (epoch, seq):
            return True
        if ref is not None and NOT_YET in (await self._desks.case(host.gateway, ref)).findings:
            return not await has_to_be_heard(host, ref)
        if ref is not None and type in OF_HER and await self._is_a_minor_elsewhere(host.gateway, ref):
            return True
        if ref is not None and self._is_behind_a_lost_one(host, partner, thread, (epoch, seq)):
            return NOT_TOLD in (await self._desks.case(host.gateway, ref)).findings
        if ref is not None and self._is_behind_what_waits_for_people(host, ref, (epoch, seq)):
            case = await self._desks.case(host.gateway, ref)
            told = case.state is not State.CLOSED or NOT_TOLD in case.findings  # in an open one its desk sees the stop
            return told and not await has_to_be_heard(host, ref)
        restored = any(country == partner for country, _, _ in self._faults.lost)
        if (gap := self._forgotten(host, partner, thread) if restored else None) is None:
            return False
        if ref is None and self._ran_out(host, partner, thread, gap):
            return True
        if ref is None:
            left = """SELECT 1 FROM outbound JOIN outbound_body USING (n)
                WHERE partner = ? AND thread = ? AND epoch = ? AND seq BETWEEN ? AND ? AND envelope IS NOT NULL"""
            return type == CONFIRMATION and not host.look(left, partner, thread, *gap)
        found = {*(await self._desks.case(host.gateway, ref)).findings}
        if self._over_and_silent(host, ref) or self._set_aside(host, ref, gap, heard=NOT_TOLD not in found):
            return True
        told = {PASSED_OVER, NOT_BACK} & found
        return bool(told) and not await has_to_be_heard(host, ref)

    async def _is_a_minor_elsewhere(self, gateway: Gateway, ref: str) -> bool:
        """
        Return whether another open case with the same number has the person as a minor, which a finding says.

        By the files: whoever crashed while a desk wrote that may have told nobody that it is done.
        """
        case = await self._desks.case(gateway, ref)
        if MINOR_ELSEWHERE not in case.findings or case.draft is None:
            return False
        open = "SELECT ref FROM case_file WHERE ref <> ? AND state NOT IN ('WITHDRAWN', 'CLOSED', 'BLOCKED', 'ERASED')"
        host = self._world.hosts[gateway.context.country]
        others = [(await self._desks.case(gateway, one)).draft for (one,) in host.look(open, ref)]
        number = case.draft["elements"]["document"]
        return any(one and one["elements"]["document"] == number and treat_as_minor(one) for one in others)

    def _ran_out(self, host: Host, partner: str, thread: str, gap: tuple[int, int, int]) -> bool:
        """
        Return whether something in ``gap`` had run out as the partner that lacks it was put back.

        Of no case nothing is left of it that could be posted past its time, as that of a case is (M-5.28).
        """
        put_back, said = self._faults.put_back_at[partner].timestamp(), "SELECT min(expires_at) FROM outbound"
        where = "WHERE partner = ? AND thread = ? AND epoch = ? AND seq BETWEEN ? AND ? AND answer IS NOT NULL"
        ((first,),) = host.look(f"{said} {where}", partner, thread, *gap)
        return first is not None and first <= put_back + NOTICED_S

    def _is_behind_a_lost_one(self, host: Host, partner: str, thread: str, place: tuple[int, int]) -> bool:
        """
        Return whether a message before ``place`` in a thread is given up: a byte changed on the way, or it ran out.

        Where a State is asked nothing waits behind it: what takes data back has its number (M-5.10).
        """
        query = """SELECT envelope_id, code IS NULL FROM outbound JOIN case_file USING (ref) WHERE outbound.partner = ?
            AND outbound.thread = ? AND outbound.state = 'undelivered' AND (epoch, seq) < (?, ?)
            AND side = 'requesting'"""
        given_up = host.look(query, partner, thread, *place)
        return any(ran_out or envelope_id in self._world.network.spoiled for envelope_id, ran_out in given_up)

    def _is_behind_what_waits_for_people(self, host: Host, ref: str, place: tuple[int, int]) -> bool:
        """Return whether in a case of ours one before ``place`` waits, for the person is stopped."""
        query = """SELECT type FROM outbound JOIN case_file USING (ref) WHERE ref = ? AND side = 'requesting'
            AND outbound.state IN ('queued', 'posted') AND (epoch, seq) < (?, ?)"""
        return any(self._desks.waits_for_people(host.country, ref, type) for (type,) in host.look(query, ref, *place))

    def _over_and_silent(self, host: Host, ref: str) -> bool:
        """
        Return whether the other State withdrew a case that it had asked, and nothing that takes data back waits in it.

        What that State forgot in a restore is brought along with such a message alone, so what waits goes nowhere.
        """
        over = """SELECT 1 FROM case_file JOIN case_event USING (ref) WHERE ref = ? AND side = 'requested'
            AND event = 'withdrawal' AND state IN ('WITHDRAWN', 'CLOSED')"""
        waiting = "SELECT type FROM outbound WHERE ref = ? AND state IN ('queued', 'posted')"
        return bool(host.look(over, ref)) and AFTER_WITHDRAWAL.isdisjoint(type for (type,) in host.look(waiting, ref))

    def _set_aside(self, host: Host, ref: str, gap: tuple[int, int, int], *, heard: bool) -> bool:
        """
        Return whether who asks set a case aside and closed it, and nothing in ``gap`` is posted again for that.

        That is what had an answer, where no word of the stop was said, and takes nothing back, or is not ``heard``, as
        a finding says at the first answer ``out-of-order``: so it was posted once (decision 0038).
        """
        aside = """SELECT 1 FROM case_file JOIN case_event USING (ref) WHERE ref = ? AND side = 'requesting'
            AND state = 'CLOSED' AND source = 'SUSPENDED' AND target = 'CLOSED'"""
        said = "SELECT type, seq FROM outbound WHERE ref = ? AND epoch = ? AND answer IS NOT NULL"
        rows = host.look(said, ref, gap[0])
        before = [type for type, seq in rows if gap[1] <= seq <= gap[2]]
        told = host.look("SELECT 1 FROM outbound WHERE ref = ? AND type = 'suspension' AND state <> 'dropped'", ref)
        silent = bool(before) and not told and (AFTER_WITHDRAWAL.isdisjoint(before) or not heard)
        return silent and bool(host.look(aside, ref))

    def _forgotten(self, host: Host, partner: str, thread: str) -> tuple[int, int, int] | None:
        """Return epoch and first and last number of what ``partner`` waits for in a thread before what waits here."""
        waits = "SELECT epoch, seq FROM outbound WHERE partner = ? AND thread = ? AND state IN ('queued', 'posted')"
        waiting = host.look(waits, partner, thread)
        if not waiting:
            return None
        epoch, first = min(waiting)
        came = "SELECT in_seq FROM thread WHERE partner = ? AND thread = ? AND in_epoch = ?"
        rows = self._world.hosts[partner].look(came, host.country, thread, epoch)
        awaited = (rows[0][0] if rows else 0) + 1
        return (epoch, awaited, first - 1) if awaited < first else None

    def _sealed_for_good(self, host: Host, row: tuple[Any, ...]) -> bool:
        """
        Return whether a message of no thread, which is not sealed anew, is sealed to a key that is gone.

        A listing is not: it is made anew as soon as it may be posted, a quarter of an hour after one that was refused.
        """
        return row[1] != RESYNC and row[5] not in {entry.kid for entry in homes.own_card(host.home, row[0]).sealing}
