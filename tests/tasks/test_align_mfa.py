"""The stage `align` with MFA on a real local Ray: models, resources, a second aligner; see `mfa_replay`."""

import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from kws_core import corpora
from kws_core.alignment import STAGE
from kws_core.audio import encode_flac
from kws_core.config import Experiment
from kws_core.errors import AlignmentError
from kws_core.manifest import Manifest
from kws_core.part import PartOutput
from kws_core.schemas import QUARANTINE, UTTERANCES
from kws_core.store import Store
from tasks.align import align
from tasks.places import Places

ALIGNMENT_TESTS = Path(__file__).resolve().parents[1] / "kws_core" / "alignment"
RECORDED = Path(__file__).resolve().parents[3] / "shared" / "mfa"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mfa") / "calls.jsonl"


@pytest.fixture(scope="module", autouse=True)
def _ray(log: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", "local")
        patch.setenv("KWS_MFA_REPLAY_LOG", str(log))
        patch.setenv("KWS_MFA_REPLAY", str(RECORDED))
        from tasks.cluster import connect

        ray = connect()
        yield
        ray.shutdown()


@pytest.fixture
def calls(log: Path) -> Path:
    log.unlink(missing_ok=True)
    return log


def commands(log: Path) -> list[str]:
    found = [json.loads(line)["arguments"][0] for line in log.read_text().splitlines()] if log.exists() else []
    return [command for command in found if command != "version"]


def experiment(folder: Path, corpus: dict | None = None, **mfa: object) -> Experiment:
    dictionary = folder / "words.dict"
    dictionary.write_text("yes\tY EH S\nno\tN OW\n", encoding="utf-8")
    command = [sys.executable, "-IS", str(ALIGNMENT_TESTS / "mfa_replay.py")]
    return Experiment.model_validate(
        {
            "name": "mfa",
            "corpora": {"calls": {"recipe": "manifest", "path": "x.tsv", "aligner": "mfa", **(corpus or {})}},
            "selection": {"keywords": ["yes"]},
            "alignment": {"mfa": {"command": command, "dictionary": str(dictionary), **mfa}},
            "rejection": {"alignment": 0.9},
        }
    )


def utterance(name: str, text: str, pcm: np.ndarray) -> dict:
    return {
        **dict.fromkeys(UTTERANCES.names),
        "utterance_id": name,
        "corpus": "calls",
        "speaker_id": name[0],
        "text": text,
        "language": "en",
        "audio": encode_flac(pcm),
        "duration_s": len(pcm) / 16000,
        "source": f"{name}.wav",
        "licence": "none",
    }


def dataset(store: Store, parts: list[list[dict]]) -> str:
    made = []
    for number, rows in enumerate(parts):
        output = PartOutput(pa.Table.from_pylist(rows, schema=UTTERANCES), QUARANTINE.empty_table())
        made.append(store.write_part(corpora.STAGE, f"key{number}", "calls", output))
    manifest = Manifest(corpora.STAGE, corpora.VERSION, tuple(made))
    store.write_manifest(manifest)
    return manifest.fingerprint


def noise_part(name: str) -> list[dict]:
    random = np.random.default_rng(ord(name))
    return [utterance(f"{name}{n}", "yes no zorblax", random.normal(0, 300, 8000).astype(np.int16)) for n in range(2)]


def test_a_model_is_trained_once_and_a_new_drop_only_aligns_what_is_new(
    tmp_path: Path, calls: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    places = Places.in_workspace(tmp_path / "work")
    store = places.store()
    wanted = experiment(tmp_path, training_hours=1e-4)
    words = store.dataset(STAGE, align.fn(places, wanted, dataset(store, [noise_part("a"), noise_part("b")])))
    assert sorted(commands(calls)) == ["align", "align", "train"]
    assert [row["word"] for row in store.read_table(words).to_pylist()] == ["yes", "no"] * 4
    assert words.rejected == 4, "one word of each utterance is in no dictionary"
    said = capfd.readouterr().err
    assert "66.7% of 3 different words and 66.7% of 12 running words" in said
    assert "zorblax" in said
    again = align.fn(places, wanted, three(store))
    assert sorted(commands(calls)) == ["align", "align", "align", "train"]
    assert store.dataset(STAGE, again).parts[:2] == words.parts
    # how MFA is run decides nothing
    assert align.fn(places, experiment(tmp_path, training_hours=1e-4, time_limit_s=77), three(store)) == again
    assert len(commands(calls)) == 4


def three(store: Store) -> str:
    return dataset(store, [noise_part("a"), noise_part("b"), noise_part("c")])


def test_the_bytes_of_a_model_decide_the_words_and_not_its_path(tmp_path: Path, calls: Path) -> None:
    places = Places.in_workspace(tmp_path / "work")
    utterances = dataset(places.store(), [noise_part("a")])
    keys = []
    for name, content in (("one.zip", "1"), ("same.zip", "1"), ("other.zip", "2")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(zipfile.ZipInfo("meta.json"), content)
        keys.append(align.fn(places, experiment(tmp_path, acoustic_model=str(tmp_path / name)), utterances))
    assert keys[0] == keys[1] != keys[2]
    assert commands(calls) == ["align", "align"]


@pytest.mark.skipif(not RECORDED.exists(), reason="../shared/mfa is absent")
def test_a_second_aligner_tells_how_far_the_two_disagree(tmp_path: Path) -> None:
    import soundfile

    rows = []
    for name in ("conf-locked", "vm-undeleted", "vm-nomore"):
        pcm, _ = soundfile.read(RECORDED / "corpus" / "allison" / f"{name}.wav", dtype="int16")
        text = (RECORDED / "corpus" / "allison" / f"{name}.lab").read_text(encoding="utf-8")
        rows.append(utterance(name, text, pcm))
    places = Places.in_workspace(tmp_path / "work")
    model = tmp_path / "model.zip"
    with zipfile.ZipFile(model, "w") as archive:
        archive.writestr("meta.json", "{}")
    wanted = experiment(
        tmp_path,
        {"second_aligner": "pocketsphinx"},
        acoustic_model=str(model),
        dictionary=str(RECORDED / "dictionary.dict"),
    )
    words = align.fn(places, wanted, dataset(places.store(), [rows]))
    table = places.store().read_table(places.store().dataset(STAGE, words))
    assert set(table["aligner"].to_pylist()) == {"mfa"}
    differences = np.array(table["disagreement_s"].to_pylist())
    assert 0 < np.nanmedian(differences) < 0.08
    assert np.isfinite(differences).mean() > 0.8


@pytest.mark.parametrize(
    ("mfa", "message"),
    [
        (
            {"command": ["no-such-mfa"]},
            r"MFA cannot be started on .*: 'no-such-mfa': No such file or directory",
        ),
        ({"jobs": 4096}, r"alignment.mfa.jobs is 4096, but nodes with MFA have \d+ CPUs at most"),
        ({"acoustic_model": "no/such.zip"}, r"alignment.mfa.acoustic_model: no/such.zip cannot be read: No such file"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(tmp_path: Path, mfa: dict, message: str) -> None:
    places = Places.in_workspace(tmp_path / "work")
    utterances = dataset(places.store(), [noise_part("a")])
    with pytest.raises(AlignmentError, match=message):
        align.fn(places, experiment(tmp_path, **mfa), utterances)
