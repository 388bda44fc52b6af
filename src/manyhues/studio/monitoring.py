"""What `/metrics` tells, in Prometheus' text format; one registry for each application."""

import time
from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from manyhues.studio.guard import App, Message, Receive, Scope, Send

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Monitoring:
    """Requests, their latency, jobs, queues, the folder of results, and the process' memory."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "manyhues_requests", "Requests answered.", ["method", "route", "status"],
            registry=registry,
        )  # fmt: skip
        self.latency = Histogram(
            "manyhues_request_seconds", "Time to the answer's first byte.", ["route"],
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.jobs = Counter("manyhues_jobs", "Jobs ended.", ["kind", "state"], registry=registry)
        self.job_seconds = Histogram(
            "manyhues_job_seconds", "Time from a job's first step to its end.", ["kind"],
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.cleaned = Counter("manyhues_cleaned", "Sessions removed for room.", registry=registry)

    def gauge(self, name: str, help: str, value: Callable[[], float]) -> None:
        """A figure that is asked for when the metrics are read."""
        Gauge(f"manyhues_{name}", help, registry=self.registry).set_function(value)

    def text(self) -> bytes:
        """All of it."""
        return generate_latest(self.registry)


class Measured:
    """Counts and times requests, by route and not by path, so that ids make no new series."""

    def __init__(self, app: App, *, monitoring: Monitoring) -> None:
        self._app, self._monitoring = app, monitoring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and note how it went."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "other")
                seconds = time.perf_counter() - start
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self._monitoring.requests.labels(method, route, message["status"]).inc()
                self._monitoring.latency.labels(route).observe(seconds)
            await send(message)

        await self._app(scope, receive, noted)


_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
