"""Systems by the addresses that a user types."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from flows.spot import open_bundle
from kws_core.errors import ConfigError
from kws_core.evaluation.candidate import Candidate
from kws_core.foreign_encoders import is_foreign, open_foreign_encoder

ACCEPTED = (
    "a bundle's folder, models:/NAME@ALIAS, universal, google-speech-embedding, efficientword-net (both also with "
    "=PATH of their models), or an .onnx file of PCM [batch, 16000]"
)


@contextlib.contextmanager
def open_candidates(addresses: Sequence[str], tracking_uri: str) -> Iterator[list[Candidate]]:
    """Open every system; raises `ConfigError` for one that is named twice, and as opening it does."""
    twice = next((address for address in addresses if list(addresses).count(address) > 1), None)
    if twice is not None:
        raise ConfigError(f"{twice} is named twice; a system can only be set beside others")
    names = _names(addresses)
    with contextlib.ExitStack() as stack:
        found = []
        for name, address in zip(names, addresses, strict=True):
            if is_foreign(address):
                found.append(Candidate(name, open_foreign_encoder(address)))
            else:
                found.append(Candidate.of_bundle(name, stack.enter_context(open_bundle(address, tracking_uri))))
        yield found


def _names(addresses: Sequence[str]) -> list[str]:
    """The last part of each address; all of it where two would be called the same."""
    short = [Path(address.partition("=")[0].removeprefix("models:/")).name or address for address in addresses]
    return [address if short.count(name) > 1 else name for name, address in zip(short, addresses, strict=True)]
