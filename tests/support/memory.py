"""
A disk in memory, where the machine has one with room.

What a test writes need not outlive the machine, and half of the time of many a test is waiting for a real disk to say
that it kept it. The gateway asks as always; what a disk loses is tried by the drills, on one that loses it.
"""

import os
import shutil
from pathlib import Path

ROOM = 4 << 30
"""Free bytes without which it is left alone: a container may have a few megabytes."""


def _with_room(place: Path) -> Path | None:
    if place.is_dir() and os.access(place, os.W_OK) and shutil.disk_usage(place).free >= ROOM:
        return place
    return None


MEMORY = _with_room(Path("/dev/shm"))
"""The disk, or ``None`` where there is none: ``tempfile`` then takes its usual place."""
