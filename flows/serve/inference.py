"""Inference in a small pool of threads: onnxruntime holds no interpreter lock while it computes.

Requests are not put together to batches: with the general encoder a window costs 0.85 ms alone and 0.75 ms in
batches of four, on one core, which the wait for a batch would cost again.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from flows.serve.problems import Refusal
from flows.serve.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")


class Inference:
    """Runs functions in threads; refuses (503) when too many wait."""

    def __init__(self, settings: Settings) -> None:
        self._pool = ThreadPoolExecutor(settings.threads, "kws-serve")
        self._room = threading.BoundedSemaphore(settings.threads + settings.waiting)
        self._within_s = settings.answer_s

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The function's result; raises `Refusal` when there is no room or it takes too long."""
        if not self._room.acquire(blocking=False):
            raise Refusal(503, "too many requests are waiting; try again", {"retry-after": "1"})
        future = self._pool.submit(function, *args, **kwargs)
        # not before the thread is done: a request that was given up still takes its room
        future.add_done_callback(lambda _: self._room.release())
        try:
            async with asyncio.timeout(self._within_s):
                return await asyncio.wrap_future(future)
        except TimeoutError as error:
            late = f"no answer within {self._within_s:g} s; try again later"
            raise Refusal(503, late, {"retry-after": "5"}) from error

    def close(self) -> None:
        """Let what is under way end, and drop what waits."""
        self._pool.shutdown(wait=False, cancel_futures=True)
