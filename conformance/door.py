"""
The doors of the test States: where the gateway under test posts, and what it may find there.

Every post is recorded before anything is done with it; what is about logs (7.3) apart, as no message. What a case put
into ``State.instead`` happens to the next posts, one each; after that a door is right again.
"""

import ssl
from collections.abc import Callable

from aiohttp import web

from conformance.reading import Json, Refused, compact, strict_json
from conformance.registry import Wrong
from conformance.state import COLLECT, ENVELOPE, MESSAGES, Answering, Gateway, Instead, Post, State

PROBLEM = "application/problem+json"
STATUS = {
    **dict.fromkeys(("bad-envelope", "cannot-open", "bad-padding", "bad-jws", "bad-json", "bad-payload"), 400),
    **dict.fromkeys(("not-for-me", "bad-signature"), 400),
    "too-large": 413,
    "later": 503,
    "rate": 429,
    "hold": 423,
    "unknown-key": 410,
    "unknown-signer": 424,
    "out-of-order": 409,
}
"""The status of every code that is a problem (protocol 5.4)."""

TRANSIENT = frozenset({"later", "rate", "hold", "unknown-key", "unknown-signer", "out-of-order"})


class Doors:
    """The doors of all States of a run, each on a port of its own."""

    def __init__(self, host: str, gateway: Callable[[], Gateway]) -> None:
        """Open doors on ``host``; ``gateway`` is the one whose posts are expected."""
        self._host = host
        self._gateway = gateway
        self._runners: list[web.AppRunner] = []
        self.posts: list[Post] = []
        self.broken = ""

    async def open(self, state: State, tls: ssl.SSLContext | None = None, port: int = 0) -> str:
        """Open a door for ``state``, on a free port or on ``port``, and return its address."""

        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                return await self._serve(state, request)
            except (OSError, web.HTTPException, web.RequestPayloadError):
                raise  # the request broke off on its way, which some cases do on purpose
            except Exception as error:
                # A fault of ours; the case ends as inconclusive, and the gateway sees an odd proxy.
                self.broken = f"{type(error).__name__}: {error}"[:200]
                raise

        app = web.Application(client_max_size=16 << 20)
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, self._host, port, ssl_context=tls)
        await site.start()
        self._runners.append(runner)
        port = runner.addresses[0][1]
        return f"http{'s' if tls else ''}://{self._host}:{port}"

    async def close(self) -> None:
        """Close every door."""
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()

    async def _serve(self, state: State, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        if request.path.startswith("/xg/1/log/"):
            state.watched.append((request.method, request.path_qs, raw))
            return state.watch(request.method, request.path_qs, raw) if state.watch else web.Response(status=404)
        post = Post(state, state.now(), request.path_qs, list(request.headers.items()), raw)
        self.posts.append(post)
        state.posts.append(post)
        try:
            check_request(request)
            post.message = state.open(raw, self._gateway())
        except Wrong as error:
            post.fault = str(error)
        if state.instead:
            return await state.instead.pop(0)(post, request)
        return self.right(post)

    def right(self, post: Post, how: Answering | None = None) -> web.Response:
        """Answer a post as ``how`` says, or as the State answers now."""
        if post.message is None:
            return problem_response("bad-envelope")
        chosen = how or post.state.answering
        post.answer = post.state.answer(post.message, self._gateway(), chosen)
        return web.Response(status=chosen.status, body=post.answer, headers={"Content-Type": chosen.media_type})


def check_request(request: web.Request) -> None:
    """Check the outside of a post of the gateway (M-1.4, section 1). Raises ``Wrong``."""
    if request.method != "POST" or request.path_qs not in (MESSAGES, COLLECT, "/xg/1/answers"):
        raise Wrong(f"{request.method} {request.path_qs} is no request of section 1")
    if request.path_qs == MESSAGES and request.headers.getall("Content-Type", []) != [ENVELOPE]:
        raise Wrong("the media type is not exactly application/xg1-envelope (M-1.4)")
    if "Content-Encoding" in request.headers:
        raise Wrong("the request is encoded (M-1.4)")


def problem(code: str, title: str = "Not now") -> bytes:
    """Return a problem as the protocol writes it (M-5.5)."""
    return compact({"type": f"urn:xg1:{code}", "title": title, "status": STATUS[code]})


def problem_response(code: str, retry_after: str | None = None) -> web.Response:
    """Return the response of a problem."""
    headers = {"Content-Type": PROBLEM, **({"Retry-After": retry_after} if retry_after is not None else {})}
    return web.Response(status=STATUS[code], body=problem(code), headers=headers)


# What a door may do instead of answering


def says(code: str, retry_after: str | None = None) -> Instead:
    """Answer by the problem ``code``."""

    async def act(post: Post, request: web.Request) -> web.StreamResponse:
        return problem_response(code, retry_after)

    return act


def says_bytes(body: bytes, media_type: str, status: int = 200, **headers: str) -> Instead:
    """Answer by these very bytes."""

    async def act(post: Post, request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers={"Content-Type": media_type, **headers})

    return act


def drops() -> Instead:
    """Close the connection without an answer."""

    async def act(post: Post, request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    return act


def loses(doors: Doors) -> Instead:
    """Take the message in, and lose the answer on its way back."""

    async def act(post: Post, request: web.Request) -> web.StreamResponse:
        doors.right(post)
        return await drops()(post, request)

    return act


def cuts(doors: Doors, count: int) -> Instead:
    """Break the connection after ``count`` bytes of the answer."""

    async def act(post: Post, request: web.Request) -> web.StreamResponse:
        whole = doors.right(post)
        body = whole.body if isinstance(whole.body, bytes) else b""
        response = web.StreamResponse(headers={"Content-Type": "application/xg1-answer+json"})
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[:count])
        if request.transport is not None:
            request.transport.close()
        return response

    return act


def answers(doors: Doors, how: Answering) -> Instead:
    """Answer once as ``how`` says."""

    async def act(post: Post, request: web.Request) -> web.StreamResponse:
        return doors.right(post, how)

    return act


def json_of(raw: bytes) -> Json:
    """Return a problem's members. Raises ``Wrong``."""
    try:
        return strict_json(raw)
    except Refused:
        raise Wrong("the problem is no JSON object") from None
