"""Chromium for tests of the pages: it watches that nothing goes wrong on them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from autotrack.server.launch import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Playwright closes the pipes of its driver after the loop that opened them.
CLOSES_LATE = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Watch:
    """What went wrong on the pages of a browser: dialogs, errors, violated policies, requests to elsewhere."""

    def __init__(self, context: BrowserContext, port: int) -> None:
        self.problems: list[str] = []
        self._port = port
        context.on("page", self._follow)

    def _follow(self, page: Page) -> None:
        page.on("dialog", self._dismiss)
        page.on("pageerror", lambda error: self.problems.append(f"error {error}"))
        page.on("console", self._listen)
        page.on("request", lambda request: self._check(request.url))

    def _dismiss(self, dialog: Dialog) -> None:
        self.problems.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and "status of 40" not in message.text:
            self.problems.append(f"console {message.text}")

    def _check(self, url: str) -> None:
        own = (
            f"http://localhost:{self._port}/",
            f"http://127.0.0.1:{self._port}/",
            "blob:",
            "data:",
            "file:",
            "about:",
        )
        if not url.startswith(own):
            self.problems.append(f"request {url}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        pytest.skip("there is no chromium here")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


def open_page(browser: Browser, server: Server, **options: object) -> Iterator[Page]:
    """Come in as a person does, and fail the test where a page has complained."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, **options)  # type: ignore[arg-type]
    watch = Watch(context, int(server.address.rpartition(":")[2]))
    found = context.new_page()
    found.set_default_timeout(8_000)
    found.goto(server.entrance())
    ready(found)
    yield found
    problems = watch.problems
    context.close()
    assert not problems, problems


def ready(page: Page) -> None:
    page.wait_for_selector("body[data-ready]")
