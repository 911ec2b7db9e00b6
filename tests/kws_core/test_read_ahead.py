"""Pipelines in threads."""

import threading
import time
from collections.abc import Iterator

import pytest

from kws_core.read_ahead import map_ahead, read_ahead


def test_items_keep_their_order() -> None:
    for depth in (1, 2, 50):
        assert list(read_ahead(range(20), depth)) == list(range(20))
    assert list(read_ahead([])) == []


def test_the_next_items_are_made_while_one_is_used_and_no_more() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            yield number

    stream = read_ahead(items(), 3)
    assert next(stream) == 0
    deadline = time.monotonic() + 10
    while len(made) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert made == [0, 1, 2, 3]  # the one in use and three that wait
    assert list(stream) == list(range(1, 10))


def test_an_error_comes_at_its_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    stream = read_ahead(items())
    assert next(stream) == 1
    with pytest.raises(ValueError, match="broken"):
        next(stream)


def test_a_reader_that_stops_early_closes_the_source_and_the_thread() -> None:
    closed: list[bool] = []

    def items() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.append(True)

    stream = read_ahead(items())
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert closed == [True]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("read-ahead")]


def test_a_function_of_items_keeps_their_order_and_its_errors_come_at_their_place() -> None:
    def slower_first(number: int) -> int:
        time.sleep(0.02 if number % 4 == 0 else 0)
        return 10 // (7 - number)

    stream = map_ahead(slower_first, range(20), 4)
    assert [next(stream) for _ in range(7)] == [10 // (7 - number) for number in range(7)]
    with pytest.raises(ZeroDivisionError):
        next(stream)
    assert list(map_ahead(slower_first, [], 4)) == []


def test_no_more_items_are_under_way_than_threads() -> None:
    begun: list[int] = []
    stream = map_ahead(begun.append, range(100), 5)
    next(stream)
    time.sleep(0.05)
    assert len(begun) == 5
    assert len(list(stream)) == 99
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("map-ahead")]
