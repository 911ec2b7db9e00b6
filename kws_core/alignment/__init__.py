"""Forced alignment: the `Aligner` protocol and its implementations."""

from kws_core.alignment.aligner import STAGE, VERSION, Aligner, aligner_version, build_aligner

__all__ = ["STAGE", "VERSION", "Aligner", "aligner_version", "build_aligner"]
