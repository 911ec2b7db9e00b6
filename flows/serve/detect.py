"""`/v1/detect`: a WebSocket that takes samples and answers detections as soon as they are certain.

First, the client may send a text message `{"format": "s16le" | "float32", "token": "…"}`; a token need not be there if
the Authorization header carries it. Then binary messages of 16 kHz mono samples, little-endian, of any length, and at
the end the text message `{"end": true}`. The service sends text messages: `{"ready": true, …}` first, then
`{"detection": …}` for each keyword, `{"model_changed": …}` once when another model serves new streams, `{"error": …}`
before it closes what it refuses, and `{"finished": true, "duration_s": …}` after the last detection.
"""

import asyncio
import json
from contextlib import suppress
from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, WebSocket, WebSocketDisconnect
from numpy.typing import NDArray
from starlette.websockets import WebSocketState

from flows.serve.access import admits
from flows.serve.problems import Refusal
from flows.serve.served_model import ServedModel
from flows.serve.service import Service, info, service_of_socket
from kws_core.config import SAMPLE_RATE_HZ
from kws_core.errors import KwsError
from kws_core.spotter import Detection

router = APIRouter()

FORMATS = {"s16le": "<i2", "float32": "<f4"}
POLICY, UNSUPPORTED, BUSY = 1008, 1003, 1013
"""Close codes of RFC 6455."""
STRANGER_S = 5.0
"""Within which the token must have come."""


class StreamProblem(Exception):
    """A stream that cannot go on, with the code it is closed with."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@router.websocket("/v1/detect")
async def detect(socket: WebSocket, service: Annotated[Service, Depends(service_of_socket)]) -> None:
    """Listen to a stream."""
    await socket.accept()
    service.streams.add(socket)
    service.metrics.streams.set(len(service.streams))
    try:
        if len(service.streams) > service.settings.streams:
            raise StreamProblem(BUSY, f"{service.settings.streams} streams are open, which is the most; try again")
        await _Stream(socket, service).run()
    except StreamProblem as problem:
        await _close(socket, problem.code, str(problem))
    except Refusal as refusal:
        await _close(socket, BUSY if refusal.status_code == 503 else POLICY, str(refusal.detail))
    except KwsError as error:
        await _close(socket, UNSUPPORTED, str(error))
    except WebSocketDisconnect:
        pass
    finally:
        service.streams.discard(socket)
        service.metrics.streams.set(len(service.streams))


class _Stream:
    """One stream from its first message to its last; it keeps the model that it began with."""

    def __init__(self, socket: WebSocket, service: Service) -> None:
        self._socket = socket
        self._service = service
        self._samples = 0
        self._format = "s16le"

    async def run(self) -> None:
        """Check who asks and for what, then listen."""
        admitted = admits(self._service.settings, self._socket.headers.get("authorization", ""))
        # a stranger holds a stream for no longer
        message = await self._next(self._service.settings.silent_stream_s if admitted else STRANGER_S)
        if "text" in message:
            first = _parsed(message["text"])
            admitted = admitted or admits(self._service.settings, f"Bearer {first.get('token', '')}")
            self._format = str(first.get("format", self._format))
            pending = message if first.get("end") else None
        else:
            pending = message
        if not admitted:
            raise StreamProblem(POLICY, 'a token is needed: {"token": "…"} in the first message, or a bearer token')
        if self._format not in FORMATS:
            raise StreamProblem(UNSUPPORTED, f"format {self._format!r}; {', '.join(FORMATS)} are accepted")
        await self._listen(self._service.listening(), pending)

    async def _listen(self, model: ServedModel, pending: dict[str, Any] | None) -> None:
        stream = model.listener.stream()
        ready = {"model": info(model).model_dump(), "keywords": model.listener.keywords, "rate_hz": SAMPLE_RATE_HZ}
        await self._socket.send_json({"ready": True, "format": self._format, **ready})
        told = False
        while True:
            message = pending or await self._next(self._service.settings.silent_stream_s)
            pending = None
            if "text" in message:
                if _parsed(message["text"]).get("end") is not True:
                    raise StreamProblem(UNSUPPORTED, 'only {"end": true} is accepted as text within a stream')
                break
            pcm = self._decoded(message["bytes"])
            await self._send(await self._service.inference.run(stream.push, pcm))
            if not told and self._service.holder.current is not model:
                told = True
                current = self._service.holder.current
                await self._socket.send_json({"model_changed": info(current).model_dump()})
        await self._send(await self._service.inference.run(stream.finish))
        await self._socket.send_json({"finished": True, "duration_s": round(self._samples / SAMPLE_RATE_HZ, 3)})
        await self._socket.close()

    async def _next(self, within_s: float) -> dict[str, Any]:
        """The next message: its `text`, or its `bytes`."""
        try:
            async with asyncio.timeout(within_s):
                message = await self._socket.receive()
        except TimeoutError as error:
            raise StreamProblem(POLICY, f"nothing came for {within_s:g} s") from error
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        return {kind: message[kind] for kind in ("text", "bytes") if message.get(kind) is not None}

    def _decoded(self, content: bytes) -> NDArray[np.float32]:
        """Samples, full scale 1."""
        kind = np.dtype(FORMATS[self._format])
        if len(content) % kind.itemsize:
            raise StreamProblem(
                UNSUPPORTED, f"{len(content)} bytes are no whole {self._format} samples of {kind.itemsize} bytes"
            )
        samples = np.frombuffer(content, kind)
        self._samples += len(samples)
        self._service.metrics.audio.labels("/v1/detect").inc(len(samples) / SAMPLE_RATE_HZ)
        if kind.kind == "i":
            return samples.astype(np.float32) / np.float32(32768)
        if not np.isfinite(samples).all():
            raise StreamProblem(UNSUPPORTED, "a sample is not a number")
        return np.clip(samples.astype(np.float32), -1.0, 1.0)

    async def _send(self, detections: list[Detection]) -> None:
        for each in detections:
            self._service.metrics.detections.labels(each.keyword).inc()
            await self._socket.send_json({"detection": asdict(each)})


def _parsed(text: str) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        found = json.loads(text)
        if isinstance(found, dict):
            return found
    raise StreamProblem(UNSUPPORTED, "a text message is a JSON object")


async def _close(socket: WebSocket, code: int, sentence: str) -> None:
    # gone already: nobody is left to tell
    with suppress(RuntimeError, WebSocketDisconnect):
        if socket.client_state is WebSocketState.CONNECTED:
            await socket.send_json({"error": sentence})
            # a reason of at most 123 bytes
            await socket.close(code, sentence.encode()[:120].decode(errors="ignore"))
