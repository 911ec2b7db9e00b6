"""What the served champion answers to a recording."""

import io
from collections.abc import Iterator
from typing import Any

import httpx
import soundfile

from infra.stack.services import SERVE, Layout
from kws_core.config import SAMPLE_RATE_HZ
from kws_core.corpora.demo import demo_recording
from kws_core.corpora.demo_words import KEYWORDS
from kws_core.corpora.espeak import ReferenceWord
from kws_core.errors import ClusterError


def listen(layout: Layout, seed: int = 0) -> Iterator[str]:
    """Post a recording of the demo corpus's voices; gives a line with what was spoken and one with what was found.

    Raises:
        ClusterError: it was not answered, or none of the keywords was found where it is.
    """
    pcm, words = demo_recording(seed)
    sound = io.BytesIO()
    soundfile.write(sound, pcm, SAMPLE_RATE_HZ, subtype="PCM_16", format="WAV")
    answer = httpx.post(
        layout.url(SERVE, "/v1/classify"),
        content=sound.getvalue(),
        headers={"authorization": f"Bearer {layout.serve_token}", "content-type": "audio/wav"},
        timeout=60,
    )
    if answer.status_code != 200:
        raise ClusterError(f"{layout.url(SERVE)} answered {answer.status_code}: {answer.text}")
    spoken = [word for word in words if word.word in KEYWORDS]
    found = answer.json()["detections"]
    yield "spoken: " + ", ".join(f"{word.word} at {word.start_s:.2f} s" for word in spoken)
    yield "found:  " + ", ".join(f"{one['keyword']} at {one['start_s']:.2f} s" for one in found)
    right = [word for word in spoken if any(_overlap(word, one) for one in found)]
    if not right:
        raise ClusterError("none of the keywords was found")
    yield f"{len(right)} of {len(spoken)} keywords found"


def _overlap(word: ReferenceWord, found: dict[str, Any]) -> bool:
    same = found["keyword"] == word.word
    return bool(same and found["start_s"] < word.end_s and word.start_s < found["end_s"])
