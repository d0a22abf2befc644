"""The real app on a free port and a real browser."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.page_browser import CHROMIUM_FLAGS, chromium_path, serve

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (requirements-dev.txt)")
from playwright.sync_api import Browser, Page, expect, sync_playwright

WAIT = 300_000  # milliseconds: a busy machine may take minutes to start a browser or load the models
expect.set_options(timeout=WAIT)

# What comes and goes between two looks of a test is written down in the page: how many runs ended (Run can be pressed
# again), and what the progress line said.
WITNESS = """
window.runsEnded = 0;
window.said = [];
new MutationObserver((changes) => {
  const switched = changes.filter((change) => change.type === "attributes" && change.target.id === "run");
  switched.forEach((change, i) => {
    const now = i + 1 < switched.length ? switched[i + 1].oldValue : change.target.getAttribute("disabled");
    if (change.oldValue !== null && now === null) window.runsEnded += 1;
  });
  const line = document.querySelector("#stepper .now")?.textContent;
  if (line && line !== window.said.at(-1)) window.said.push(line);
}).observe(document, {
  subtree: true, childList: true, characterData: true,
  attributes: true, attributeFilter: ["disabled"], attributeOldValue: true,
});
"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium_path()
    if path is None:
        pytest.skip("no chromium on this machine: install Debian's chromium or set CHROMIUM to one")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS, timeout=WAIT)


@pytest.fixture(scope="session")
def app(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of ``python app.py`` with the embedded models and an empty feature cache."""
    folder = tmp_path_factory.mktemp("app")
    before = os.environ.get("MSJOE_CACHE")
    os.environ["MSJOE_CACHE"] = str(folder / "cache")
    try:
        with serve(log=folder / "app.log") as address:
            yield address
    finally:
        os.environ.pop("MSJOE_CACHE")
        if before is not None:
            os.environ["MSJOE_CACHE"] = before


class Watched:
    """A page, the hosts it asked and the errors on its console."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.addresses: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.addresses.append(request.url))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    @property
    def foreign(self) -> list[str]:
        own = ("http://127.0.0.1:", "data:", "blob:")
        return [address for address in self.addresses if not address.startswith(own)]


@pytest.fixture
def open_page(browser: Browser, app: str) -> Iterator[Callable[..., Watched]]:
    """Open the app as a visitor with a screen width and a colour scheme; ``script`` runs before the page's own."""
    contexts = []

    def visit(
        width: int = 1440, scheme: str = "light", address: str = "", ready: str = "#options input", script: str = ""
    ) -> Watched:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        context.add_init_script(WITNESS + script)
        watched = Watched(context.new_page())
        watched.page.set_default_timeout(WAIT)
        watched.page.goto(address or app)
        watched.page.wait_for_selector(ready)  # drawn by script: from here on clicks are heard
        return watched

    yield visit
    for context in contexts:
        context.close()


@pytest.fixture
def text_as_video(tmp_path: Path) -> Path:
    path = tmp_path / "notes.mp4"
    path.write_text("this is no video\n" * 40, encoding="utf-8")
    return path
