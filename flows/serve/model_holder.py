"""The model in service: requests take it as it is, enrolment and hot swap put another in its place."""

import logging
import shutil
import threading

from flows.serve.enrolled_words import EnrolledWords, Word
from flows.serve.metrics import Metrics
from flows.serve.served_model import ServedModel, new_folder, remove_with, serve_model, with_word
from flows.serve.sources import ModelSource
from kws_core.bundle import Bundle

log = logging.getLogger("kws.serve")


class ModelHolder:
    """Holds the model in service; whoever has taken it keeps it until he is done, so no request is lost."""

    def __init__(self, source: ModelSource, words: EnrolledWords, metrics: Metrics) -> None:
        """Fetch the model; raises `KwsError` when it cannot be had or run."""
        self._source = source
        self._metrics = metrics
        self._change = threading.Lock()
        self.words = words
        version = source.version()
        self.current = self._serve(version, self._fetch(version))
        self._announce()

    def refresh(self) -> bool:
        """Replace the model if its source has moved on; tells whether it has.

        Raises:
            KwsError: the source cannot be asked, or what is there cannot be served; the model in service stays.
        """
        version = self._source.version()
        if version == self.current.version:
            return False
        base = self._fetch(version)
        with self._change:
            former, self.current = self.current, self._serve(version, base)
            self._metrics.swaps.inc()
            self._announce()
        log.info("%s version %s serves in place of %s", self.current.name, version, former.version)
        return True

    def enrol(self, word: Word, most: int) -> ServedModel:
        """Add a word; raises what `with_word` raises, or `TooManyWords`."""
        with self._change:
            if len(self.words) >= most:
                raise TooManyWords(f"{most} words are enrolled, which is the most; delete one first")
            if word.keyword in self.words:
                raise KnownWord(f"{word.keyword!r} is enrolled already; delete it first")
            model = with_word(self.current, word)
            self.words.add(word)
            self.current = model
            self._announce()
            return model

    def forget(self, keyword: str) -> None:
        """Remove an enrolled word and its recordings; raises `KeyError` when there is none of that name."""
        with self._change:
            self.words.remove(keyword)
            self.current = serve_model(self.current.version, self.current.base, self.words.all())
            self._announce()

    def _fetch(self, version: str) -> Bundle:
        folder = new_folder()
        try:
            base = self._source.fetch(version, folder / "bundle")
        except Exception:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        remove_with(base, folder)
        return base

    def _serve(self, version: str, base: Bundle) -> ServedModel:
        model = serve_model(version, base, self.words.all())
        for keyword, why in model.waiting.items():
            log.warning("%s version %s does not listen for %s: %s", model.name, version, keyword, why)
        return model

    def _announce(self) -> None:
        model = self.current
        self._metrics.serving(model.name, model.version, len(model.listener.keywords))


class TooManyWords(Exception):
    """No further word is taken."""


class KnownWord(Exception):
    """A word of that name is there."""
