"""
Who stops a case in a seed and who lets it go on, what is known of one person in several cases, and who bars a State.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from gateway.app import Gateway
from gateway.core.age import treat_as_minor
from gateway.core.machine import IllegalStep
from gateway.core.messages import (
    AFTER_WITHDRAWAL,
    INTERVIEW_ANSWER,
    MONITORING,
    ONWARD_ANSWER,
    ONWARD_REQUEST,
    PROPOSAL,
    RECTIFICATION,
    REMINDER,
    SUSPENSION,
    USE_ANSWER,
    USE_REQUEST,
    WITHDRAWAL,
)
from gateway.core.remark import still_stops
from gateway.core.returns import OUTCOMES
from gateway.services.account_store import Invitation
from gateway.services.context import Forbidden, NotFound
from gateway.services.escalate import Escalation
from gateway.services.guests import is_guest
from gateway.services.leaving import OF_A_RETURN, OF_HER, UNASKED
from gateway.services.person_stop import BECAUSE, HOLDER, matches, reasons
from tests.sim import homes
from tests.sim.work import LIAISON, OFFICER, REFUSED, Nothing, OpenCase, Work
from tests.sim.world import Host, Post
from tests.support import homeward
from tests.support.remarks import TEXT

STOPS_WHAT_WAS_LOST = 0.3
"""How often a desk that looks at a case of which a message was never heard stops it."""

MARKS = 0.3
"""How often a desk that might mark a case so that nobody presses does."""

FEARS = 0.2
"""How often a remark tells of a need for protection."""

ATTESTING = ("protection", "asylum_authority")
LEAVING = ("leaver", "asylum_authority")
"""Of the same office, until the day after the first."""

WELFARE = ("welfare", "child_welfare")
BOARD = ("board", "foreign_affairs")

LAWYER = ("lawyer", "lawyer")
GUEST, GUEST_OF_OFFICE = ("guest.sim", "lawyer"), ("guest.sim", "asylum_authority")
"""Who is invited to one case: her lawyer, or somebody of the asylum authority. Neither lets go of anything."""

INVITED = timedelta(days=9)

HANDED_OVER_S = 0.01
"""
How long after a stop a message may leave that was handed over to be posted before it: some turns of the loop lie
between the commit that claims it and the line, and the stop may be committed in them.
"""

OVER = frozenset({"WITHDRAWN", "CLOSED"})
ARRANGED = frozenset({"PROPOSED", "ACCEPTED", "DOCUMENTED", "SCHEDULED"})
"""States of who is asked in which a return is arranged."""

AWAY = frozenset({"DEPARTED", "HANDED_OVER", "MONITORING", "RECALL"})
"""States in which a person is whom nothing of ours holds back."""


GOES_ON = OF_A_RETURN - {MONITORING}
"""Types that take a return further, of which nothing leaves for the first time while she is called back."""


class Stops(Work):
    """Freezes, suspensions, indications of a need for protection; and the ways on."""

    async def _freeze(self, host: Host, row: OpenCase) -> None:
        """Stop a case; what the desk was not told of it does again until it is."""
        if self.random.random() >= self.stops:
            return
        who = self.random.choice((row.desk, row.desk, WELFARE, ATTESTING, LEAVING, LAWYER, GUEST, GUEST_OF_OFFICE))
        tells = who[1] == ATTESTING[1] and row.asks and self.random.random() < 0.5
        await self._stop(host, row, who, self._protection(host, "requested") if tells else None)

    async def _indicate(self, host: Host, row: OpenCase) -> None:
        """Stop a case because the desk heard of a need for protection."""
        if self.random.random() < self.stops:
            await self._stop(host, row, row.desk, {**self._protection(host, "indicated"), "attested_by": None})

    async def _stop(self, host: Host, row: OpenCase, who: tuple[str, str], protection: dict[str, Any] | None) -> None:
        goes_on_in = [row.state]

        async def freeze(gateway: Gateway) -> None:
            invite(gateway, row.ref, who)
            await gateway.hold.freeze(row.ref, "known now", *who, protection)
            # It takes out a refusal that never left: the other State has the return, and hears that it stands still.
            goes_on_in.append(str((await self.case(gateway, row.ref)).resume_to))

        if await self._do(host, row.ref, "freeze", freeze):
            journal, now = self.journals[host.country], self.world.loop.time()
            self.counts["freezes"] += 1
            self.counts["by guests"] += is_guest(who[0])
            # Of a return that we are asked in word of the stop leaves, and what stands before that.
            told = not row.asks and goes_on_in[-1] in ARRANGED
            (journal.held if told else journal.stopped)[row.ref] = now
            journal.through.discard(row.ref)
            self.counts["indications"] += protection is not None
            if row.asks and (protection is not None or who[1] == "asylum_authority"):
                journal.known[row.ref] = protection
                self._stop_person(host, row.ref, now)

    async def _stop_what_was_lost(self, host: Host, row: OpenCase) -> None:
        """Stop a case of which a message was never heard, so that it can be withdrawn: that State may work on it."""
        if self.random.random() < STOPS_WHAT_WAS_LOST:
            await self._stop(host, row, row.desk, None)

    async def _let_go_of_what_is_over(self, host: Host, row: OpenCase) -> None:
        """Let go as the asylum authority of a case that is over: it holds the person's others until then."""
        journal = self.journals[host.country]

        async def release(gateway: Gateway) -> None:
            if ATTESTING not in (await self.case(gateway, row.ref)).holders:
                raise Nothing
            if journal.known.get(row.ref, {}) is None:
                journal.known.pop(row.ref)  # from here on, whether or not the desk hears of it
            await gateway.hold.release(row.ref, *ATTESTING)

        if await self._do(host, row.ref, "release", release):
            self.counts["let go when over"] += 1

    def _stop_person(self, host: Host, ref: str, now: float) -> None:
        """Note that every case here of the person of ``ref`` is stopped with it."""
        journal = self.journals[host.country]
        for other, number in journal.persons.items():
            same = number == journal.persons.get(ref) and (other, ref) not in journal.apart
            if same and other not in journal.stopped:
                self.counts["held"] += 1
                journal.stopped[other] = now
                journal.through.add(other)

    def is_stopped(self, country: str, number: int) -> bool:
        """Return whether a case of an invented person is stopped because something became known of her."""
        journal = self.journals[country]
        return any(journal.persons.get(ref) == number for ref in journal.known)

    def _protection(self, host: Host, state: str) -> dict[str, Any]:
        today = host.clock.now().date().isoformat()
        return {"state": state, "attested_by": "protection", "attested_on": today, "basis": "interview"}

    async def _suspend(self, host: Host, row: OpenCase) -> None:
        """Stop a return, as the child-welfare authority of either side, or as her lawyer, who is a guest."""
        if self.random.random() < self.stops:
            await self.suspend_now(host, row)

    async def suspend_now(self, host: Host, row: OpenCase) -> None:
        """Stop a return, whatever is drawn of it elsewhere."""
        who = self.random.choice((WELFARE, WELFARE, GUEST))

        async def suspend(gateway: Gateway) -> None:
            invite(gateway, row.ref, who)
            await gateway.returning.suspend(row.ref, "danger", *who)

        if await self._do(host, row.ref, "suspend", suspend):
            self.counts["suspensions"] += 1
            self.counts["by guests"] += is_guest(who[0])
            self.journals[host.country].held[row.ref] = self.world.loop.time()

    async def _remark(self, host: Host, row: OpenCase) -> None:
        """Write a remark beside the next message, and confirm what is made of it; one that tells of a need stops it."""
        fears = self.random.random() < FEARS
        value = {"language": "en", "text": homes.FEARS if fears else TEXT}

        async def remark(gateway: Gateway) -> None:
            made = await gateway.clear.remarks.write(row.ref, value, *row.desk)
            if made is not None and not fears:
                await gateway.clear.remarks.confirm(row.ref, made.digest, None, *row.desk)

        if await self._do(host, row.ref, "remark", remark):
            self.counts["remarks"] += 1
            if fears:
                journal, now = self.journals[host.country], self.world.loop.time()
                journal.stopped[row.ref] = now
                journal.known[row.ref] = None
                journal.remarked.add(row.ref)
                self._stop_person(host, row.ref, now)

    async def _set_aside(self, host: Host, row: OpenCase) -> None:
        """Stop a verification for a while, as the desk of either side; nobody is told."""
        if self.random.random() < self.stops:
            work = lambda g: g.returning.suspend(row.ref, "a colleague asks", *row.desk)  # noqa: E731
            if await self._do(host, row.ref, "suspend", work):
                self.counts["set aside"] += 1
                self.journals[host.country].held[row.ref] = self.world.loop.time()

    async def _withdraw(self, host: Host, row: OpenCase) -> None:
        who = self.random.choice((row.desk, row.desk, row.desk, GUEST))

        async def withdraw(gateway: Gateway) -> None:
            invite(gateway, row.ref, who)
            await gateway.hold.withdraw(row.ref, *who)

        if await self._do(host, row.ref, "withdraw", withdraw):
            self.counts["withdrawals"] += 1

    async def _press_no_more(self, host: Host, row: OpenCase) -> None:
        """Mark a case so that nobody presses, as one who answers for the person; or have two take the mark away."""
        journal = self.journals[host.country]
        if row.ref in journal.unpressed:

            async def allow(gateway: Gateway) -> None:
                press = Escalation(gateway.context)
                await press.allow(row.ref, *OFFICER)
                journal.unpressed.pop(row.ref, None)  # from here on, whether or not the desk hears of it
                await press.allow(row.ref, *LIAISON)

            await self._do(host, row.ref, "allow_pressing", allow)
        elif self.random.random() < MARKS:
            who = self.random.choice((OFFICER, WELFARE))
            work = lambda g: Escalation(g.context).stop(row.ref, "it would be noticed", *who)  # noqa: E731
            if await self._do(host, row.ref, "stop_pressing", work):
                self.counts["not pressed"] += 1
                journal.unpressed[row.ref] = self.world.loop.time()

    # On.

    async def _attest(self, host: Host, row: OpenCase) -> None:
        """Say as the authority that attests it that there is no need for protection, where a case goes nowhere."""
        if not row.asks:
            return
        none = self._protection(host, "none")

        async def attest(gateway: Gateway) -> None:
            await gateway.hold.attest(row.ref, none, "heard", *ATTESTING)
            self.journals[host.country].known.pop(row.ref, None)

        await self._do(host, row.ref, "attest", attest)

    async def _correct(self, host: Host, row: OpenCase) -> None:
        """Set a number right that was somebody else's, as the authority that decides on the stop."""
        number = f"99{self.random.randrange(10**6):06d}"

        async def correct(gateway: Gateway) -> None:
            elements = dict(((await self.case(gateway, row.ref)).draft or {})["elements"])
            elements["document"] = {**elements["document"], "number": number}
            self.journals[host.country].numbers.pop(row.ref, None)
            await gateway.hold.correct(row.ref, elements, "misread", *ATTESTING)

        await self._do(host, row.ref, "correct", correct)

    async def _restate(self, host: Host, row: OpenCase) -> None:
        """Say as child welfare that somebody is a minor, and who represents her, in a case that stands still."""
        age, guardian = homeward.MINOR["age"], homeward.MINOR["representative"]
        work = lambda g: g.hold.restate(row.ref, age, guardian, "as found", *WELFARE)  # noqa: E731
        if await self._do(host, row.ref, "restate", work):
            self._note_minor(host, row.ref)

    def _note_minor(self, host: Host, ref: str) -> None:
        self.counts["minors"] += 1
        self.journals[host.country].minors[ref] = self.world.loop.time()

    async def _is_minor(self, gateway: Gateway, row: OpenCase) -> bool:
        """Return whether the person of a case counts as a minor: by our file, or by what was proposed to us."""
        case = await self.case(gateway, row.ref)
        if row.asks:
            return treat_as_minor(case.draft or {})
        if PROPOSAL not in case.said:
            raise Nothing
        return bool(case.said[PROPOSAL]["represented"])

    async def _resume(self, host: Host, row: OpenCase) -> None:
        """Let a case go on: whoever stopped it lets go, and two persons agree."""
        journal = self.journals[host.country]

        async def resume(gateway: Gateway) -> None:
            case = await self.case(gateway, row.ref)
            if case.draft is not None and still_stops(case.remark_stop, case.draft["asylum"]):
                raise Nothing  # nothing of it would leave before the authority attests anew (REM-5)
            await self._let_go(host, gateway, row)
            await gateway.hold.resume(row.ref, *row.desk)
            # From here on it may go on, whether or not the desk hears of it.
            since, held = (kept.pop(row.ref, None) for kept in (journal.stopped, journal.held))
            try:
                await gateway.hold.resume(row.ref, *row.head)
            except REFUSED:
                # Or two others have let it go on at the same moment.
                if host.look("SELECT 1 FROM case_file WHERE ref = ? AND state = 'FROZEN'", row.ref):
                    journal.stopped |= {} if since is None else {row.ref: since}
                    journal.held |= {} if held is None else {row.ref: held}
                raise
            journal.known.pop(row.ref, None)

        await self._do(host, row.ref, "resume", resume)

    async def _let_go(self, host: Host, gateway: Gateway, row: OpenCase) -> None:
        """Have everybody let go who holds a case: of what the gateway holds two persons say that it is another."""
        case = await self.case(gateway, row.ref)
        for person, role in case.holders:
            if role == "partner":
                raise Nothing
            if (person, role) == HOLDER:
                found = ", ".join(line.partition(": ")[2] for line in reasons(case)).split(", ")
                await self._tell_apart(host, gateway, row.ref, found)
            else:
                if role == ATTESTING[1] and self.journals[host.country].known.get(row.ref, {}) is None:
                    self.journals[host.country].known.pop(row.ref)  # nothing is known of her but that stop
                await self._release(gateway, row.ref, person, role)

    async def _tell_apart(self, host: Host, gateway: Gateway, ref: str, found: Sequence[str]) -> None:
        """Have two persons say that a case is about another person than the cases ``found``, which stop it."""
        await gateway.hold.tell_apart(ref, "the photographs differ", *OFFICER)
        await gateway.hold.tell_apart(ref, "I looked at both files", *LIAISON)
        self.journals[host.country].apart.update((ref, other) for other in found)
        self.counts["apart"] += 1

    async def _let_word_go_on(self, host: Host, gateway: Gateway, ref: str) -> None:
        """Have two persons do so in the case of who is away, of whom nothing is said while another case is stopped."""
        if BECAUSE in (await self.case(gateway, ref)).findings:
            found = await gateway.store.read(lambda tx: matches(tx, ref))
            await self._tell_apart(host, gateway, ref, [one.ref for one in found])
            self.counts["apart, away"] += 1

    async def _release(self, gateway: Gateway, ref: str, person: str, role: str) -> None:
        """Have a holder let go; for a guest, and for who has left the office, another one of it, or her lawyer."""
        known = gateway.context.persons.get(person)
        left = is_guest(person) or (known is not None and not known.active(gateway.context.clock.now()))
        by = (LAWYER if role == LAWYER[1] else ATTESTING) if left else (person, role)
        invite(gateway, ref, by)
        await gateway.hold.release(ref, *by)
        self.counts["for others"] += left

    async def _resume_return(self, host: Host, row: OpenCase) -> None:
        """Let a case go on once whoever suspended it lets go; of a return the other State may hold it still."""

        async def resume(gateway: Gateway) -> None:
            for person, role in (await self.case(gateway, row.ref)).holders:
                if role != "partner":
                    await self._release(gateway, row.ref, person, role)
            self.journals[host.country].held.pop(row.ref, None)  # as above
            await gateway.hold.resume(row.ref, *row.desk)

        if await self._do(host, row.ref, "resume", resume):
            self.counts["resumptions"] += 1

    async def enter_again(self, gateway: Gateway, country: str) -> None:
        """
        Enter what a backup has forgotten of stops, as the manual says.

        A case that it has forgotten too cannot be contacted about, and who is away by it is not held.
        """
        journal = self.journals[country]
        for ref in list(journal.stopped):
            try:
                row = await gateway.store.read(lambda tx, ref=ref: tx.find_case(ref))
                asks = row is None or row.side == "requesting"
                who = ("first", "case_officer" if asks else "registry_clerk")
                if asks and journal.known.get(ref, {}) is None:
                    who = ATTESTING  # such a stop holds for the person only as that office's
                await gateway.hold.freeze(ref, "known before", *who, journal.known.get(ref))
                if not asks and str((await self.case(gateway, ref)).resume_to) in ARRANGED:
                    journal.held[ref] = journal.stopped.pop(ref)  # by that backup, and word of a stop leaves
            except NotFound:
                journal.known.pop(ref, None)
            except (IllegalStep, Forbidden):
                if row is not None and row.state in AWAY:  # was stopped once over: by that backup nothing holds her
                    journal.stopped.pop(ref)
                    journal.known.pop(ref, None)
        for ref in list(journal.unpressed):
            try:
                await Escalation(gateway.context).stop(ref, "known before", *OFFICER)
            except NotFound:
                del journal.unpressed[ref]
        held = {entry.country for entry in await gateway.no_contact.entries(*BOARD) if entry.holds}
        for country in journal.barred:
            if country not in held:
                await self._bar(gateway, country)

    # States that are not to be contacted.

    async def bar(self, host: Host, country: str) -> None:
        """Have two persons bar a State."""
        outcome, _ = await host.act("bar", lambda gateway: self._bar(gateway, country))
        if outcome == "done":
            self.counts["barred"] += 1
            self.journals[host.country].barred[country] = self.world.loop.time()

    async def _bar(self, gateway: Gateway, country: str) -> None:
        listed = {entry.country for entry in await gateway.no_contact.entries(*BOARD)}
        if country not in listed:
            await gateway.no_contact.propose(country, "it passes on what it is asked", *LIAISON)
        await gateway.no_contact.confirm(country, "so we heard as well", *BOARD)

    async def unbar(self, host: Host) -> bool:
        """Have two persons end every such entry, those too that a backup has brought back; tell whether it was done."""

        async def unbar(gateway: Gateway) -> None:
            self.journals[host.country].barred.clear()  # from here on, whether or not they hear of it
            for entry in await gateway.no_contact.entries(*BOARD):
                if entry.said[-1].act != "lift":
                    entry = await gateway.no_contact.lift(entry.country, "it is over", *LIAISON)
                if entry.holds:
                    await gateway.no_contact.confirm_lift(entry.country, "we looked into it", *BOARD)

        outcome, _ = await host.act("unbar", unbar)
        return outcome == "done"

    # What may leave.

    def waits_for_people(self, country: str, ref: str | None, type: str) -> bool:
        """Return whether a message waits because a person stopped its case, or the person's, however it ended."""
        stopped = ref in self.journals[country].stopped and type not in AFTER_WITHDRAWAL | {WITHDRAWAL, SUSPENSION}
        return stopped or (type in OF_HER and self._minor_elsewhere(country, ref or "") is not None)

    def _minor_elsewhere(self, country: str, ref: str) -> float | None:
        """Return since when another open case with the same number has the person of ``ref`` as a minor."""
        journal, look = self.journals[country], self.world.hosts[country].look
        number = journal.numbers.get(ref)
        same = [one for one in journal.minors if one != ref and number and journal.numbers.get(one) == number]
        query = "SELECT 1 FROM case_file WHERE ref = ? AND state NOT IN ('WITHDRAWN', 'CLOSED', 'BLOCKED', 'ERASED')"
        return min((journal.minors[one] for one in same if look(query, one)), default=None)

    def watch(self, post: Post) -> None:
        """
        Look whether a message may leave.

        Of a case that was stopped the withdrawal does alone, and what takes data back after it; of a return word of the
        stop, and what had left before.
        """
        journal, ref = self.journals[post.sender], post.ref or ""
        barred = journal.barred.get(post.recipient)
        if barred is not None and post.at > barred + HANDED_OVER_S and self._is_contact(post):
            told = f"{post.sender} posts {post.type} to {post.recipient}, barred since {barred:.3f}"
            self.world.fail("nobody barred is contacted", told)
        marked = journal.unpressed.get(ref) if post.type == REMINDER else None
        if marked is not None and post.at > marked + HANDED_OVER_S and not self._is_again(post):
            self.world.fail("nobody is pressed", f"{post.sender} reminds, in a case that is marked since {marked:.3f}")
        minor = self._minor_elsewhere(post.sender, ref) if post.type in OF_HER and ref not in journal.minors else None
        free = minor is None or self._is_again(post) or self._declines(post)
        if minor is not None and post.at > minor + HANDED_OVER_S and not free:
            told = f"{post.sender} posts {post.type} of an adult, who is a minor in another case since {minor:.3f}"
            self.world.fail("a minor in every case", told)
        since, silent = journal.stopped.get(ref), post.type != WITHDRAWAL
        if since is None:
            since = journal.held.get(ref)
            again = self._is_again(post) and not self._was_put_away(post)
            silent = post.type not in (WITHDRAWAL, SUSPENSION) and not again
        if since is None or not silent or post.at <= since + HANDED_OVER_S or self._may_still(post):
            return
        told = f"{post.sender} posts {post.type} number {post.seq}, stopped since {since:.3f}"
        self.world.fail("silent once stopped", told)

    def _declines(self, post: Post) -> bool:
        """Return whether a message says no to an interview, which asks nothing of anybody, whatever her age (R-06)."""
        said = "SELECT event FROM case_event WHERE ref = ? AND event IN ('decline_interview', 'interview_answer')"
        rows = self.world.hosts[post.sender].look(f"{said} ORDER BY n DESC LIMIT 1", post.ref)
        return post.type == INTERVIEW_ANSWER and rows == [("decline_interview",)]

    def _is_contact(self, post: Post) -> bool:
        """Return whether a message asks something, or goes on with what we asked; what takes data back does neither."""
        if post.ref is None:
            return post.type in UNASKED
        asks = self.world.hosts[post.sender].look(
            "SELECT 1 FROM case_file WHERE ref = ? AND side = 'requesting'", post.ref
        )
        return bool(asks) and post.type not in AFTER_WITHDRAWAL | {WITHDRAWAL}

    def _is_again(self, post: Post) -> bool:
        """
        Return whether a message may have come already, for word of a stop comes after that.

        It may have where it was claimed before: a gateway that died between the claim and the line cannot tell.
        """
        return post.attempts > 1 or any(one.digest == post.digest for one in self.world.posts if one is not post)

    def _was_put_away(self, post: Post) -> bool:
        """
        Return whether a message had an answer, in a case that was set aside since and closed, with no word of the stop.

        None is posted again to whom a restore made forget it (M-5.28).
        """
        return bool(self.world.hosts[post.sender].look(_ANSWERED_AND_PUT_AWAY, post.ref, post.epoch, post.seq))

    def _may_still(self, post: Post) -> bool:
        """
        Return whether a case is over, and the message takes back, or its number has to be used before one that does, or
        it is about data alone, in one that was set aside and closed, and grants nothing; or the person has left.
        What was closed before nobody holds, nor what was opened while she was stopped and never frozen itself: nothing
        stops it once nothing stops her. Of who is away nothing is said but what takes back, unless two persons told her
        from each that is stopped (R-01, decision 0037); what they said holds once she is back.
        """
        journal = self.journals[post.sender]
        free = post.ref in journal.through and not self.is_stopped(post.sender, journal.persons[post.ref or ""])
        rows = self.world.hosts[post.sender].look("SELECT state, side FROM case_file WHERE ref = ?", post.ref)
        state, side = rows[0] if rows else ("", "")
        again = side == "requested" and self._is_again(post) and self._takes_back_behind(post)
        # What a remark told of holds a case that is not frozen, and all but what brings no word of the person (REM-5).
        by_remark = post.ref in journal.remarked and state != "FROZEN" and post.type in AFTER_WITHDRAWAL
        return (
            (side == "requested" and self._is_called_back(post) and (state != "RECALL" or post.type not in GOES_ON))
            or (state in {*AWAY, *OUTCOMES} and self._only_takes_back(post))
            or ((state in AWAY or self._is_back(post)) and self._is_told_apart(post))
            or by_remark
            or (state in OVER and (post.type in AFTER_WITHDRAWAL or again))
            or (state == "CLOSED" and not self._is_known_stopped(post) and self._is_about_data_alone(post))
            or (free and (state == "CLOSED" or not self._was_frozen(post)))
        )

    def _is_told_apart(self, post: Post) -> bool:
        """Return whether nothing stops a person of ours, or what does is in cases that two persons told from hers."""
        journal, ref = self.journals[post.sender], post.ref or ""
        number = journal.persons.get(ref)
        stopping = [one for one in journal.known if number is not None and journal.persons.get(one) == number]
        return number is not None and all((ref, one) in journal.apart for one in stopping)

    def _is_back(self, post: Post) -> bool:
        """Return whether the person of a case was called back, and came."""
        back = "SELECT 1 FROM case_event WHERE ref = ? AND event = 'returned'"
        return bool(self.world.hosts[post.sender].look(back, post.ref))

    def _is_called_back(self, post: Post) -> bool:
        """Return whether a person called her back since the case was stopped, where that ends the stop (V-35)."""
        last = "SELECT event FROM case_event WHERE ref = ? AND event IN ('freeze', 'suspend', 'recall')"
        rows = self.world.hosts[post.sender].look(f"{last} ORDER BY n DESC LIMIT 1", post.ref)
        return rows == [("recall",)] and post.ref not in self.journals[post.sender].stopped

    def _only_takes_back(self, post: Post) -> bool:
        """Return whether a message takes data back and brings none: of corrections, where one was struck (R-01)."""
        struck = "SELECT 1 FROM case_event WHERE ref = ? AND event = 'strike'"
        brings = post.type == RECTIFICATION and not self.world.hosts[post.sender].look(struck, post.ref)
        return post.type in AFTER_WITHDRAWAL and not brings

    def _is_about_data_alone(self, post: Post) -> bool:
        """
        Return whether a message says what was done with data, or that it is not passed on, or asks as much (R-02).

        A question was asked once the case was closed: what waited of that was taken out by then.
        """
        no = post.type == ONWARD_ANSWER and post.ref in self.journals[post.sender].refusing
        asked = "SELECT 1 FROM case_event WHERE ref = ? AND source = 'CLOSED' AND event IN ('ask_use', 'ask_onward')"
        asks = post.type in (USE_REQUEST, ONWARD_REQUEST)
        anew = asks and bool(self.world.hosts[post.sender].look(asked, post.ref))
        return no or anew or post.type == USE_ANSWER

    def _was_frozen(self, post: Post) -> bool:
        """Return whether a case was ever frozen itself, and so waits for two persons to let it go on."""
        frozen = "SELECT 1 FROM case_event WHERE ref = ? AND event = 'freeze'"
        return bool(self.world.hosts[post.sender].look(frozen, post.ref))

    def _is_known_stopped(self, post: Post) -> bool:
        """Return whether people stopped a case, and it knows: not one put back to when it was closed, never stopped."""
        known = "SELECT 1 FROM case_event WHERE ref = ? AND event IN ('freeze', 'suspend')"
        stopped = post.ref in self.journals[post.sender].stopped
        return stopped and bool(self.world.hosts[post.sender].look(known, post.ref))

    def _takes_back_behind(self, post: Post) -> bool:
        """Return whether something that takes data back stands behind a message in its thread."""
        behind = "SELECT type FROM outbound WHERE ref = ? AND (epoch, seq) > (?, ?) AND state <> 'dropped'"
        rows = self.world.hosts[post.sender].look(behind, post.ref, post.epoch, post.seq)
        return any(type in AFTER_WITHDRAWAL for (type,) in rows)


_ANSWERED_AND_PUT_AWAY = """
SELECT 1 FROM case_file AS held JOIN outbound AS said USING (ref)
WHERE ref = ? AND (said.epoch, seq) = (?, ?) AND answer IS NOT NULL AND held.state = 'CLOSED' AND side = 'requesting'
AND EXISTS (SELECT 1 FROM case_event WHERE ref = held.ref AND source = 'SUSPENDED' AND target = 'CLOSED')
AND NOT EXISTS (SELECT 1 FROM outbound WHERE ref = held.ref AND type = 'suspension' AND state <> 'dropped')
"""


def invite(gateway: Gateway, ref: str, who: tuple[str, str]) -> None:
    """Have the desk invite to the case who is a guest, or the lawyer of the person; anybody else needs no leave."""
    person, role = who
    if is_guest(person) or who == LAWYER:
        now = gateway.context.clock.now()
        made = Invitation(f"{ref} {role}", ref, role, person, LIAISON[0], now, now + INVITED)
        gateway.context.guests.take(made)
