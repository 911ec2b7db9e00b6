"""Training data that is streamed past a window of memory."""

from pydantic import Field

from kws_core.config.base import Section


class StreamConfig(Section):
    """How training rows are bucketed into parts, and how much of them lies in memory."""

    window_mib: float = Field(default=4096, gt=0)
    """Rows that a process holds: half of it is trained on while the other half is read; all of it where everything
    fits. Reading takes about two parts a thread besides."""
    label_groups: int = Field(default=8, gt=0)
    """Groups that labels are hashed into; each shard has a part for each group."""
    shard_mib: float = Field(default=1024, gt=0)
    """Consecutive parts of a corpus up to this size are rewritten together, in memory."""
