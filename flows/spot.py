"""`kws spot`: a model found by folder or registry address, at work on recordings and on standard input."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from flows.detection_lines import DetectionLines, DetectionTable
from flows.live import listen, standard_input
from kws_core.audio import decode_file, pcm16_to_float
from kws_core.bundle import Bundle, load_bundle
from kws_core.errors import ConfigError
from kws_core.spotter import Spotter
from kws_core.universal import universal_bundle_path
from tasks.model_source import registry_of

__all__ = ["UNIVERSAL", "open_bundle", "open_spotter", "print_detections", "registry_of"]

UNIVERSAL = "universal"
"""What the encoder bundle of the package is called; a folder of that name is `./universal`."""
STANDARD_INPUT = "-"


def print_detections(recordings: Sequence[Path], spotter: Spotter, keywords: Sequence[str], json_lines: bool) -> None:
    """Search every recording and print what was found of these keywords, as a table or as JSON lines.

    `-` is standard input, whose detections are printed as they happen.

    Raises:
        ConfigError: a keyword is not one of the spotter's.
        AudioError: a recording cannot be read; what was found before is printed.
    """
    wanted = known_keywords(spotter, keywords)
    lines, table = DetectionLines(json_lines, wanted), DetectionTable()
    try:
        for recording in recordings:
            if str(recording) == STANDARD_INPUT:
                listen(spotter.stream(), standard_input(), lines)
                continue
            found = spotter.detect(pcm16_to_float(decode_file(recording)))
            if json_lines:
                lines.print(str(recording), found)
            else:
                table.add(str(recording), [each for each in found if each.keyword in wanted])
    except BaseException:
        table.print(told_if_empty=False)
        raise
    table.print(told_if_empty=not json_lines and not lines.printed)


def known_keywords(spotter: Spotter, keywords: Sequence[str]) -> frozenset[str]:
    """The keywords asked for, or all; raises `ConfigError` for one that the spotter has not."""
    for keyword in keywords:
        if keyword not in spotter.keywords:
            raise ConfigError(f"--keyword {keyword!r} is unknown; the model has {', '.join(spotter.keywords)}")
    return frozenset(keywords or spotter.keywords)


def open_spotter(model: str, tracking_uri: str, threshold: str = "") -> Spotter:
    """The spotter of a model, at its own thresholds or others.

    Args:
        model: as for `open_bundle`.
        tracking_uri: of the registry.
        threshold: a number for every keyword; with a sign, what is added to each keyword's own.

    Raises:
        ConfigError: the threshold is not a number, and as `open_bundle`.
    """
    with open_bundle(model, tracking_uri) as bundle:
        spotter = Spotter(bundle)
    if not threshold:
        return spotter
    try:
        value = float(threshold)
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        raise ConfigError(
            f"--threshold {threshold!r} is no number; 0.8 for every keyword, or +0.05 to add, is accepted"
        )
    own = spotter.thresholds
    return spotter.at_thresholds(own + value if threshold.strip()[0] in "+-" else own * 0 + value)


@contextlib.contextmanager
def open_bundle(model: str, tracking_uri: str) -> Iterator[Bundle]:
    """The bundle of a folder, of `models:/NAME@ALIAS` in the registry, or the `universal` one of the package.

    Raises:
        ConfigError: a registry address without a tracking URI.
        BundleError: it is missing, damaged or not ours.
        RegistryError: it cannot be fetched.
    """
    if not model.startswith("models:/"):
        yield load_bundle(universal_bundle_path() if model == UNIVERSAL else Path(model))
        return
    from tasks import registry

    name = model.removeprefix("models:/").split("@")[0].split("/")[0]
    with registry.downloaded(registry.client(tracking_uri or registry_of(name)), model) as bundle:
        yield bundle
