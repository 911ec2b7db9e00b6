"""Three retrains at once on one store: two of the same preset, and one of a preset that shares their data."""

import json
import time
from typing import Any

import pytest
from experiments import OTHER_KEYWORDS
from fault_rows import Row, note
from fault_stack import FaultStack
from retrains import Ended, Retrain, Undisturbed, champion, result_files, with_segments

pytestmark = pytest.mark.slow

SHARED = "shared"
OTHERS = f"selection.keywords={json.dumps(OTHER_KEYWORDS)}"
BUNDLE = "objects/bundle/"


class SharingRetrain(Retrain):
    """A retrain on the store that all of them use."""

    def __init__(self, running: FaultStack, folder: str, name: str, settings: tuple[str, ...] = ()) -> None:
        super().__init__(running, folder, settings, {"KWS_STORE": f"s3://kws/{SHARED}"})
        self.name = name


def test_retrains_at_once_on_one_store(running: FaultStack, undisturbed: Undisturbed) -> None:
    with_segments(running, undisturbed.prefix, f"{SHARED}/")
    alone = Retrain(running, "other-alone", (OTHERS,))
    with_segments(running, undisturbed.prefix, alone.prefix)
    alone_end, alone_s = _all_end([alone])
    assert alone_end[0].well, alone_end
    wanted = result_files(running, alone.prefix)

    twins = [SharingRetrain(running, folder, "twins") for folder in ("twin-1", "twin-2")]
    other = SharingRetrain(running, "other", "other", (OTHERS,))
    ends, seconds = _all_end([*twins, other])
    assert all(end.well for end in ends), ends
    assert not any("Traceback" in retrain.terminal() for retrain in (*twins, other))

    found = result_files(running, f"{SHARED}/")
    for files in (undisturbed.files, wanted):
        data = {name: digest for name, digest in files.items() if not name.startswith(BUNDLE)}
        assert {name: found.get(name) for name in data} == data
    assert _encoders(running, SHARED) == {*_encoders(running, undisturbed.prefix), *_encoders(running, alone.prefix)}
    for name in ("twins", "other"):
        facts = champion(running, name)
        assert facts["aliases"] == {"challenger": "1", "champion": "1"}, facts
        assert set(facts["versions"]) == {"1"}, facts
    note(
        Row(
            7,
            "two retrains of one preset and one of another at once",
            "all",
            "; ".join(end.said for end in ends if not end.well) or "nothing",
            "by themselves",
            seconds,
            alone_s,
        )
    )


def _all_end(retrains: list[Retrain]) -> tuple[list[Ended], float]:
    """Run them side by side; how each ended, and the seconds until the last had."""
    began = time.monotonic()
    try:
        for retrain in retrains:
            retrain.begin()
        ends: list[Any] = [None]
        while None in ends:
            ends = [retrain.ended() for retrain in retrains]
            assert time.monotonic() - began < 2400, [retrain.terminal()[-2000:] for retrain in retrains]
            time.sleep(0.5)
    finally:
        for retrain in retrains:
            retrain.close()
    return ends, time.monotonic() - began


def _encoders(running: FaultStack, prefix: str) -> set[str]:
    """Names of the encoders of a store."""
    found = running.objects(f"{prefix.rstrip('/')}/objects/encoder/")
    return {entry["Key"].split("/objects/encoder/")[1].split("/")[0] for entry in found}
