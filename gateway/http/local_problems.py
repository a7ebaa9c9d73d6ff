"""What the local API says of whatever goes wrong: a problem document in plain words, and nothing that was sent."""

from dataclasses import asdict

from aiohttp import web

from gateway.core.machine import IllegalStep, RuleRefused
from gateway.http import openapi
from gateway.http.errors import local_problem
from gateway.http.limits import BodyTooLarge, BodyTooSlow, Overloaded
from gateway.services.audience import FOREIGN_AFFAIRS, heard
from gateway.services.context import Forbidden, NotFound
from gateway.services.opening import Reused
from gateway.services.ports import BadValue, Changed, Conflict, Unavailable
from schemas import SchemaError, ijson


class BadRequest(Exception):
    """A parameter or header is missing or is none; says which, and what to do."""


class NoToken(Exception):
    """No token, or one that names nobody; which of the two is not said."""


class BadMediaType(Exception):
    """The body is not sent as JSON."""


_RETRY = {"Retry-After": "2"}


def problem_for(error: Exception, roles: frozenset[str]) -> web.Response | None:
    """Return the problem document for ``error`` to a person with ``roles``, or ``None`` if it is a fault of ours."""
    match error:
        case SchemaError():
            places = [{"pointer": one.pointer, "text": one.text} for one in error.problems]
            detail = "The body does not fit its schema; 'problems' lists where."
            return local_problem(422, "schema", "Not as the schema demands", detail, more={"problems": places})
        case ijson.BadJson():
            return local_problem(400, "bad-json", "Not strict JSON", f"The body cannot be read: {error.reason}.")
        case BadRequest():
            return local_problem(400, "bad-request", "Not a request of this API", str(error))
        case BadValue():
            return local_problem(400, "bad-value", "A value that cannot be", f"In what was sent {error}.")
        case NoToken():
            detail = "Send 'Authorization: Bearer TOKEN' with a token of a person of this gateway."
            headers = {"WWW-Authenticate": "Bearer"}
            return local_problem(401, "no-token", "Who is asking?", detail, headers=headers)
        case Forbidden():
            return local_problem(403, "forbidden", "Not yours to do", str(error), hint=error.hint)
        case NotFound():
            return local_problem(404, "not-found", "No such case", str(error))
        case IllegalStep():
            # It names the state, and one that a stop led to meanwhile is not for everybody.
            detail = "It is not waited for any more." if FOREIGN_AFFAIRS in roles else str(error)
            hint = "GET the case: 'allowed' lists the steps you may take now"
            return local_problem(409, "illegal-step", "Not a step of this case now", detail, hint=hint)
        case RuleRefused():
            found = heard(error.findings, roles)
            more = {"findings": [asdict(finding) for finding in found]}
            detail = "'findings' says which and why." if found else "Which one is for the desk in charge of the case."
            return local_problem(422, "rule-refused", "A rule refuses", detail, more=more)
    return _problem_for_carriage(error)


def _problem_for_carriage(error: Exception) -> web.Response | None:
    """Return the problem document for what went wrong with the request itself, or with the time it came at."""
    match error:
        case Changed():
            detail = "The case is not what 'If-Match' names any more; read it again before you repeat the step."
            return local_problem(412, "changed", "Changed meanwhile", detail)
        case Reused():
            detail = f"This '{openapi.ONCE_HEADER}' came before with another body. Nothing was opened."
            hint = "send what is new under a new key"
            return local_problem(422, "key-reused", "A key for something else", detail, hint=hint)
        case Conflict():
            detail = "The case changed meanwhile; read it again."
            return local_problem(409, "conflict", "Changed meanwhile", detail, headers=_RETRY)
        case Unavailable():
            return local_problem(503, "later", "Not now", str(error), hint=error.hint, headers=_RETRY)
        case Overloaded():
            return local_problem(503, "later", "Not now", "Too many requests at once.", headers=_RETRY)
        case BodyTooLarge():
            return local_problem(413, "too-large", "Too large", f"Such a body has at most {error.most} bytes.")
        case BodyTooSlow():
            return local_problem(408, "too-slow", "Too slow", "The body did not arrive in time.")
        case BadMediaType():
            detail = "Send the body as application/json, not encoded."
            return local_problem(415, "media-type", "Not JSON", detail)
    return None
