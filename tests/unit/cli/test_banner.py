"""The banner: what a server says of itself at its start."""

from __future__ import annotations

import msgspec
import pytest

from sourdough.observe.banner import Banner, RouteLine
from sourdough_cli.views.banner import banner_lines

BANNER = Banner(
    version="0.1.0",
    name="chat-app",
    mode="dev",
    python="3.11.9",
    url="http://127.0.0.1:8787",
    routes=(
        RouteLine(binding="COUNTER", pattern="/counter/{name}/*", target="counter.Counter"),
        RouteLine(binding="CHAT", pattern="/chat/*", target="chat.Room"),
    ),
    entrypoint="app",
    storage=".sourdough",
    durability="disk",
    sync_seconds=0.00012,
    watched_files=12,
)


def text_of(banner, width=80):
    return "\n".join(line.plain for line in banner_lines(banner, width=width))


def test_pictures(check_picture):
    """The banner, as on the page of the terminal."""
    check_picture("banner", lambda width: banner_lines(BANNER, width=width))


def test_the_address_begins_a_line_of_its_own_or_stands_before_spaces():
    """Whoever looks for the address finds it after two spaces, whole."""
    for width in (40, 80, 200):
        assert text_of(BANNER, width).splitlines()[1].split()[0] == "http://127.0.0.1:8787"


def test_a_narrow_window_puts_the_second_column_below():
    """At 40 columns no line is longer than the window."""
    assert max(map(len, text_of(BANNER, 50).splitlines())) <= 50


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"durability": "os"}, "survives a crash of the processes, not of the machine"),
        ({"durability": "memory"}, "not durable: lost when the process ends"),
        ({"memory": True}, "a temporary folder   deleted when the server stops"),
        ({"sync_seconds": None}, "durable on disk"),
        ({"watched_files": None}, "reload  on request"),
        ({"routes": (), "entrypoint": None}, "no routes: nothing can be reached over HTTP"),
        ({"routes": ()}, "every request goes to app"),
    ],
)
def test_says_what_is_different(changes, sentence):
    """Each unusual setting is told in words."""
    shown = " ".join(text_of(msgspec.structs.replace(BANNER, **changes)).split())
    assert " ".join(sentence.split()) in shown


def test_many_routes_are_counted():
    """More than eight routes do not push the rest of the banner away."""
    routes = tuple(RouteLine(binding=f"B{n}", pattern=f"/{n}", target="a.A") for n in range(30))
    assert "and 22 more routes" in text_of(msgspec.structs.replace(BANNER, routes=routes))


def test_names_are_escaped():
    """A pattern cannot move the cursor."""
    route = RouteLine(binding="A", pattern="/\x1b[2J", target="a.A")
    assert "\x1b" not in text_of(msgspec.structs.replace(BANNER, routes=(route,)))
