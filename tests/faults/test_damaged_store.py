"""Parts, descriptions, manifests and weights that are damaged on disk: found and told, never used."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fault_rows import Row, note
from local_line import Line, LocalRetrain, run_to_end
from retrains import Trial

pytestmark = pytest.mark.slow


def flip(path: Path) -> None:
    """One bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def foreign(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04 something else of about the same name\n" * 40)


DAMAGE: dict[str, Callable[[Path], None]] = {
    "one bit flipped": flip,
    "truncated": truncate,
    "empty": empty,
    "a foreign file": foreign,
}
BETWEEN = {
    "manifests/segments/*.json": truncate,
    "parts/segments/*.parquet": flip,
}
"""What is damaged before the run, in the order in which it is met."""


def follow(sentence: str) -> list[str]:
    """Delete what a message says to delete; returns the paths."""
    if found := re.search(r"delete (\S+)\.\* and the folder (\S+), then run again", sentence):
        part, folder = (path.rstrip(",") for path in found.groups())
        root = re.search(r"error: (\S+?)/parts/", sentence)
        assert root, sentence
        gone = [*Path(root[1]).glob(f"{part}.*"), Path(root[1]) / folder]
    elif found := re.search(r"error: (\S+) is damaged: .*; delete (\S+) and run again", sentence):
        gone = [Path(found[1] if found[2] == "it" else found[2])]
    else:
        raise AssertionError(f"nothing is said that helps: {sentence}")
    for path in gone:
        assert path.exists(), sentence
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return [path.name for path in gone]


def test_damage_between_and_in_runs_is_found_and_following_the_message_mends_it(line: Line, tmp_path: Path) -> None:
    store = line.with_segments(tmp_path / "store")
    damaged: list[tuple[str, Path, bytes]] = []

    def damage(pattern: str, how: Callable[[Path], None]) -> None:
        path = max((path for path in store.glob(pattern) if "quarantine" not in path.name), key=lambda p: p.name)
        before = path.read_bytes()
        how(path)
        damaged.append((next(name for name, one in DAMAGE.items() if one is how), path, before))

    for pattern, how in BETWEEN.items():
        damage(pattern, how)

    def inflict(moment: str) -> None:
        if moment == "featurise":
            damage("parts/features/*.parquet", empty)
        else:
            damage("objects/encoder/*/encoder.onnx", flip)

    retrain = LocalRetrain(line, tmp_path / "run", store)

    def mend() -> None:
        follow(retrain_said(trial))

    trial = Trial(retrain, inflict, moments=("featurise", "refitted"), mend=mend, max_reruns=8)
    trial.carry_out()
    retrain.check(line.files)
    assert trial.tracebacks == 0
    told = [sentence for said in trial.ends.values() for sentence in said]
    for how, path, before in damaged:
        (sentence,) = [sentence for sentence in told if path.name.partition(".")[0] in sentence] or [""]
        assert sentence, f"{path} was damaged and not told: {told}"
        assert sentence.startswith("error: ")
        assert path.read_bytes() == before
        when = "in mid-run" if path.parts[-2] == "features" or "encoder" in str(path) else "between runs"
        name = str(path.relative_to(store)).split("/")[:2]
        saw = re.sub(r"[0-9a-f]{64}", "…", sentence.replace(str(store), "STORE"))
        note(Row(5, f"{'/'.join(name)}: {how}, {when}", name[1], saw, "1 rerun, once that is deleted"))


def test_a_damaged_bundle_is_never_registered(line: Line, tmp_path: Path) -> None:
    shutil.copytree(line.reference, tmp_path / "store")
    (path,) = (tmp_path / "store").glob("objects/bundle/*/encoder.onnx")
    before = path.read_bytes()
    flip(path)
    # the name of the reference's experiment, of which the bundle is found
    retrain = LocalRetrain(line, tmp_path / "run", tmp_path / "store", {"name": line.name})
    end = run_to_end(retrain)
    assert not end.well
    assert end.said.startswith("error: "), end.said
    assert "damaged" in end.said
    assert "Traceback" not in retrain.terminal()
    said = end.said
    follow(said)
    end = run_to_end(retrain)
    assert end.well, end.said
    retrain.check(line.files)
    assert path.read_bytes() == before
    saw = re.sub(r"[0-9a-f]{64}", "…", said.replace(str(tmp_path / "store"), "STORE"))
    note(Row(5, "objects/bundle: one bit flipped, between runs", "register", saw, "1 rerun, once that is deleted"))


def retrain_said(trial: Trial) -> str:
    """What the run that has just ended said last."""
    return list(trial.ends.values())[-1][-1]
