"""The report of the alignment gate: thresholds, histograms, and sound inside the page."""

import re
from base64 import b64decode

import numpy as np
import pyarrow as pa
import pytest

from kws_core.alignment_gate import GATE_COLUMNS, MEASURES, GateExample, GateOutcome, judge_alignments
from kws_core.audio import decode_flac, encode_flac
from kws_core.config import AlignmentGateConfig
from kws_core.report.alignment_gate import CLIP_BYTES, GateReport, gate_gallery, gate_table
from kws_core.report.data import ReportData
from kws_core.report.page import render_report

PCM = np.random.default_rng(0).integers(-9000, 9000, 8000).astype(np.int16)


@pytest.fixture(scope="module")
def outcome() -> GateOutcome:
    random = np.random.default_rng(0)
    rows = [
        {
            **dict.fromkeys(GATE_COLUMNS, ""),
            **{measure.name: float("nan") for measure in MEASURES},
            "segment_id": str(number),
            "utterance_id": str(number // 5),
            "corpus": ("anna & co", "bert")[number % 2],
            "label": "word",
            "score": float(random.normal(-1, 0.2)) - 8 * (number % 100 == 7),
            "speaking_rate": float(np.exp(random.normal(2.5, 0.3))),
        }
        for number in range(1200)
    ]
    return judge_alignments(pa.Table.from_pylist(rows).select(GATE_COLUMNS), AlignmentGateConfig())


def examples(count: int, samples: int = 8000) -> list[GateExample]:
    return [
        GateExample("bert", f"<word {n}>", f"{n}.wav", "its level is low" if n % 2 else "", encode_flac(PCM[:samples]))
        for n in range(count)
    ]


def test_every_threshold_has_its_line(outcome: GateOutcome) -> None:
    table = gate_table(outcome)
    lines = {(row[0], row[1], row[2]): row[3:] for row in table.rows}
    assert len(lines) == len(outcome.thresholds)
    found = next(f for f in outcome.thresholds if (f.corpus, f.measure.name, f.level) == ("bert", "score", "word"))
    line = lines["alignment score", "bert", "words"]
    assert line[:3] == (f"{found.median:.3g}", f"{found.low:.3g}", "none")
    assert line[3:] == ("600", str(found.rejected), str(found.rejected), "")
    assert found.rejected >= 12
    assert lines["level (dB)", "bert", "words"][-1] == "no word has it"
    assert table.note.startswith(f"{int(outcome.rejected.sum())} of 1,200 segments (")


def test_histograms_show_the_measures_in_use_and_the_page_plays_the_examples(outcome: GateOutcome) -> None:
    gallery = gate_gallery(GateReport(outcome, examples(3)))
    assert [figure.caption.split(":")[0] for figure in gallery.figures] == ["anna & co", "bert"]
    for figure in gallery.figures:
        titles = re.findall(r">([^<>]*, (?:words|utterances))<", figure.svg)
        assert titles == ["alignment score, utterances", "alignment score, words", "speaking rate (letters/s), words"]
    page = render_report(ReportData("x", tables=(gate_table(outcome),), galleries=(gallery,)))
    assert page == render_report(ReportData("x", tables=(gate_table(outcome),), galleries=(gallery,)))
    sounds = re.findall(r'<audio [^>]*src="data:audio/flac;base64,([^"]+)"', page)
    assert len(sounds) == 3
    assert all((decode_flac(b64decode(sound)) == PCM).all() for sound in sounds)
    assert "&lt;word 1&gt; (bert)" in page
    assert "rejected: its level is low; 1.wav" in page
    assert "kept, close to a limit; 2.wav" in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_the_sound_in_a_page_is_bounded(outcome: GateOutcome) -> None:
    many = examples(200)
    clips = gate_gallery(GateReport(outcome, many)).clips
    assert 0 < sum(len(clip.flac) for clip in clips) <= CLIP_BYTES
    assert len(clips) == CLIP_BYTES // len(many[0].flac)
