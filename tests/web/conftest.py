"""What the door does out of sight, for tests that wait for it."""

import asyncio
from typing import Any

import pytest

from gateway.web import door


@pytest.fixture
def reads_form(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Return what is set once the door has looked whose form it is, and waits for the rest of it."""
    begun, read = asyncio.Event(), door.read_fields

    async def heard(*of: Any, **how: Any) -> dict[str, bytes]:
        begun.set()
        return await read(*of, **how)

    monkeypatch.setattr(door, "read_fields", heard)
    return begun
