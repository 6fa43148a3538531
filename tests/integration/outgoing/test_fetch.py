"""`sourdough.fetch` against a server of its own."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys

import pytest

from sourdough import FetchError, Headers, Request, fetch
from sourdough.outgoing import pool


async def test_a_request_and_its_answer(site):
    """Method, path, query and headers as they were given; the answer is a Response."""
    site.answers["/a"] = (201, "x-one: 1\r\nset-cookie: a\r\nset-cookie: b\r\n", b'{"x": 1}')
    answer = await fetch(f"{site.url}/a?b=c%20d", headers={"x-two": "2"})
    assert (answer.status, answer.headers["x-one"]) == (201, "1")
    assert answer.headers.get_all("set-cookie") == ["a", "b"]
    assert await answer.json() == {"x": 1}
    got = site.requests[0]
    assert (got.method, got.target, got.headers["x-two"]) == ("GET", "/a?b=c%20d", "2")
    assert got.headers["user-agent"] == "sourdough"


@pytest.mark.parametrize(
    ("given", "body", "kind"),
    [
        ({"json": {"a": "\xe4"}}, '{"a":"\xe4"}'.encode(), "application/json"),
        ({"body": "text"}, b"text", "text/plain; charset=utf-8"),
        ({"body": b"\0\1"}, b"\0\1", None),
        ({"json": None, "body": None}, b"", None),
    ],
)
async def test_bodies(site, given, body, kind):
    """Text, bytes and JSON, each with the header that says so."""
    await (await fetch(site.url, method="POST", **given)).bytes()
    got = site.requests[0]
    assert (got.method, got.body, got.headers.get("content-type")) == ("POST", body, kind)


async def test_a_request_object_is_sent_as_it_is(site):
    """Its method, headers and body; what is given beside it replaces."""
    made = Request(f"{site.url}/x", method="PUT", headers={"x-a": "1"}, body=b"body")
    await (await fetch(made)).bytes()
    changed = Request(f"{site.url}/x", method="PUT", headers={"x-a": "1"}, body=b"body")
    await (await fetch(changed, method="POST", headers=Headers({"x-b": "2"}))).bytes()
    first, second = site.requests
    assert (first.method, first.headers["x-a"], first.body) == ("PUT", "1", b"body")
    assert (second.method, second.headers.get("x-a"), second.headers["x-b"]) == ("POST", None, "2")


async def test_a_streamed_body_leaves_piece_by_piece(site):
    """As chunks, without a length; the generator is closed."""
    closed = []

    async def pieces():
        try:
            for number in range(3):
                yield b"piece %d;" % number
                await asyncio.sleep(0)
        finally:
            closed.append(True)

    await (await fetch(site.url, method="POST", body=pieces())).bytes()
    assert site.requests[0].chunks == [b"piece 0;", b"piece 1;", b"piece 2;"]
    assert closed == [True]


async def test_an_answer_streams(site):
    """Its head is there before its body, whose pieces come as they are sent."""
    go = asyncio.Event()

    async def slowly(got, reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
        await go.wait()
        writer.write(b"3\r\ntwo\r\n0\r\n\r\n")

    site.answers["/"] = slowly
    chunks = (await fetch(site.url)).stream()
    assert await anext(chunks) == b"one"
    go.set()
    assert [chunk async for chunk in chunks] == [b"two"]


async def test_connections_are_kept_and_given_back(site):
    """One after the other share a connection; a body thrown away unread costs its own."""
    for _ in range(3):
        await (await fetch(site.url)).bytes()
    assert site.connections == 1
    site.answers["/large"] = b"x" * 5_000_000
    answer = await fetch(f"{site.url}/large")
    del answer
    for _ in range(5):
        await asyncio.sleep(0)
    await (await fetch(site.url)).bytes()
    assert site.connections == 2


async def test_a_compressed_answer_is_handed_on_as_it_was(site):
    """Decoded, and without the headers that said otherwise."""
    packed = gzip.compress(b"hello " * 100)
    site.answers["/"] = (200, "content-encoding: gzip\r\n", packed)
    answer = await fetch(site.url)
    assert "content-encoding" not in answer.headers
    assert "content-length" not in answer.headers
    assert await answer.bytes() == b"hello " * 100


async def test_redirects(site):
    """Followed, or given as they are; one without an end is an error."""
    site.answers["/from"] = (302, "location: /to\r\n", b"")
    site.answers["/to"] = b"there"
    site.answers["/round"] = (307, "location: /round\r\n", b"")
    assert await (await fetch(f"{site.url}/from")).bytes() == b"there"
    answer = await fetch(f"{site.url}/from", follow_redirects=False)
    assert (answer.status, answer.headers["location"]) == (302, "/to")
    await answer.bytes()
    with pytest.raises(FetchError, match="redirects"):
        await fetch(f"{site.url}/round")


async def test_cookies_of_a_server_are_not_kept(site):
    """The pool is everybody's: one object's session is not another's."""
    site.answers["/"] = (200, "set-cookie: session=secret\r\n", b"")
    for _ in range(2):
        await (await fetch(site.url)).bytes()
    assert all("cookie" not in got.headers for got in site.requests)


