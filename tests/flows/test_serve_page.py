"""The page of `kws serve` in a real browser whose microphone is a recording."""

import base64
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from serving import Server, say, serving, words_bundle, write_recording

sys.path.insert(0, str(Path(__file__).parents[1] / "kws_core" / "report"))
from chromium import Tab, find_chromium, new_tab

BROWSER = find_chromium()
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")

TOKEN = "a token of the page"  # noqa: S105 - of this file only
VISIBLE = '[...document.querySelectorAll("main button, main a, main input")].filter((each) => each.checkVisibility())'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle, a recording of its keywords, and a microphone: three words again and again, with pauses."""
    folder = tmp_path_factory.mktemp("page")
    words_bundle(folder / "bundle", "marvin", "window")
    write_recording(folder / "recording.wav", "garden", "marvin", "window")
    pause = np.zeros(16000, np.float32)
    takes = [part for rate in (150, 160, 170) for part in (pause, say("marvin", rate=rate))]
    soundfile.write(folder / "microphone.wav", np.repeat(np.concatenate(takes), 3), 48000, subtype="PCM_16")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serving(folder, "bundle", env={"KWS_TOKEN": TOKEN}) as server:
        yield server


@pytest.fixture
def tab(folder: Path, server: Server) -> Iterator[Tab]:
    options = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    assert BROWSER is not None
    with new_tab(BROWSER, *options, f"--use-file-for-fake-audio-capture={folder / 'microphone.wav'}") as tab:
        yield tab


def unlock(tab: Tab, server: Server, width: int, dark: bool) -> None:
    tab.open(server.address, width=width, dark=dark)
    until(tab, '!document.getElementById("locked").hidden')
    tab.run(f'document.getElementById("token").value = "{TOKEN}"; document.querySelector("#token-form button").click()')
    until(tab, 'document.querySelectorAll("#words li").length')


def until(tab: Tab, condition: str, timeout_s: float = 90) -> None:
    deadline = time.monotonic() + timeout_s
    while not tab.run(f"Boolean({condition})"):
        assert time.monotonic() < deadline, (condition, tab.run("document.body.innerText"))
        time.sleep(0.1)


def found(tab: Tab) -> list[str]:
    """Keywords of the detections, the latest first."""
    rows = '[...document.querySelectorAll("#detections tbody tr")]'
    keywords: list[str] = tab.run(f"{rows}.map((row) => row.cells[0].innerText)")
    return keywords


def test_the_microphone_a_file_and_an_enrolled_word(tab: Tab, server: Server, folder: Path) -> None:
    unlock(tab, server, width=1280, dark=False)
    tab.events.clear()  # the first answer was 401, of which the browser makes a message
    tab.run('document.getElementById("listen").click()')
    until(tab, 'document.querySelectorAll("#detections tbody tr").length >= 2')
    assert set(found(tab)) == {"marvin"}
    assert "marvin at" in tab.run('document.getElementById("wave").getAttribute("aria-label")')
    painted = """(() => {
        const all = document.getElementById("wave").getContext("2d").getImageData(0, 0, 900, 140).data;
        return all.filter((value, place) => place % 4 === 3 && value).length; })()"""
    assert tab.run(painted) > 1000
    picture(tab, folder / "listening.png")
    tab.run('document.getElementById("listen").click()')
    until(tab, 'document.getElementById("heard").textContent.startsWith("Listened for")')

    content = base64.b64encode((folder / "recording.wav").read_bytes()).decode()
    tab.run(f"""(() => {{
        const content = Uint8Array.from(atob("{content}"), (each) => each.charCodeAt(0));
        const carried = new DataTransfer();
        carried.items.add(new File([content], "recording.wav"));
        dispatchEvent(new DragEvent("drop", {{ dataTransfer: carried, cancelable: true }}));
    }})()""")
    until(tab, 'document.getElementById("heard").textContent.startsWith("recording.wav: ")')
    assert found(tab)[:2] == ["window", "marvin"]

    tab.run('document.getElementById("keyword").value = "robot"; document.getElementById("say").click()')
    until(tab, '/learnt from|Nothing/.test(document.getElementById("enrol-status").textContent)')
    assert tab.run('document.getElementById("enrol-status").textContent').startswith(
        "robot is learnt from 3 recordings"
    )
    until(tab, 'document.querySelector("#words li.enrolled")?.firstChild.textContent === "robot"')
    tab.run('document.querySelector("#words li.enrolled button").click()')
    until(tab, '!document.querySelector("#words li.enrolled")')

    assert not tab.named("Runtime.exceptionThrown")
    assert not tab.named("Log.entryAdded")
    assert not [call for call in tab.named("Runtime.consoleAPICalled") if call["type"] in ("error", "warning")]
    requested = [event["request"]["url"] for event in tab.named("Network.requestWillBeSent")]
    requested += [event["url"] for event in tab.named("Network.webSocketCreated")]
    own = (server.address, server.address.replace("http", "ws"), "blob:", "data:")
    assert len(requested) >= 5
    assert not [url for url in requested if not url.startswith(own)]


def test_it_fits_a_phone_in_the_dark_and_needs_no_mouse(tab: Tab, server: Server, folder: Path) -> None:
    unlock(tab, server, width=375, dark=True)
    assert tab.run("document.documentElement.scrollWidth") <= 375
    shade = tab.run("getComputedStyle(document.body).backgroundColor")
    assert sum(int(value) for value in shade.removeprefix("rgb(").rstrip(")").split(",")) < 200
    assert tab.run(f"{VISIBLE}.every((each) => each.getBoundingClientRect().height >= 24 || each.type === 'file')")
    tab.run("document.activeElement.blur()")
    reached = []
    for _ in range(6):
        tab.press("Tab", 9)
        reached.append(tab.run("document.activeElement.id || document.activeElement.textContent"))
    assert reached == ["Interface", "listen", "file", "keyword", "say", "takes-file"]
    picture(tab, folder / "phone.png")
    tab.open(f"{server.address}docs", width=375)
    until(tab, 'document.querySelectorAll("section").length === 6')
    assert tab.run("document.documentElement.scrollWidth") <= 375
    assert not tab.named("Log.entryAdded")


def picture(tab: Tab, path: Path) -> None:
    path.write_bytes(tab.screenshot())
