"""`POST /v1/classify`: what a recording holds."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from flows.serve.answers import Best, Classified, Found
from flows.serve.listener import Heard, Listener
from flows.serve.problems import Refusal, documented
from flows.serve.recordings import decode_recording
from flows.serve.service import Service, info, service_of
from kws_core.config import SAMPLE_RATE_HZ

router = APIRouter()

ACCEPTED = ("application/octet-stream", "audio/wav", "audio/flac", "audio/ogg", "audio/mpeg")
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_BODY = {"required": True, "content": dict.fromkeys(ACCEPTED, _BINARY)}


@router.post(
    "/v1/classify",
    responses=documented(401, 403, 408, 409, 413, 415, 422, 503),
    openapi_extra={"requestBody": _BODY},
)
async def classify(request: Request, service: Annotated[Service, Depends(service_of)]) -> Classified:
    """Find the keywords of a recording: WAV, FLAC, OGG, MP3 and whatever else soundfile reads, of any rate."""
    content_type = request.headers.get("content-type", ACCEPTED[0]).partition(";")[0].strip().lower()
    if content_type != ACCEPTED[0] and not content_type.startswith("audio/"):
        raise Refusal(415, f"content type {content_type!r}; audio/* and {ACCEPTED[0]} are accepted")
    model = service.listening()
    content = await request.body()
    heard, duration_s = await service.inference.run(
        _hear, model.listener, content, service.settings.longest_recording_s
    )
    service.metrics.audio.labels("/v1/classify").inc(duration_s)
    for each in heard.detections:
        service.metrics.detections.labels(each.keyword).inc()
    return Classified(
        model=info(model),
        duration_s=round(duration_s, 3),
        best=Best(keyword=heard.best.keyword, score=heard.best.score, accepted=heard.best.accepted),
        detections=[Found(**vars(each)) for each in heard.detections],
    )


def _hear(listener: Listener, content: bytes, longest_s: float) -> tuple[Heard, float]:
    pcm = decode_recording(content, longest_s)
    return listener.hear(pcm), len(pcm) / SAMPLE_RATE_HZ
