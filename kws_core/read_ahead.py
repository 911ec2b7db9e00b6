"""Overlapping the steps of a pipeline, each in a thread of its own."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def read_ahead(items: Iterable[Item], depth: int = 2) -> Iterator[Item]:
    """Yield the items in their order while a thread makes up to `depth` of the next ones.

    An error of the items is raised here, at its place. A reader that stops early stops the thread.
    """
    iterator = iter(items)
    end = object()
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as pool:
        waiting = deque(pool.submit(next, iterator, end) for _ in range(depth))
        try:
            while (item := waiting.popleft().result()) is not end:
                waiting.append(pool.submit(next, iterator, end))
                yield item  # type: ignore[misc]
        finally:
            for future in waiting:
                future.cancel()
            pool.shutdown(wait=True)
            close = getattr(iterator, "close", None)
            if close is not None:
                close()


def map_ahead(function: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """Yield the function of every item in their order, with so many items at most under way or waiting to be read.

    An error of the function is raised here, at its place; items that nobody began are left alone then.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="map-ahead") as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) == threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
