"""What Prometheus reads: requests, latencies, audio, detections, and which model is in service."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LATENCIES_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Metrics:
    """The figures of one service, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter("kws_requests", "Requests answered.", ["route", "status"], registry=registry)
        self.latency = Histogram(
            "kws_request_seconds",
            "From the head of a request to the end of its answer.",
            ["route"],
            buckets=LATENCIES_S,
            registry=registry,
        )
        self.audio = Counter("kws_audio_seconds", "Audio that was listened to.", ["route"], registry=registry)
        self.detections = Counter("kws_detections", "Keywords found.", ["keyword"], registry=registry)
        self.streams = Gauge("kws_streams", "WebSocket streams that are open.", registry=registry)
        self.model = Gauge("kws_model_info", "1 for the model in service.", ["name", "version"], registry=registry)
        self.keywords = Gauge("kws_keywords", "Keywords that are listened for.", registry=registry)
        self.swaps = Counter("kws_model_swaps", "Models that replaced another while serving.", registry=registry)
        self.failed_polls = Counter(
            "kws_model_poll_failures", "Looks at the model's source that failed.", registry=registry
        )

    def serving(self, name: str, version: str, keywords: int) -> None:
        """Say which model is in service."""
        self.model.clear()
        self.model.labels(name, version).set(1)
        self.keywords.set(keywords)

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)


class Measured:
    """Counts and times the requests of an application, by the path of their route."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and note how it was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.monotonic(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            # "unknown": there is no such route, or the request was refused before one was looked for
            route = getattr(scope.get("route"), "path", "unknown")
            self._metrics.requests.labels(route, str(status or 499)).inc()
            self._metrics.latency.labels(route).observe(time.monotonic() - started)
