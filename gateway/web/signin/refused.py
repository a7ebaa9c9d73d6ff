"""Why a way of signing in did not lead in. The page says the same for all; the code is for the log."""

from gateway.services.context import Forbidden


class Refused(Forbidden):
    """A ceremony that did not hold; ``code`` says for the log what was wrong, and never whose it was."""

    def __init__(self, code: str) -> None:
        super().__init__(code, "open the page again and try once more")
        self.code = code
