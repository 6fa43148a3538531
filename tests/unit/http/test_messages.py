"""Requests, responses and their bodies."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.http import BodyError, BodyReader, BodyUsedError, Request, Response


async def chunks(*parts):
    for part in parts:
        yield part


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (None, b""),
        (b"x", b"x"),
        ("ü", "ü".encode()),
        (bytearray(b"y"), b"y"),
        (memoryview(b"z"), b"z"),
    ],
)
async def test_bodies_of_every_kind(body, data):
    """What users give is what is sent."""
    response = Response(body)
    assert response.complete
    assert await response.bytes() == data


async def test_a_streamed_body_is_read_in_chunks_or_as_a_whole():
    """An async iterator of bytes and texts is a body."""
    assert [chunk async for chunk in Response(chunks(b"a", "ü")).stream()] == [b"a", "ü".encode()]
    assert await Response(chunks(b"a", b"b")).text() == "ab"
    assert not Response(chunks(b"a")).complete


async def test_a_wrong_chunk_is_an_error_of_the_handler():
    """A number is no chunk."""
    with pytest.raises(TypeError, match="chunk is bytes or str, not int"):
        await Response(chunks(7)).bytes()


@pytest.mark.parametrize("body", [7, {"a": 1}, ["x"], object()])
def test_a_wrong_body_is_refused(body):
    """The error says what a body is."""
    with pytest.raises(TypeError, match="a body is str, bytes"):
        Response(body)


async def test_a_body_is_read_once():
    """The second reader is told."""
    response = Response("x")
    assert not response.body_used
    await response.text()
    assert response.body_used
    with pytest.raises(BodyUsedError):
        await response.bytes()


async def test_the_users_generator_is_closed_with_the_body():
    """Its `finally` runs when the reading ends early."""
    closed = []

    async def body():
        try:
            yield b"a"
            yield b"b"
        finally:
            closed.append(True)

    stream = Response(body()).stream()
    assert await anext(stream) == b"a"
    await stream.aclose()
    assert closed == [True]


async def test_json_both_ways():
    """Response.json(value) makes one, response.json() reads one."""
    response = Response.json({"a": ["ü", 2**60]}, status=201)
    assert response.status == 201
    assert response.headers["content-type"] == "application/json"
    assert await response.json() == {"a": ["ü", 2**60]}
    own = Response.json(1, headers={"content-type": "application/vnd.x+json", "x": "y"})
    assert own.headers.get_all("content-type") == ["application/vnd.x+json"]
    with pytest.raises(TypeError):
        Response.json({1, 2})
    with pytest.raises(ValueError, match="Expecting value"):
        await Response("no json").json()


@pytest.mark.parametrize("status", [0, 100, 199, 600, "200", None, 2.5])
def test_a_status_is_from_200_to_599(status):
    """Interim and made-up codes are refused, also with JSON."""
    for make in (lambda: Response("x", status=status), lambda: Response.json(1, status=status)):
        with pytest.raises(ValueError, match="from 200 to 599"):
            make()


def test_a_text_gets_a_content_type_unless_it_has_one():
    """Bytes and nothing get none."""
    assert Response("x").headers["content-type"] == "text/plain; charset=utf-8"
    assert Response("x", headers={"Content-Type": "a/b"}).headers.get_all("content-type") == ["a/b"]
    assert "content-type" in Response("x", headers={"x": "y"}).headers
    assert "content-type" not in Response(b"x").headers


def test_a_request_of_user_code():
    """A full URL or a path; the method in upper case."""
    request = Request("https://example.com/a%20b?x=1&x=2&y=", method="post", body="b")
    assert request.method == "POST"
    assert request.target == "/a%20b?x=1&x=2&y="
    assert request.path == "/a b"
    assert request.raw_path == "/a%20b"
    assert request.host == "example.com"
    assert request.secure
    assert request.url == "https://example.com/a%20b?x=1&x=2&y="
    assert request.query["x"] == "1"
    assert request.query.get_all("x") == ["1", "2"]
    assert request.query["y"] == ""
    assert dict(request.query) == {"x": "1", "y": ""}
    assert Request("").target == "/"
    assert Request("http://a").url == "http://a/"
    for method in ("", "GET /", "a\r\nb", "m\u00e9thode"):
        with pytest.raises(ValueError, match="not a method"):
            Request("/", method=method)


async def test_a_body_arrives_piece_by_piece():
    """A reader waits for chunks and ends with the last one; credit follows the reader."""
    taken = []
    reader = BodyReader(taken.append)
    reading = asyncio.ensure_future(Response(reader).bytes())
    await asyncio.sleep(0)
    reader.feed(b"ab", end=False)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert taken == [2]
    reader.feed(b"c", end=True)
    assert await reading == b"abc"
    assert taken == [2, 1]
    assert reader.ended


async def test_a_body_cut_short_gives_what_it_has_then_the_error():
    """Never an end that looks proper (invariant D3)."""
    reader = BodyReader(lambda _: None)
    reader.feed(b"a", end=False)
    reader.fail("the client left")
    assert await anext(reader) == b"a"
    with pytest.raises(BodyError, match="the client left"):
        await anext(reader)


async def test_a_failure_after_the_end_is_none():
    """A body that is complete stays complete."""
    reader = BodyReader(lambda _: None)
    reader.feed(b"a", end=True)
    reader.fail("too late")
    assert await Response(reader).bytes() == b"a"


def test_a_request_knows_where_its_route_is_mounted():
    """`root_path` is decoded as `path` is; a request of user code is mounted nowhere."""
    target = b"/room/caf%C3%A9/a?x=/b"
    request = Request.received(b"GET", target, b"", b"", b"", False, 1, len(b"/room/caf%C3%A9"))
    assert (request.root_path, request.path) == ("/room/caf\u00e9", "/room/caf\u00e9/a")
    assert Request("/room/a").root_path == ""


def test_headers_as_bytes():
    """Names in lower case, values as they came."""
    request = Request.received(b"GET", b"/", b"", b"X-A:  \xe4 \r\nb: \r\n", b"", False, 1)
    assert request.raw_headers == [(b"x-a", b"\xe4"), (b"b", b"")]
