import hashlib

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws_core.audio import encode_flac
from kws_core.corpora.inventory import INVENTORY, audio_md5
from kws_core.corpora.repeated_audio import find_repeated_audio, repeated_audio_document
from kws_core.errors import SchemaError


@settings(deadline=None)
@given(st.lists(st.integers(-(2**15), 2**15 - 1), min_size=1, max_size=200))
def test_a_flac_states_the_md5_of_its_samples(samples: list[int]) -> None:
    pcm = np.array(samples, np.int16)
    assert audio_md5(encode_flac(pcm)) == hashlib.md5(pcm.tobytes()).hexdigest()  # noqa: S324 - what FLAC uses


@pytest.mark.parametrize("content", [b"", b"fLaC", b"RIFF" + bytes(60)])
def test_what_is_no_flac_is_refused(content: bytes) -> None:
    with pytest.raises(SchemaError, match="column 'audio' of utterances holds something that is no FLAC"):
        audio_md5(content)


def inventory(**contents: str) -> pa.Table:
    rows = [
        {"utterance_id": name, "audio_md5": md5, "speaker_id": "s", "duration_s": 1.0, "source": name, "licence": ""}
        for name, md5 in contents.items()
    ]
    return pa.Table.from_pylist(rows, schema=INVENTORY)


def test_repeated_audio_is_found_across_parts_and_corpora() -> None:
    first, second, third = "0" * 32, "1" * 32, "0" * 16 + "2" * 16  # the third shares half with the first
    parts = [
        ("a", inventory(u1=first, u2=second)),
        ("a", inventory(u3=second, u4=third)),
        ("b", inventory(u5=first)),
        ("b", inventory()),
    ]
    contents = find_repeated_audio(lambda: parts)
    assert [(content.audio_md5, content.corpora) for content in contents] == [(first, ("a", "b")), (second, ("a",))]
    assert [[row["utterance_id"] for row in content.utterances] for content in contents] == [["u1", "u5"], ["u2", "u3"]]
    document = repeated_audio_document(contents)
    assert (document["contents"], document["utterances"], document["across_corpora"]) == (2, 4, 1)
    assert find_repeated_audio(lambda: parts[:1]) == []
    assert find_repeated_audio(list) == []
