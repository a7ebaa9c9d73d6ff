"""What is held of a form while it is read: fields within bounds, and of a stranger no file."""

from collections.abc import Mapping

import pytest
from aiohttp import ClientSession, FormData, web

from gateway.web.posted import read_fields


async def read(form: FormData, upload: int, *, is_known: bool) -> tuple[list[tuple[str, str]], Mapping[str, bytes]]:
    """Return what is held of ``form`` once it came over a socket."""
    found, came = [], list[int]()

    async def take(request: web.Request) -> web.Response:
        fields: list[tuple[str, str]] = []
        found.append((fields, await read_fields(request, upload, fields, came.append, is_known=is_known)))
        return web.Response()

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        async with ClientSession() as client, client.post(f"http://{host}:{port}/", data=form) as answer:
            assert 200 == answer.status
    finally:
        await runner.cleanup()
    assert came == sorted(came)
    assert came[-1] > sum(map(len, found[0][1].values()))
    return found[0]


@pytest.mark.parametrize("is_known", [True, False])
async def test_no_byte_of_a_file_is_held_of_who_has_no_session(is_known: bool) -> None:
    """Thousands may send one each, of 8 MiB: it is read to its end, for the form to be answered, and let go."""
    form = FormData({"a": "b"})
    form.add_field("file", b"x" * 5000, filename="file.png")
    fields, files = await read(form, 8192, is_known=is_known)
    assert [("a", "b")] == fields
    assert {"file": b"x" * 5000 if is_known else b""} == files
