"""Arrow schemas of every dataset: the data contracts between stages.

Audio is 16 kHz mono throughout; times are seconds from the start of the utterance.
"""

import pyarrow as pa

from kws_core.errors import SchemaError

UTTERANCES = pa.schema(
    [
        ("utterance_id", pa.string()),
        ("corpus", pa.string()),
        ("speaker_id", pa.string()),
        ("split", pa.string()),  # official split of the corpus; "" where there is none
        ("text", pa.string()),  # normalised: words separated by one space
        ("original_text", pa.string()),  # as it came
        ("language", pa.string()),
        ("audio", pa.binary()),  # FLAC
        ("duration_s", pa.float64()),
        ("peak", pa.float64()),  # largest absolute sample, full scale = 1
        ("clipped_share", pa.float64()),  # share of the source's samples in runs at full scale
        ("silent_share", pa.float64()),  # share of 20 ms frames that are silent
        ("source", pa.string()),
        ("licence", pa.string()),
    ]
)

WORDS = pa.schema(
    [
        ("utterance_id", pa.string()),
        ("index", pa.int32()),  # position in the utterance, from 0
        ("word", pa.string()),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
        ("score", pa.float64()),  # mean log likelihood a frame; NaN where the aligner has none
        ("phone_duration_deviation", pa.float64()),  # mean |z| of its phones' log durations; NaN where there are none
        ("disagreement_s", pa.float64()),  # larger difference of start or end to a second aligner; NaN where one ran
        ("aligner", pa.string()),
    ]
)

SEGMENTS = pa.schema(
    [
        ("segment_id", pa.string()),  # utterance_id-index, or utterance_id-bindex between words
        ("utterance_id", pa.string()),
        ("corpus", pa.string()),
        ("speaker_id", pa.string()),
        ("split", pa.string()),  # official split of the corpus; "" where there is none
        ("label", pa.string()),  # the word, or <background>
        ("start_s", pa.float64()),  # the cut
        ("end_s", pa.float64()),
        ("word_start_s", pa.float64()),  # the word inside it
        ("word_end_s", pa.float64()),
        ("audio", pa.binary()),  # PCM16 little endian
        # measures of the alignment gate; NaN where there is nothing to measure, as in background
        ("score", pa.float64()),
        ("phone_duration_deviation", pa.float64()),
        ("disagreement_s", pa.float64()),
        ("speaking_rate", pa.float64()),  # letters a second
        ("rms", pa.float64()),
        ("boundary_silence_db", pa.float64()),  # level just outside the word relative to the level inside
        ("source", pa.string()),
        ("licence", pa.string()),
    ]
)

SELECTION = pa.schema(
    [
        ("segment_id", pa.string()),
        ("part", pa.int32()),  # index of the segment's part in the features manifest
        ("row", pa.int32()),  # its row there
        ("corpus", pa.string()),
        ("speaker_id", pa.string()),
        ("label", pa.string()),
        ("label_id", pa.int32()),  # training class; -1: out of vocabulary
        ("word_s", pa.float64()),  # duration of the word; its centre is the centre of the features
        ("split", pa.string()),  # train, development, test
        ("role", pa.string()),  # target, non-target, background
    ]
)

PAIRS = pa.schema(
    [
        ("test_set", pa.string()),
        ("left", pa.string()),
        ("right", pa.string()),
        ("same", pa.bool_()),
        ("speaker_policy", pa.string()),
    ]
)

STREAMS = pa.schema(
    [
        ("stream", pa.string()),
        ("kind", pa.string()),  # speech, noise, keywords in speech, keywords in noise
        ("duration_s", pa.float64()),
        ("audio", pa.binary()),  # FLAC
        (
            "events",  # keywords that are said, in the order of time; seconds from the start of the stream
            pa.list_(
                pa.struct(
                    [
                        ("keyword", pa.string()),
                        ("start_s", pa.float64()),
                        ("end_s", pa.float64()),
                        ("snr_db", pa.float64()),  # level above the surroundings
                        ("speaker_id", pa.string()),
                        ("segment_id", pa.string()),
                    ]
                )
            ),
        ),
        ("speakers", pa.list_(pa.string())),
    ]
)

QUARANTINE = pa.schema([("stage", pa.string()), ("source", pa.string()), ("reason", pa.string())])


def features_schema(frames: int, coefficients: int, copies: bool = False) -> pa.Schema:
    """Schema of the features dataset: `features [frames, coefficients]` as float16 tensors.

    With augmented copies a segment has several rows, one after the other: `copy` 0 is the segment as it is, and
    `stretch` says by how much a copy's word became longer.
    """
    tensor = pa.fixed_shape_tensor(pa.float16(), (frames, coefficients))
    told = [("copy", pa.int32()), ("stretch", pa.float32())] if copies else []
    return pa.schema([("segment_id", pa.string()), *told, ("features", tensor)])


def bucket_schema(column: str, value: pa.DataType, shape: tuple[int, ...]) -> pa.Schema:
    """Schema of the dataset of training buckets: `features [frames, coefficients]` or `audio [samples]` as tensors."""
    return pa.schema(
        [("segment_id", pa.string()), ("label", pa.string()), (column, pa.fixed_shape_tensor(value, shape))]
    )


def check_schema(table: pa.Table, schema: pa.Schema, name: str) -> None:
    """Raise `SchemaError` unless the table has exactly the columns and types of the schema."""
    if table.schema.equals(schema):
        return
    for field in schema:
        if field.name not in table.column_names:
            raise SchemaError(f"{name}: column {field.name!r} is missing; it has {', '.join(table.column_names)}")
        found = table.schema.field(field.name).type
        if found != field.type:
            raise SchemaError(f"{name}: column {field.name!r} is {found}, not {field.type}")
    extra = [column for column in table.column_names if column not in schema.names]
    raise SchemaError(f"{name}: columns {', '.join(extra) or 'are in another order'} are not in its contract")
