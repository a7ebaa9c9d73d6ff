"""What a process hears libraries by belongs to the whole process: a test puts it back."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def put_back() -> Iterator[None]:
    """Have handlers, hooks and the way of warnings after the block as they were before it."""
    root, hooks = logging.getLogger(), (sys.unraisablehook, threading.excepthook)
    handlers = root.handlers[:]
    root.handlers.clear()  # of pytest, which a handler put in by force would close
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.handlers[:] = handlers
        sys.unraisablehook, threading.excepthook = hooks
