"""The page at `/` and the description of the interface at `/docs`: one file each, nothing from elsewhere."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)


@router.get("/")
async def page() -> HTMLResponse:
    """Try the service: microphone, files, and words of one's own."""
    return _served("page.html")


@router.get("/docs")
async def docs() -> HTMLResponse:
    """Read `/openapi.json` in a readable form."""
    return _served("docs.html")


def _served(name: str) -> HTMLResponse:
    content, policy = _page(name)
    headers = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
    }
    return HTMLResponse(content, headers=headers)


@cache
def _page(name: str) -> tuple[str, str]:
    """A page and the policy under which a browser runs its own script and style, and nothing else."""
    content = Path(__file__).with_name(name).read_text(encoding="utf-8")
    scripts, styles = (_hashes(content, tag) for tag in ("script", "style"))
    return content, (
        f"default-src 'none'; script-src {scripts} blob:; style-src {styles}; connect-src 'self'; "
        "img-src 'self' data:; media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _hashes(content: str, tag: str) -> str:
    parts = re.findall(rf"<{tag}>(.*?)</{tag}>", content, re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in parts)
    return " ".join(f"'sha256-{digest}'" for digest in digests)
