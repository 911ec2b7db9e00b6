import numpy as np
from builders import index_row
from study_builders import study_data as toy_study_data

from kws_core.config import FeaturesConfig, SelectionConfig
from kws_core.feature_cache import read_features
from kws_core.features import featurise_part
from kws_core.manifest import Manifest
from kws_core.schemas import SEGMENTS
from kws_core.selection import speaker_split
from kws_core.store import Store
from kws_core.studies.data import study_data


def test_segments_meet_their_features(tmp_path):
    import pyarrow as pa

    rng = np.random.default_rng(0)
    store, config = Store(str(tmp_path / "store")), FeaturesConfig()
    parts, made, tables = [], [], []
    for number, labels in enumerate((("go", "<background>"), ("left", "up", "down"))):
        rows = []
        for place, label in enumerate(labels):
            row = index_row(10 * number + place, f"speaker-{place}", label, corpus=f"corpus-{number}")
            word_s = 0.0 if label == "<background>" else 0.4
            audio = (3000 * rng.normal(size=16000)).astype("<i2").tobytes()
            rest = {"utterance_id": "u", "start_s": 0.0, "end_s": 1.0, "audio": audio, "score": 0.0, "rms": 0.1}
            times = {"word_start_s": 0.3, "word_end_s": 0.3 + word_s, "source": "s", "licence": "CC0-1.0"}
            rows.append({**row, **rest, **times})
        table = pa.Table.from_pylist(rows, schema=SEGMENTS)
        output = featurise_part(table, config)
        key = f"{number:064d}"
        tables.append(table)
        made.append(read_features(output.table))
        parts.append(
            (store.write_part("segments", key, "c", _output(table)), store.write_part("features", key, "c", output))
        )
    segments, features = (
        Manifest(stage, 1, tuple(pair[side] for pair in parts)) for side, stage in enumerate(("segments", "features"))
    )
    data = study_data(store, segments, features, config, tmp_path / "cache")
    assert data.labels.tolist() == ["go", "<background>", "left", "up", "down"]
    assert data.corpora.tolist() == ["corpus-0"] * 2 + ["corpus-1"] * 3
    assert data.speakers.tolist() == ["speaker-0", "speaker-1", "speaker-0", "speaker-1", "speaker-2"]
    assert np.array_equal(data.features, np.concatenate(made))
    assert data.word_frames[0].tolist() == [29, 70]  # 0.4 s in the middle of 99 frames
    assert data.word_frames[1].tolist() == [0, 99]
    assert len(set(data.segment_ids.tolist())) == 5
    again = study_data(store, segments, features, config, tmp_path / "cache")
    assert isinstance(again.features, np.memmap)


def test_splits_are_those_of_a_retrain():
    data = toy_study_data({"words": ("go", "left")}, speakers=60)
    config = SelectionConfig(development_share=0.2, test_share=0.3)
    splits = data.splits(config)
    assert splits.tolist() == [speaker_split(speaker, config) for speaker in data.speakers.tolist()]
    assert set(splits.tolist()) == {"train", "development", "test"}
    assert (data.splits(config, rotation=1.0) == splits).all()
    turned = data.splits(config, rotation=0.3)
    assert not ((turned == "test") & (splits == "test")).any()


def _output(table):
    from kws_core.part import PartOutput
    from kws_core.schemas import QUARANTINE

    return PartOutput(table, QUARANTINE.empty_table())
