"""What the service answers, as JSON."""

from pydantic import BaseModel, Field


class ModelInfo(BaseModel):
    """The model that answered."""

    name: str
    version: str = Field(description="Of the registry, or the beginning of a bundle's fingerprint.")


class Found(BaseModel):
    """A keyword found in a recording or a stream."""

    keyword: str
    start_s: float
    end_s: float
    score: float


class Best(BaseModel):
    """The most certain keyword."""

    keyword: str
    score: float
    accepted: bool = Field(description="Whether it reaches its threshold.")


class Classified(BaseModel):
    """What a recording holds."""

    model: ModelInfo
    duration_s: float
    best: Best
    detections: list[Found] = Field(description="In the order of time; of a second or less, the whole or nothing.")


class Keyword(BaseModel):
    """A keyword that the service knows."""

    keyword: str
    origin: str = Field(description="`model`, or `enrolled` here; only the latter can be deleted.")
    listening: bool
    threshold: float | None = Field(default=None, description="Of the score; null while not listening.")
    examples: int = Field(default=0, description="Recordings that it was enrolled from here.")
    reason: str | None = Field(default=None, description="Why it is not listened for.")


class Keywords(BaseModel):
    """All keywords."""

    model: ModelInfo
    encoder: str = Field(description="What hears enrolled words: `model`, or the package's `general` encoder.")
    keywords: list[Keyword]


class Learnt(BaseModel):
    """A keyword that was enrolled."""

    keyword: str
    examples: int
    threshold: float
    least_cosine: float | None = Field(description="Least agreement of a recording with the others; null for one.")
    encoder: str
    warnings: list[str] = Field(description="Such as: it sounds like a keyword that is there.")


class Health(BaseModel):
    """Whether the service works."""

    status: str
    model: ModelInfo
    keywords: int
    problem: str | None = Field(description="Why the last look for a newer model failed.")
