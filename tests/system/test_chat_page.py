"""The chat of templates/chat in a real browser: a dead host is noticed by nobody who talks."""

from __future__ import annotations

import json
import os
import signal

import pytest

from sourdough_cli.scaffold import scaffold
from tests.system.browser import PROGRAM, Browser, Tab
from tests.system.server import RunningServer

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no chromium is installed")

MARKUP = "<img src=x onerror=alert(1)> & <b>bold</b>"


class Member:
    """Somebody in the room, at a page of his own."""

    def __init__(self, browser: Browser, url: str, name: str) -> None:
        self.tab: Tab = browser.open(url)
        self.has_connected(1)
        self._type("name", name)

    def say(self, text: str) -> None:
        self._type("text", text)

    def _type(self, field: str, text: str) -> None:
        """Put text in place of what a field holds, and press Enter."""
        self.tab.evaluate(f"document.getElementById('{field}').select()")
        self.tab.type(text)

    def sees(self, *texts: str) -> None:
        """Wait until these, and no others, are the messages that the room has confirmed."""
        self._lists("#messages li:not(.unsaid) p", texts)

    def sees_people(self, *names: str) -> None:
        self._lists("#people li", names)

    def has_connected(self, times: int) -> None:
        self.tab.until(f"document.getElementById('connections').value === '{times}'")

    def _lists(self, selector: str, texts: tuple[str, ...]) -> None:
        shown = f"[...document.querySelectorAll({json.dumps(selector)})]"
        wanted = json.dumps("\n".join(texts))
        self.tab.until(f"{shown}.map(each => each.textContent).join('\\n') === {wanted}")

    @property
    def connections(self) -> int:
        """How often this page has connected since it was loaded."""
        return int(self.tab.evaluate("document.getElementById('connections').value"))


@pytest.fixture
def browser(tmp_path):
    with Browser(tmp_path / "profile") as browser:
        yield browser


def test_two_tabs_go_on_when_every_process_is_killed(tmp_path, browser):
    """Hosts die, and they chat on over the same connections; the gateway, and they connect again.

    A page that is loaded again shows all that was said.
    """
    scaffold(tmp_path / "chat", "chat")
    with RunningServer(tmp_path / "chat") as server:
        ada, bob = (Member(browser, f"{server.url}/r/lobby", name) for name in ("Ada", "Bob"))
        ada.sees_people("Ada", "Bob")
        ada.say(MARKUP)
        bob.sees(MARKUP)
        hosts = server.children("host")
        for pid in hosts:
            os.kill(pid, signal.SIGKILL)
        # What is said before a death is seen may be in doubt: the page says it again, in seconds.
        for pid in hosts:
            server.wait_for_event("host.crashed", pid=pid)
        bob.say("still here")
        ada.sees(MARKUP, "still here")
        ada.say("me too")
        for member in ada, bob:
            member.sees(MARKUP, "still here", "me too")
            member.sees_people("Ada", "Bob")
            assert member.connections == 1
        ada.tab.load()
        ada.sees(MARKUP, "still here", "me too")
        ada.sees_people("Ada", "Bob")
        assert (bob.connections, ada.tab.faults(), bob.tab.faults()) == (1, [], [])

        for pid in server.children("gateway"):
            os.kill(pid, signal.SIGKILL)
        for member in ada, bob:
            member.has_connected(2)
        bob.say("once more")
        ada.sees(MARKUP, "still here", "me too", "once more")
        ada.sees_people("Ada", "Bob")
