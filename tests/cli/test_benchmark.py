"""``isthmus benchmark``: what it is told and does not measure by is refused, not passed over."""

import pytest
from click.testing import CliRunner

from gateway.cli.benchmark import benchmark


@pytest.mark.parametrize("option", [["--postgresql"], ["--cases", "10"]], ids=["server", "cases"])
@pytest.mark.parametrize("which", ["accept", "nodes", "all"])
def test_what_is_of_a_million_cases_alone_is_refused_elsewhere(which: str, option: list[str]) -> None:
    """Whoever asks for accepting over PostgreSQL would read the figures of a file for those of a server."""
    done = CliRunner().invoke(benchmark, [which, *option])
    assert (2, True) == (done.exit_code, "are of 'million'" in done.output)
