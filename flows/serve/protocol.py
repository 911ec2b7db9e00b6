"""HTTP/1.1 with a deadline for what the application never sees: heads that trickle in, bodies that were refused."""

import asyncio
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


def patient_protocol(within_s: float) -> type[H11Protocol]:
    """The protocol with its deadline: a head must have arrived by then, and a refused body is discarded until then."""
    return type("PatientProtocol", (_PatientProtocol,), {"within_s": within_s})


class _PatientProtocol(H11Protocol):
    """Answers 408 to a head that takes too long, and ends a connection whose refused body takes too long."""

    within_s: float
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the clock: the first head is due."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self.within_s, self._late)

    def data_received(self, data: bytes) -> None:
        """Take what came, and start or stop the clock by what is still missing."""
        super().data_received(data)
        due = self.transport.get_protocol() is self and (self._head_is_due() or self._discards())
        if due and self._deadline is None:
            self._deadline = self.loop.call_later(self.within_s, self._late)
        elif not due:
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop()
        super().connection_lost(exc)

    def _head_is_due(self) -> bool:
        return self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])

    def _discards(self) -> bool:
        return self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        if self.transport.is_closing():
            return
        if self.conn.our_state is h11.IDLE:
            content = json.dumps({"error": f"the head did not arrive within {self.within_s:g} s"}).encode()
            headers = [("content-type", "application/json"), ("content-length", str(len(content)))]
            head = h11.Response(status_code=408, headers=[*headers, ("connection", "close")], reason=b"Request Timeout")
            for event in (head, h11.Data(data=content), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
