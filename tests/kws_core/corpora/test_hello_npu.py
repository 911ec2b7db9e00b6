"""A wake word against other speech, from a folder."""

from pathlib import Path

import pytest
from published_corpora import sound

from kws_core.alignment.whole_clip import WholeClipAligner
from kws_core.config import AlignmentConfig, HelloNpuCorpusConfig, IngestConfig
from kws_core.corpora import plan_corpus, prepare_part
from kws_core.errors import ConfigError, CorpusError


def folder(root: Path) -> HelloNpuCorpusConfig:
    files = ["positive/f01/1.wav", "positive/f01/2.wav", "positive/m02/1.wav"]
    files += ["negative/f01/7.wav", "negative/m03/7.wav", "negative/m03/8.wav", "spare/x/1.wav", "positive/5.wav"]
    for number, name in enumerate(files):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(sound(number))
    (root / "negative/m03/8.txt").write_text("good morning\n")
    (root / "negative/m03/9.txt").write_text("nobody\n")
    (root / "readme.txt").write_text("a corpus\n")
    return HelloNpuCorpusConfig(path=str(root), language="en", licence="research", speaker=r"\w+/([fm]\d+)/.*")


def test_the_wake_word_and_other_speech_are_told_apart(tmp_path: Path) -> None:
    config = folder(tmp_path)
    recordings = plan_corpus(config)
    output, _ = prepare_part("npu", config, IngestConfig(), recordings)
    rows = {row["source"].removeprefix("hello_npu/"): row for row in output.table.to_pylist()}
    texts = {name: row["original_text"] for name, row in rows.items()}
    wake = {name for name, text in texts.items() if text == "hello npu"}
    assert wake == {"positive/f01/1.wav", "positive/f01/2.wav", "positive/m02/1.wav"}
    assert texts["negative/m03/8.wav"] == "good morning"
    unknown = [texts["negative/f01/7.wav"], texts["negative/m03/7.wav"]]
    assert all(text.startswith("other ") for text in unknown)
    words = WholeClipAligner(AlignmentConfig()).align(output.table).table["word"].to_pylist()
    assert sorted(words) == sorted(["hello npu"] * 3 + ["good morning", *unknown]), "labels are kept apart"
    assert rows["negative/m03/8.wav"]["speaker_id"] == "npu-m03"
    assert {row["licence"] for row in rows.values()} == {"research"}
    assert {row["source"]: row["reason"] for row in output.quarantine.to_pylist()} == {
        "hello_npu/spare/x/1.wav": "no pattern matches it",
        "hello_npu/positive/5.wav": r"the name gives no speaker by '\\w+/([fm]\\d+)/.*'",
        "hello_npu/negative/m03/9.txt": "there is no recording of this transcript",
    }
    assert plan_corpus(config) == recordings


def test_patterns_that_overlap_decide_nothing(tmp_path: Path) -> None:
    config = folder(tmp_path).model_copy(update={"negative": ("*",)})
    problems = {recording.source: recording.problem for recording in plan_corpus(config) if recording.problem}
    assert problems["hello_npu/positive/f01/1.wav"] == "patterns of positive and of negative match it"


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"path": "nowhere"}, CorpusError, "nowhere: there is no such folder"),
        ({"positive": ("wake/*",)}, CorpusError, r"no recording matches positive: wake/\*"),
        ({"speaker": "(["}, ConfigError, "is no regular expression"),
        ({"speaker": "x"}, ConfigError, "has no group"),
    ],
)
def test_a_mistake_is_one_sentence(
    changed: dict[str, object], error: type[Exception], message: str, tmp_path: Path
) -> None:
    config = folder(tmp_path).model_copy(update=changed)
    with pytest.raises(error, match=message):
        plan_corpus(config)
