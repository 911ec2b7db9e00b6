"""Corpora: one recipe each, planned as recordings and prepared as parts of the utterances dataset."""

from kws_core.corpora.recipes import plan_corpus, prepare_part
from kws_core.corpora.recording import Recording, group_speakers
from kws_core.corpora.utterances import STAGE, VERSION

__all__ = ["STAGE", "VERSION", "Recording", "group_speakers", "plan_corpus", "prepare_part"]
