"""`/v1/keywords`: what is listened for, words learnt from recordings, and words forgotten."""

import math
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, UploadFile

from flows.serve.answers import Keyword, Keywords, Learnt
from flows.serve.enrolled_words import Word
from flows.serve.model_holder import KnownWord, TooManyWords
from flows.serve.problems import Refusal, documented
from flows.serve.recordings import decode_recording
from flows.serve.service import Service, info, service_of
from kws_core.enrolment import FAR
from kws_core.enrolment_example import LONGEST_RECORDING_S, Example

router = APIRouter()

MOST_RECORDINGS = 10
MOST_CHARACTERS = 80

Shared = Annotated[Service, Depends(service_of)]


@router.get("/v1/keywords", responses=documented(401, 403))
async def keywords(service: Shared) -> Keywords:
    """List what the service listens for, and enrolled words that the model in service cannot take."""
    model = service.holder.current
    examples = {word.keyword: len(word.examples) for word in service.holder.words.all()}
    listed = [
        Keyword(
            keyword=keyword,
            origin="enrolled" if keyword in model.learnt else "model",
            listening=True,
            threshold=model.threshold(keyword),
            examples=examples.get(keyword, 0) if keyword in model.learnt else 0,
        )
        for keyword in model.listener.keywords
    ]
    listed += [
        Keyword(keyword=keyword, origin="enrolled", listening=False, examples=examples.get(keyword, 0), reason=why)
        for keyword, why in model.waiting.items()
    ]
    return Keywords(model=info(model), encoder=model.encoder, keywords=listed)


@router.post("/v1/keywords", status_code=201, responses=documented(400, 401, 403, 408, 409, 413, 422, 503))
async def enrol(
    service: Shared,
    keyword: Annotated[str, Form(min_length=1, max_length=MOST_CHARACTERS, description="Words, single spaces.")],
    recordings: Annotated[
        list[UploadFile],
        File(min_length=1, max_length=MOST_RECORDINGS, description="Recordings of the keyword alone, three at best."),
    ],
    far: Annotated[
        float | None,
        Form(gt=0, lt=1, allow_inf_nan=False, description=f"Share of other words that may be taken for it [{FAR}]."),
    ] = None,
    max_false_alarms_per_hour: Annotated[
        float | None, Form(gt=0, allow_inf_nan=False, description="In place of `far`: in speech without the keyword.")
    ] = None,
) -> Learnt:
    """Learn a keyword from 1 to 10 recordings of it; the recordings are kept to teach it to later models."""
    contents = {}
    for place, recording in enumerate(recordings, 1):
        name = recording.filename or "recording"
        contents[f"{name} ({place})" if name in contents else name] = await recording.read()
    if far is None and max_false_alarms_per_hour is None:
        far = FAR
    wish = far, max_false_alarms_per_hour
    return await service.inference.run(_enrol, service, keyword, contents, wish)


@router.delete("/v1/keywords/{keyword:path}", status_code=204, responses=documented(401, 403, 404, 409, 503))
async def forget(service: Shared, keyword: str) -> None:
    """Forget a keyword that was enrolled here, and delete its recordings."""
    if keyword not in service.holder.words:
        if keyword in service.holder.current.listener.keywords:
            raise Refusal(409, f"{keyword!r} belongs to the model; only words enrolled here can be deleted")
        raise Refusal(404, f"there is no keyword {keyword!r}")
    await service.inference.run(_forget, service, keyword)


def _enrol(
    service: Service, keyword: str, contents: dict[str, bytes], wish: tuple[float | None, float | None]
) -> Learnt:
    """Decode, learn, and put the model with the word into service."""
    examples = tuple(
        Example(name, decode_recording(content, LONGEST_RECORDING_S, name)) for name, content in contents.items()
    )
    try:
        model = service.holder.enrol(Word(keyword, examples, *wish), service.settings.enrolled_words)
    except (TooManyWords, KnownWord) as error:
        raise Refusal(409, str(error)) from error
    learnt = model.learnt[keyword]
    least = learnt.origin.least_cosine
    return Learnt(
        keyword=keyword,
        examples=len(examples),
        threshold=model.threshold(keyword),
        least_cosine=None if least is None or math.isnan(least) else least,
        encoder=model.encoder,
        warnings=list(learnt.warnings),
    )


def _forget(service: Service, keyword: str) -> None:
    try:
        service.holder.forget(keyword)
    except KeyError as error:  # another request was quicker
        raise Refusal(404, f"there is no keyword {keyword!r}") from error
