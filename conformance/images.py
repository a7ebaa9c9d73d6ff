"""The smallest image that a message may carry, as a member of ``elements`` (protocol 3.7)."""

import base64

from conformance.reading import Json
from conformance.writing import digest

PAGE = (
    "_9j_4AAQSkZJRgABAQAAAQABAAD_2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8ybqm"
    "x5moq6T_wAALCAAIAAgBAREA_8QAFAABAAAAAAAAAAAAAAAAAAAAAP_EABQQAQAAAAAAAAAAAAAAAAAAAAD_2gAIAQEAAD8AP__Z"
)
"""Eight by eight grey pixels as a bare JPEG, base64url."""


def page(raw: bytes | None = None) -> Json:
    """Return one page: the bytes ``raw``, or those of ``PAGE``, with their digest."""
    content = PAGE if raw is None else base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return {"sha256": digest(page_bytes() if raw is None else raw), "content": content}


def page_bytes() -> bytes:
    """Return the bytes of ``PAGE``."""
    return base64.urlsafe_b64decode(PAGE + "=" * (-len(PAGE) % 4))


def image(*pages: Json) -> Json:
    """Return an image of ``pages``, or of one page."""
    return {"media_type": "image/jpeg", "pages": list(pages) or [page()]}
