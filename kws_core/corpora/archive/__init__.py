"""Strict extraction of tar and zip archives: regular files and folders only."""

from kws_core.corpora.archive.extract import extract_archive
from kws_core.corpora.archive.limits import ExtractionLimits

__all__ = ["ExtractionLimits", "extract_archive"]
