"""A full page in a real browser: quiet, self-contained, audible, as wide as a phone, usable by keyboard."""

import pytest
from chromium import find_chromium, new_tab
from run_facts import full_run_facts

from kws_core.report.run import run_report

BROWSER = find_chromium()
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")

PLAY = """
(async () => {
  const found = [];
  for (const audio of document.querySelectorAll("audio")) {
    await new Promise((resolve, reject) => {
      audio.addEventListener("loadedmetadata", resolve);
      audio.addEventListener("error", () => reject(new Error(audio.error.message)));
      audio.preload = "auto";
      audio.load();
    });
    found.push(audio.duration);
  }
  const first = document.querySelector("audio");
  await first.play();
  await new Promise((resolve) => first.addEventListener("timeupdate", () => first.currentTime > 0 && resolve()));
  return found;
})()
"""


@pytest.fixture(scope="module")
def page(spoken, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(run_report(full_run_facts(spoken)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def tab():
    with new_tab(BROWSER) as opened:
        yield opened


def test_a_page_is_quiet_self_contained_and_can_be_heard(page, tab):
    tab.open(page, width=1280)
    durations = tab.run(PLAY)
    assert len(durations) == page.read_text(encoding="utf-8").count("<audio")
    assert min(durations) > 0.2
    assert not tab.named("Runtime.exceptionThrown")
    assert not tab.named("Log.entryAdded")
    assert not [call for call in tab.named("Runtime.consoleAPICalled") if call["type"] in ("error", "warning")]
    requested = [event["request"]["url"] for event in tab.named("Network.requestWillBeSent")]
    assert page.as_uri() in requested
    assert not [url for url in requested if not url.startswith(("data:", "file:", "about:"))]
    assert [url for url in requested if url.startswith("file:")] == [page.as_uri()]
    broken = tab.run("[...document.images].filter((image) => !image.naturalWidth).length")
    assert broken == 0


@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_phone_in_light_and_dark(page, tab, dark):
    tab.open(page, width=375, dark=dark)
    tab.run('document.querySelectorAll("details").forEach((each) => each.open = true)')
    assert tab.run("document.documentElement.scrollWidth") <= 375
    outside = """[...document.querySelectorAll("h1, h2, p, figure, dl, .clips li")].filter((each) =>
        !each.closest(".scroll") && each.getBoundingClientRect().right > 375).map((each) => each.textContent)"""
    assert tab.run(outside) == []
    background = tab.run("getComputedStyle(document.body).backgroundColor")
    shade = sum(int(value) for value in background.removeprefix("rgb(").rstrip(")").split(","))
    assert (shade < 200) if dark else (shade > 600)


def test_it_can_be_used_by_keyboard_and_screen_reader(page, tab):
    tab.open(page, width=1280)
    tab.press("Tab", 9)
    assert tab.run("document.activeElement.textContent") == "Skip to the report"
    assert tab.run("document.activeElement.getBoundingClientRect().left") >= 0
    tab.press("Enter", 13)
    assert tab.run("document.activeElement.id") == "report"
    landmarks = "['header', 'nav', 'main'].map((name) => document.querySelectorAll(name).length)"
    assert tab.run(landmarks) == [1, 1, 1]
    assert tab.run("[...document.querySelectorAll('table')].filter((each) => !each.caption || !each.tHead).length") == 0
    assert tab.run("[...document.querySelectorAll('th')].filter((each) => !each.scope).length") == 0
    unnamed = "[...document.querySelectorAll('svg, audio')].filter((each) => !each.ariaLabel).length"
    assert tab.run(unnamed) == 0
    assert tab.run("[...document.images].filter((each) => !each.alt).length") == 0
    assert tab.run("document.querySelectorAll('h1').length") == 1
    ids = "[...document.querySelectorAll('[id]')].map((each) => each.id)"
    found = tab.run(ids)
    assert len(found) == len(set(found))
    targets = tab.run("[...document.querySelectorAll('a')].map((each) => each.getAttribute('href').slice(1))")
    assert set(targets) <= set(found)