async def test_a_status_is_no_error(site):
    """404 and 500 are answers."""
    site.answers["/"] = (500, "", b"sorry")
    answer = await fetch(site.url)
    assert (answer.status, await answer.text()) == (500, "sorry")


# --- failures


async def test_who_is_not_there_was_never_reached():
    """`.retryable`: nothing was sent. The text has no query: it may be a secret."""
    with pytest.raises(FetchError) as raised:
        await fetch("http://127.0.0.1:1/path?token=secret")
    await pool.close()
    assert raised.value.retryable
    assert "http://127.0.0.1:1/path did not answer" in str(raised.value)
    assert "secret" not in str(raised.value)


async def test_a_request_that_was_cut_off_is_not_repeated(site):
    """It may have been acted on: not retryable, and sent once, also on a kept connection."""
    await (await fetch(site.url)).bytes()

    async def hang_up(got, reader, writer):
        writer.transport.abort()

    site.answers["/"] = hang_up
    with pytest.raises(FetchError) as raised:
        await fetch(site.url)
    assert not raised.value.retryable
    assert len(site.requests) == 2


async def test_an_answer_that_does_not_come_in_time(site):
    """An error that names the limit; the connection is not used again."""

    async def never(got, reader, writer):
        await asyncio.Event().wait()

    site.answers["/never"] = never
    with pytest.raises(FetchError, match=r"within 0\.05 seconds") as raised:
        await fetch(f"{site.url}/never", timeout=0.05)
    assert not raised.value.retryable
    assert await (await fetch(site.url)).bytes() == b"hello"
    assert site.connections == 2


async def test_a_body_that_is_cut_short(site):
    """Never taken for a whole one."""

    async def half(got, reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    site.answers["/"] = half
    answer = await fetch(site.url)
    with pytest.raises(FetchError, match="cut short"):
        await answer.bytes()


async def test_a_body_generator_that_raises(site):
    """The caller gets its own error."""

    async def pieces():
        yield b"one"
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        await fetch(site.url, method="POST", body=pieces())


@pytest.mark.parametrize(
    "url", ["/path", "ftp://a/", "", "example.com", "http://[", "http://", "http://a:b@c/"]
)
async def test_what_is_no_url(url):
    """A ValueError before anything is sent."""
    with pytest.raises(ValueError, match=r"fetch|URL"):
        await fetch(url)
    await pool.close()


async def test_a_body_is_given_once(site):
    """`body` and `json` exclude each other; a body that is none is a TypeError."""
    with pytest.raises(ValueError, match="not both"):
        await fetch(site.url, body=b"a", json=1)
    with pytest.raises(TypeError, match="a body is"):
        await fetch(site.url, body=3)


async def test_a_cancelled_fetch_leaves_nothing_behind(site):
    """The request is cancelled with its caller."""
    begun = asyncio.Event()

    async def never(got, reader, writer):
        begun.set()
        await reader.read()

    site.answers["/"] = never
    task = asyncio.ensure_future(fetch(site.url))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_who_does_not_fetch_does_not_pay():
    """Importing the package does not import the client library."""
    code = "import sourdough, sys; sys.exit('httpx2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode == 0
