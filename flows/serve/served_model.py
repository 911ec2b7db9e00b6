"""One model as it is served: never changed, replaced as a whole, and alive for as long as a request uses it."""

import shutil
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flows.serve.enrolled_words import Word
from flows.serve.listener import Listener
from kws_core.bundle import COHORT, Bundle, EnrolledKeyword, load_bundle
from kws_core.enrolment import enrol
from kws_core.errors import ConfigError, KwsError
from kws_core.spotter import Spotter
from kws_core.universal import universal_bundle_path

GENERAL, OWN = "general", "model"
"""Whose encoder hears an enrolled word."""


@dataclass(frozen=True)
class LearntWord:
    """An enrolled word that is listened for, and what there is to say against it."""

    origin: EnrolledKeyword
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ServedModel:
    """A model with the words that were added to it."""

    name: str
    version: str
    base: Bundle
    """As it came from its source."""
    with_words: Bundle | None
    """The bundle that holds the enrolled words: the model's own, or the general encoder's; None without words."""
    listener: Listener
    learnt: dict[str, LearntWord]
    """The enrolled words that are listened for."""
    waiting: dict[str, str]
    """The enrolled words that this model cannot take, and why."""

    @property
    def encoder(self) -> str:
        """Whose encoder hears enrolled words."""
        return OWN if takes_words(self.base) else GENERAL

    def threshold(self, keyword: str) -> float:
        """Of a keyword that is listened for."""
        for spotter in self.listener.spotters:
            if keyword in spotter.keywords:
                return float(spotter.thresholds[spotter.keywords.index(keyword)])
        raise KeyError(keyword)


def takes_words(bundle: Bundle) -> bool:
    """Whether words can be enrolled in a bundle: by its cohort, as further centroids."""
    description = bundle.description
    by_centroid = not description.keywords or description.decision == "centroid"
    return COHORT in description.files and by_centroid and not description.score_calibration


def serve_model(version: str, base: Bundle, words: Sequence[Word], threads: int = 1) -> ServedModel:
    """A model with words enrolled anew from their recordings; those that it cannot take are `waiting`.

    Raises:
        BundleError: the model itself cannot be run.
    """
    own = Listener((Spotter(base, threads),) if base.description.keywords else ())
    model = ServedModel(base.description.name, version, base, None, own, {}, {})
    for word in words:
        try:
            model = with_word(model, word, threads)
        except KwsError as error:
            model.waiting[word.keyword] = str(error)
    return model


def with_word(model: ServedModel, word: Word, threads: int = 1) -> ServedModel:
    """The model with one more word; raises what `kws_core.enrolment.enrol` raises when it cannot be learnt."""
    general = not takes_words(model.base)
    target = model.with_words or (load_bundle(universal_bundle_path()) if general else model.base)
    if general and word.keyword in model.base.description.keywords:
        raise ConfigError(f"the bundle has the keyword {word.keyword!r} already; replace it or choose another name")
    per_hour = word.max_false_alarms_per_hour
    enrolled = enrol(
        target, {word.keyword: word.examples}, word.far, threads=threads, max_false_alarms_per_hour=per_hour
    )
    folder = new_folder()
    try:
        bundle = enrolled.write(folder / "bundle")
    except Exception:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    remove_with(bundle, folder)
    spotter = Spotter(bundle, threads)
    # beside the general encoder the model's own spotter stays as it is
    own = model.listener.spotters[:1] if general and model.base.description.keywords else ()
    return ServedModel(
        model.name,
        model.version,
        model.base,
        bundle,
        Listener((*own, spotter)),
        {**model.learnt, word.keyword: LearntWord(enrolled.origins[0], enrolled.warnings)},
        {keyword: why for keyword, why in model.waiting.items() if keyword != word.keyword},
    )


def new_folder() -> Path:
    """A new temporary folder."""
    return Path(tempfile.mkdtemp(prefix="kws-serve-"))


def remove_with(bundle: Bundle, folder: Path) -> None:
    """Remove the folder when nobody holds the bundle any more, at the end of the process at the latest."""
    weakref.finalize(bundle, shutil.rmtree, folder, ignore_errors=True)
