"""The application: routes, limits and refusals put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from flows.serve import classify, detect, keywords, pages, problems, status
from flows.serve.access import OPEN, Access
from flows.serve.limits import Limits
from flows.serve.metrics import Measured
from flows.serve.service import Service

DESCRIPTION = (
    "Keyword spotting: recordings and streams in, detections out; words can be added by example. "
    "`/v1/detect` is a WebSocket: send 16 kHz mono samples as binary messages (`s16le`, or another format that a first "
    'text message such as `{"format": "float32"}` names) and `{"end": true}` at the end; detections come as JSON text.'
)


def create_app(service: Service) -> FastAPI:
    """The ASGI application of a service."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.watch.start()
        yield
        service.watch.stop()
        service.inference.close()

    app = FastAPI(
        title="kws-foundry", version="1", description=DESCRIPTION, docs_url=None, redoc_url=None, lifespan=lifespan
    )
    app.state.service = service
    problems.install(app)
    for part in (pages, status, classify, keywords, detect):
        app.include_router(part.router)
    # the last is the outermost: refusals are counted too
    app.add_middleware(Limits, settings=service.settings)
    app.add_middleware(Access, settings=service.settings)
    app.add_middleware(Measured, metrics=service.metrics)
    _describe(app, needs_token=service.settings.token is not None)
    return app


def _describe(app: FastAPI, needs_token: bool) -> None:
    """Make the OpenAPI description say what is really answered."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            # refusals of every kind are a `Problem`
            for operations in schema["paths"].values():
                for operation in operations.values():
                    if "HTTPValidationError" in str(operation["responses"].get("422")):
                        del operation["responses"]["422"]
            for name in ("HTTPValidationError", "ValidationError"):
                schema["components"]["schemas"].pop(name, None)
            if needs_token:
                schema["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
                for path, operations in schema["paths"].items():
                    for operation in operations.values():
                        operation["security"] = [] if path in OPEN else [{"token": []}]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]
