"""`/health` and `/metrics`."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from flows.serve.answers import Health
from flows.serve.problems import documented
from flows.serve.service import Service, info, service_of

router = APIRouter()


@router.get("/health", responses=documented(403))
async def health(service: Annotated[Service, Depends(service_of)]) -> Health:
    """Tell whether the service works, and with which model; needs no token."""
    model = service.holder.current
    return Health(status="ok", model=info(model), keywords=len(model.listener.keywords), problem=service.watch.problem)


@router.get("/metrics", response_class=PlainTextResponse, responses=documented(401, 403))
async def metrics(service: Annotated[Service, Depends(service_of)]) -> PlainTextResponse:
    """Figures in Prometheus' text format."""
    return PlainTextResponse(service.metrics.text(), media_type=CONTENT_TYPE_PLAIN_0_0_4)
