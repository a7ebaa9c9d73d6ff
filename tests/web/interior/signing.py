"""A draft case, and a person at the desk who looks at it for a reason and signs with the codes of an app."""

import pyotp

from tests.support import story
from tests.web.support import Answer, Desk, Officer, form_of


async def with_codes(desk: Desk, name: str) -> tuple[Officer, pyotp.TOTP]:
    """Sign ``name`` in, with codes of an authenticator app."""
    officer = await desk.officer(name)
    accounts, now = desk.site.accounts, desk.network.clock.now()
    secret = accounts.new_secret()
    totp = pyotp.TOTP(secret)
    assert await accounts.add_code(name, secret, totp.at(now), "interior", now)
    desk.network.clock.pass_(seconds=60)
    return officer, totp


async def looked(officer: Officer, page: str, why: str = "four eyes") -> Answer:
    """Open ``page`` of a case, and give the reason it asks for."""
    answer = await officer.get(page)
    if "why" not in form_of(answer.text, answer.path.rpartition("/")[0] + "/look"):
        return answer
    return await officer.post(f"{page.rpartition('/')[0]}/look", {"why": why, "back": page})


def code(desk: Desk, totp: pyotp.TOTP) -> str:
    """Return the code of now."""
    return totp.at(desk.network.clock.now())


async def draft(desk: Desk, **changes: object) -> str:
    """Open a draft case in XAA by its first person."""
    return await desk.gateway.clear.new(story.draft(**changes), "first")
