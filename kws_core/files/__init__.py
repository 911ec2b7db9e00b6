"""Whole-object reads and writes on a local folder or `s3://`: a reader sees an object complete or not at all."""

from kws_core.files.listings import Details, Listings
from kws_core.files.reads import Reads
from kws_core.files.root import store_error
from kws_core.files.writes import Writes

__all__ = ["Details", "Files", "store_error"]


class Files(Reads, Writes, Listings):
    """Objects under one root URL, named by relative paths with `/`."""
