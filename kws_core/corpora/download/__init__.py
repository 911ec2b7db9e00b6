"""Downloads: resumed, verified, retried, several at a time, never twice."""

from kws_core.corpora.download.fetch import fetch
from kws_core.corpora.download.patience import Patience
from kws_core.corpora.download.progress import OnProgress, progress_bars
from kws_core.corpora.download.redaction import redacted
from kws_core.corpora.download.remote_file import RemoteFile

__all__ = ["OnProgress", "Patience", "RemoteFile", "fetch", "progress_bars", "redacted"]
