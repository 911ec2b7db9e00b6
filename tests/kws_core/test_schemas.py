import pyarrow as pa
import pytest

from kws_core.errors import SchemaError
from kws_core.part import Quarantine
from kws_core.schemas import QUARANTINE, SEGMENTS, UTTERANCES, WORDS, check_schema, features_schema


@pytest.mark.parametrize("schema", [UTTERANCES, WORDS, SEGMENTS, QUARANTINE, features_schema(99, 40)])
def test_tables_of_the_schema_pass(schema: pa.Schema) -> None:
    check_schema(schema.empty_table(), schema, "table")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (WORDS.empty_table().drop(["word"]), "part 3: column 'word' is missing; it has utterance_id, index, start_s"),
        (
            WORDS.empty_table().set_column(1, "index", pa.array([], pa.int64())),
            "part 3: column 'index' is int64, not int32",
        ),
        (WORDS.empty_table().append_column("note", pa.array([], pa.string())), "part 3: columns note are not in"),
        (WORDS.empty_table().select(WORDS.names[::-1]), "part 3: columns are in another order"),
    ],
)
def test_broken_contracts_are_named(table: pa.Table, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        check_schema(table, WORDS, "part 3")


def test_features_of_another_shape_are_refused() -> None:
    with pytest.raises(SchemaError, match=r"column 'features' is .*shape=\[98,40\].*not .*shape=\[99,40\]"):
        check_schema(features_schema(98, 40).empty_table(), features_schema(99, 40), "features")


def test_quarantine_keeps_every_reason() -> None:
    quarantine = Quarantine("words")
    assert quarantine.table().equals(QUARANTINE.empty_table())
    quarantine.add("a", "too short")
    quarantine.add("b", "silent")
    assert quarantine.table().to_pylist() == [
        {"stage": "words", "source": "a", "reason": "too short"},
        {"stage": "words", "source": "b", "reason": "silent"},
    ]
