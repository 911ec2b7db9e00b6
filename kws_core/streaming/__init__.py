"""Training beyond local disk: rows are bucketed by label into parts, and batches come from a window of parts."""

from kws_core.streaming.buckets import STAGE, VERSION, Bucket, bucketed_selection, make_shard, plan_buckets
from kws_core.streaming.stream import Block, TrainingStream, open_stream

__all__ = [
    "STAGE",
    "VERSION",
    "Block",
    "Bucket",
    "TrainingStream",
    "bucketed_selection",
    "make_shard",
    "open_stream",
    "plan_buckets",
]
