"""What the figures keep of erased cases, and the tables that were shown, as rows."""

from collections.abc import Sequence

from gateway.services.rows import ReleaseRow
from gateway.storage.sql import Sql, instant, seconds

_ADD_FIGURE = "INSERT INTO figure (n, course) VALUES (random() & 9223372036854775807, ?)"


class FigureRows(Sql):
    """What the figures keep of erased cases, and the tables that were shown."""

    __slots__ = ()

    # Figures

    async def add_figure(self, course: str) -> None:
        """
        Keep what the figures need of a case that is being erased.

        At a random place: the order of the erasures, which stands among the events, would lead from it to the case.
        """
        await self._write(_ADD_FIGURE, (course,))

    async def drop_figures(self) -> None:
        """Drop what the figures keep of erased cases: it is added anew, in another form."""
        self._alone()  # what was read before, to be added again, is all there is: another node may be at it too
        await self._write("DELETE FROM figure", ())

    async def kept_figures(self) -> Sequence[str]:
        """Return what the figures keep of erased cases."""
        return tuple(course for (course,) in await self._all("SELECT course FROM figure ORDER BY n", ()))

    async def add_release(self, row: ReleaseRow) -> int:
        """Add a table of figures that is shown, and return its number; raises ``Conflict`` if it was shown before."""
        self._alone()  # each is tested against all before it: two together may give away what neither does
        statement = (
            "INSERT INTO release (at, name, direction, period, first, second, content) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "RETURNING n"
        )
        return await self._insert(statement, (seconds(row.at), *row[2:]))

    async def releases(self) -> Sequence[ReleaseRow]:
        """Return every table of figures that was shown, in order."""
        statement = "SELECT n, at, name, direction, period, first, second, content FROM release ORDER BY n"
        return tuple(ReleaseRow(row[0], instant(row[1]), *row[2:]) for row in await self._all(statement, ()))
