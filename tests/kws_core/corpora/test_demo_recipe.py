import math

import pytest

from kws_core.config import DemoCorpusConfig, IngestConfig
from kws_core.corpora.demo_recipe import LICENCE, plan_demo_recordings, prepare_demo
from kws_core.corpora.recording import group_speakers
from kws_core.schemas import UTTERANCES, WORDS, check_schema

CONFIG = DemoCorpusConfig(speakers=3, keyword_repeats=1, other_words=2)


def test_recordings_of_a_speaker_do_not_depend_on_the_others() -> None:
    few, many = plan_demo_recordings(CONFIG), plan_demo_recordings(CONFIG.model_copy(update={"speakers": 4}))
    assert many[: len(few)] == few
    assert len({recording.digest for recording in many}) == len(many)
    assert all(recording.licence == LICENCE and recording.size_bytes > 0 for recording in many)


def test_the_digest_follows_the_seed() -> None:
    seeds = [plan_demo_recordings(CONFIG.model_copy(update={"seed": seed})) for seed in (0, 1)]
    assert not {r.digest for r in seeds[0]} & {r.digest for r in seeds[1]}


def test_utterances_come_with_the_true_times_of_their_words() -> None:
    pytest.importorskip("espeakng_loader")
    parts = group_speakers(plan_demo_recordings(CONFIG), 10**9)
    wanted = [recording for part in parts for recording in part if " " in recording.text][::12]
    assert len({recording.speaker_id for recording in wanted}) >= 2
    output, reference = prepare_demo("demo", CONFIG, IngestConfig(), wanted)
    check_schema(output.table, UTTERANCES, "utterances")
    check_schema(reference.table, WORDS, "words")
    assert output.quarantine.num_rows == reference.quarantine.num_rows == 0
    assert output.table.column("source").to_pylist() == [recording.source for recording in wanted]
    for utterance in output.table.to_pylist():
        words = [row for row in reference.table.to_pylist() if row["utterance_id"] == utterance["utterance_id"]]
        assert [word["word"] for word in words] == utterance["text"].split()
        assert [word["index"] for word in words] == list(range(len(words)))
        times = [time for word in words for time in (word["start_s"], word["end_s"])]
        assert times == sorted(times)
        assert 0.1 < times[0] < times[-1] < utterance["duration_s"]
        assert all(math.isnan(word["score"]) and word["aligner"] == "reference" for word in words)
    # one recording alone is made exactly as among the others
    alone, _ = prepare_demo("demo", CONFIG, IngestConfig(), wanted[1:2])
    assert alone.table.equals(output.table.slice(1, 1))


def test_rejected_utterances_have_no_words() -> None:
    pytest.importorskip("espeakng_loader")
    recordings = plan_demo_recordings(CONFIG)[:2]
    output, reference = prepare_demo("demo", CONFIG, IngestConfig(max_duration_s=0.2), recordings)
    assert (output.table.num_rows, output.quarantine.num_rows, reference.table.num_rows) == (0, 2, 0)
