"""
The door for monitoring and for a load balancer: a few figures, and whether this process is ready.

Rule 1: it takes nothing in; whoever reaches it may read what it says, so it says no more than ``services.monitor`` lets
it (decision 0031).
Rule 2: label values are those of the configuration, of ``isthmus check`` and of the protocol: nobody outside adds one.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from gateway import __version__
from gateway.http.errors import http_problem, neutral_headers, problem_of
from gateway.services.monitor import Monitor, Way

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
CONNECTIONS_MAX = 64
"""Far more than monitoring and load balancers keep open."""

LATER = 503
"""Told from the start: monitoring sees the first of a count that grows only if it stood at 0 before."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Figures(Collector):
    """The figures of a process at the moment of a scrape; ``ways`` is what the store said for it."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self.ways: Sequence[Way] | None = None

    def describe(self) -> Iterator[Metric]:
        """Name no figure beforehand; a scrape does."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield every figure."""
        yield InfoMetricFamily("isthmus_build", "The version that runs.", value={"version": __version__})
        yield from self._process()
        yield from self._ways(self.ways or ())
        yield from self._looked()

    def _process(self) -> Iterator[Metric]:
        monitor, now = self._monitor, self._monitor.context.clock.now()
        up = self.ways is not None
        for name, text, holds in (
            ("ready", "Whether this process is ready, as /health/ready says.", monitor.serves and up),
            ("store_up", "Whether the store can be read.", up),
            ("leader", "Whether this process does what is done once for a gateway.", monitor.leads),
            ("clock_steady", "Whether its clock is believed for what cannot be undone.", monitor.context.believes(now)),
        ):
            yield GaugeMetricFamily(f"isthmus_{name}", text, float(holds))
        answers = CounterMetricFamily("isthmus_answers", "Answers given to partners, by HTTP status.", labels=["code"])
        for status in sorted({LATER, *monitor.answered}):
            answers.add_metric([str(status)], monitor.answered[status])
        yield answers
        load = monitor.context.store.load()
        yield GaugeMetricFamily("isthmus_store_waiting", "Units of work that wait for the store.", load.waiting)
        yield SummaryMetricFamily(
            "isthmus_store_batch_seconds",
            "Time that transactions took, to their end on disk.",
            load.batches,
            load.busy_s,
        )
        yield CounterMetricFamily("isthmus_store_failures", "Transactions that came to nothing.", load.failed)

    @staticmethod
    def _ways(ways: Sequence[Way]) -> Iterator[Metric]:
        for place, name, text in (
            (1, "out_of_reach", "Whether posts fail one after the other, and something waits."),
            (2, "on_hold", "Whether nothing is exchanged until officers have decided."),
            (3, "busy", "Whether it has sent to this process half of what it may in a day."),
        ):
            figure = GaugeMetricFamily(f"isthmus_partner_{name}", text, labels=["partner"])
            for way in ways:
                figure.add_metric([way.partner], float(way[place]))
            yield figure

    def _looked(self) -> Iterator[Metric]:
        """Yield what was found when everything was looked at; nothing of it before that was done once."""
        monitor = self._monitor
        ends = GaugeMetricFamily(
            "isthmus_end_timestamp_seconds", "When what has an end is good no more.", labels=["of"]
        )
        for of, at in sorted(monitor.ends(monitor.context.clock.now()).items()):
            ends.add_metric([of], at.timestamp())
        yield ends
        if monitor.health is None:
            return
        yield GaugeMetricFamily(
            "isthmus_checked_timestamp_seconds", "When everything was looked at last.", monitor.health.at.timestamp()
        )
        found = GaugeMetricFamily("isthmus_findings", "What isthmus check finds, by its area.", labels=["area"])
        items = monitor.health.items
        for area in sorted({item.area for item in items}):
            found.add_metric([area], sum(item.area == area and item.level == "finding" for item in items))
        yield found


class _Door:
    def __init__(self, monitor: Monitor, log: Callable[..., None]) -> None:
        self._monitor = monitor
        self._log = log
        self._figures = _Figures(monitor)
        self._registry = CollectorRegistry()
        self._registry.register(self._figures)
        ProcessCollector(registry=self._registry)

    async def metrics(self, _: web.Request) -> web.StreamResponse:
        self._figures.ways = await self._monitor.ways()
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE})

    async def live(self, _: web.Request) -> web.StreamResponse:
        return web.Response(text="live\n")

    async def ready(self, _: web.Request) -> web.StreamResponse:
        ready = await self._monitor.is_ready()
        return web.Response(text="ready\n") if ready else web.Response(status=503, text="not ready\n")

    @web.middleware
    async def neutral(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Say no more than a status of whatever goes wrong, and log a fault of ours."""
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = problem_of(error)
        except Exception as error:
            self._log("gateway.fault", error=type(error).__name__)
            response = http_problem(500)
        if response.status in (404, 405) or not request.content.is_eof():
            response.force_close()
        return response


def metrics_app(monitor: Monitor, *, log: Callable[..., None]) -> web.Application:
    """Return the application that monitoring and load balancers reach."""
    door = _Door(monitor, log)
    app = web.Application(middlewares=[door.neutral])
    app.on_response_prepare.append(neutral_headers)
    app.router.add_get("/metrics", door.metrics)
    app.router.add_get("/health/live", door.live)
    app.router.add_get("/health/ready", door.ready)
    return app
