import hashlib
import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws_core.config import SegmentsConfig, TrainingConfig
from kws_core.fingerprint import canonical_json, fingerprint, sha256, unit_interval
from kws_core.manifest import manifest_fingerprint, part_key

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
)


def reordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(list(value))}
    return [reordered(item) for item in value] if isinstance(value, list) else value


@given(values)
@settings(max_examples=150, deadline=None)
def test_equal_values_have_equal_fingerprints_in_any_order_of_keys(value: Any) -> None:
    assert fingerprint(value) == fingerprint(reordered(value))
    assert json.loads(canonical_json(value)) == value
    text = json.dumps([value], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert fingerprint(value) == hashlib.sha256(text.encode()).hexdigest()


@given(values, values)
@settings(max_examples=150, deadline=None)
def test_different_values_have_different_fingerprints(left: Any, right: Any) -> None:
    assert (fingerprint(left) == fingerprint(right)) == (canonical_json(left) == canonical_json(right))


def test_values_are_not_run_together() -> None:
    assert len({fingerprint("a", "b"), fingerprint("ab"), fingerprint(["a", "b"]), fingerprint("a,b")}) == 4
    assert fingerprint("a", ("b", 1)) == fingerprint("a", ["b", 1])


def test_fingerprints_are_the_same_in_another_process() -> None:
    code = "from kws_core.fingerprint import fingerprint; print(fingerprint('words', 1, {'b': 'ä', 'a': 0.1}))"
    environment = {"PYTHONHASHSEED": "7"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == fingerprint("words", 1, {"a": 0.1, "b": "ä"})


def test_fingerprints_of_known_values() -> None:
    assert sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert fingerprint("a", 1) == sha256(b'["a",1]')


def test_values_without_json_are_refused() -> None:
    with pytest.raises(TypeError, match="ndarray has no canonical JSON"):
        fingerprint(np.zeros(3))


KEY = {"stage": "segments", "version": 1, "config": SegmentsConfig(), "upstream": ["a", "b"]}
CHANGES: list[dict[str, Any]] = [
    {"stage": "words"},
    {"version": 2},
    {"config": SegmentsConfig(min_score=-5)},
    {"config": TrainingConfig()},
    {"upstream": ["b", "a"]},
    {"upstream": ["a"]},
    {"upstream": ["ab"]},
]


@pytest.mark.parametrize("change", CHANGES)
def test_any_changed_input_makes_another_part(change: dict[str, Any]) -> None:
    assert part_key(**KEY) == part_key(**{**KEY, "config": SegmentsConfig()})
    assert part_key(**{**KEY, **change}) != part_key(**KEY)


def other_value(value: Any) -> Any:
    if isinstance(value, int):
        return value + 1
    return value * 0.75 if value > 0 else value - 1


@pytest.mark.parametrize("name", sorted(SegmentsConfig.model_fields))
def test_every_field_of_a_configuration_counts(name: str) -> None:
    config = SegmentsConfig()
    changed = config.model_copy(update={name: other_value(getattr(config, name))})
    assert part_key("s", 1, changed, []) != part_key("s", 1, config, [])


@given(st.lists(st.text(max_size=3), max_size=4), st.lists(st.text(max_size=3), max_size=4))
@settings(max_examples=100, deadline=None)
def test_a_dataset_is_its_parts_in_order(left: list[str], right: list[str]) -> None:
    assert (manifest_fingerprint("w", 1, left) == manifest_fingerprint("w", 1, right)) == (left == right)
    assert manifest_fingerprint("w", 1, left) not in (manifest_fingerprint("w", 2, left), part_key("w", 1, None, left))


def test_hashed_numbers_are_uniform() -> None:
    numbers = np.array([unit_interval("split", f"speaker-{i}") for i in range(4000)])
    assert numbers.min() >= 0
    assert numbers.max() < 1
    counts, _ = np.histogram(numbers, bins=10, range=(0, 1))
    assert ((counts - 400) ** 2 / 400).sum() < 27.9  # chi-squared, 9 degrees of freedom, p = 0.001
    assert unit_interval("a") == int(fingerprint("a")[:13], 16) / 2**52
