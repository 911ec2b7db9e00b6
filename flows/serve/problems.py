"""Refusals: one clear sentence in a JSON object, with the status that fits."""

import json
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import compile_path
from starlette.types import Send

from kws_core.errors import BundleError, KwsError


class Problem(BaseModel):
    """Why a request was refused."""

    error: str


class Refusal(HTTPException):
    """A request that is refused with a status and a sentence."""

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, sentence, headers)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route, for its OpenAPI description."""
    said = {
        400: "The request cannot be read.",
        401: "The token is missing or wrong.",
        403: "The request comes from a foreign page.",
        404: "There is no such thing.",
        408: "The request did not arrive in time.",
        409: "The model in service cannot do that.",
        413: "The request or the recording is too large.",
        415: "The content type is not accepted.",
        422: "The content cannot be used.",
        503: "Too much is going on; try again.",
    }
    return {status: {"model": Problem, "description": said[status]} for status in statuses}


def install(app: FastAPI) -> None:
    """Make every refusal of the application a `Problem`."""

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        headers = {name.lower(): value for name, value in (error.headers or {}).items()}
        if error.status_code == 405:
            headers["allow"] = ", ".join(_methods(app, request))
        return JSONResponse({"error": str(error.detail)}, error.status_code, headers=headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        field = ".".join(str(step) for step in first["loc"][1:]) or "the request"
        return JSONResponse({"error": f"{field}: {first['msg']}"}, 422)

    @app.exception_handler(KwsError)
    async def mistaken(_: Request, error: KwsError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 409 if isinstance(error, BundleError) else 422)


def _methods(app: FastAPI, request: Request) -> list[str]:
    """What the path accepts: of several routes with the same path, the framework names the first one's alone."""
    found = set()
    for path, operations in app.openapi()["paths"].items():
        pattern, _, _ = compile_path(path.replace("{keyword}", "{keyword:path}"))
        if pattern.match(request.scope["path"]):
            found |= {method.upper() for method in operations}
    return sorted(found) or ["GET"]


async def send_problem(send: Send, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
    """Answer with a `Problem` where there is no application yet."""
    content = json.dumps({"error": sentence}).encode()
    named = {"content-type": "application/json", "content-length": str(len(content)), **(headers or {})}
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in named.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": content})
