"""Headless Chromium, where the system has one. Nothing is ever downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
REQUIRED = "SYNCSPEC_REQUIRE_BROWSER"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser per test process at a time.

    It ends with the module: while it runs its driver occupies the thread's event loop, which other tests need.
    """
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        if os.environ.get(REQUIRED):
            pytest.fail(f"{REQUIRED} is set, and there is no Chromium on the PATH")
        pytest.skip("there is no Chromium on the PATH (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        # Containers run as root, and Chromium refuses its sandbox to root.
        arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        running = playwright.chromium.launch(executable_path=path, args=arguments)
        yield running
        running.close()


class Opened:
    """A window on files, without network: what its pages asked for, and what they complained about."""

    def __init__(self, browser: Browser, folder: Path, **context: Any) -> None:
        self._folder = folder
        self._own: set[str] = set()
        self.requests: list[str] = []
        self.stopped: dict[str, str | None] = {}
        self.complaints: list[str] = []
        self._context = browser.new_context(**{"offline": True, "viewport": {"width": 1200, "height": 900}, **context})
        self.page: Page = self._context.new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("requestfailed", lambda request: self.stopped.update({request.url: request.failure}))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append("dialog"), dialog.dismiss()))

    def show(self, html: str) -> None:
        """Open the HTML as a file of its own, in the same window."""
        path = self._folder / f"page-{len(self._own)}.html"
        path.write_bytes(html.encode("utf-8"))
        self._own.add(path.as_uri())
        self.page.goto(path.as_uri())

    def addresses(self) -> list[str]:
        """The addresses of the rows that the list holds now."""
        return self.page.locator("#rows .address").all_text_contents()

    def expect(self, *addresses: str) -> None:
        """Wait until the list holds the rows of just these addresses."""
        expect(self.page.locator("#rows .address")).to_have_text([*addresses])

    def expect_count(self, text: str) -> None:
        """Wait until the page counts so."""
        expect(self.page.locator("#count")).to_contain_text(text)

    def close(self) -> None:
        """Every page must have been content with itself, and have asked for nothing but its own file."""
        self._context.close()
        assert self.complaints == []
        assert {url.partition("#")[0] for url in self.requests} - self.stopped.keys() == self._own


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Open HTML as a file of its own; at the end it must have made no request and no complaint."""
    opened: list[Opened] = []

    def opening(html: str, **context: Any) -> Opened:
        folder = tmp_path / str(len(opened))
        folder.mkdir()
        opened.append(Opened(browser, folder, **context))
        opened[-1].show(html)
        return opened[-1]

    yield opening
    for each in opened:
        each.close()
