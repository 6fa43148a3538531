"""HTTP to objects: over a route and over a stub (semantics 2.1, 2.12, 2.14)."""

from __future__ import annotations

import json


def test_a_request_reaches_the_object_of_its_route(world):
    """semantics 2.1: method, path, query, headers and body as they were sent."""
    speaker = world.new("SPEAKER")
    answer = speaker.request("PUT", "a/describe?x=1", "t\u00e4xt".encode(), **{"x-case": "v"})
    told = answer.json()
    url = told.pop("url")
    assert (answer.status, answer.headers["x-answer"]) == (201, "yes")
    assert told == {
        "method": "PUT",
        "path": f"/speaker/{speaker.name}/a/describe",
        "query": {"x": "1"},
        "header": "v",
        "body": "t\u00e4xt",
    }
    assert url.endswith(f"/speaker/{speaker.name}/a/describe?x=1")


def test_a_request_over_a_stub(world):
    """semantics 2.1: the URL's host need not exist."""
    status, header, told = world.run("fetches", world.name())
    assert (status, header) == (201, "yes")
    assert told == {
        "method": "POST",
        "path": "/a/describe",
        "query": {"x": "1", "y": "\u00e4"},
        "header": "v",
        "body": "text",
        "url": "https://example.test/a/describe?x=1&y=%C3%A4",
    }


def test_the_name_of_the_route_is_the_objects_name(world):
    """semantics 1.12: `ctx.id.name` is what the path said."""
    speaker = world.new("SPEAKER")
    assert speaker.request("GET", "").body.decode() == speaker.name


def test_a_streamed_answer(world):
    """semantics 2.6: an async iterator is a body, to clients and to callers."""
    speaker = world.new("SPEAKER")
    assert speaker.request("GET", "stream").body == b"0\n1\n2\n"
    assert "".join(world.run("streams", speaker.name)) == "0\n1\n2\n"


def test_an_answer_without_a_body(world):
    """semantics 2.1: a 204 is a 204."""
    answer = world.new("SPEAKER").request("GET", "empty")
    assert (answer.status, answer.body) == (204, b"")


def test_headers_of_one_name_stay_apart(world):
    """semantics 2.1: two cookies are two headers."""
    answer = world.new("SPEAKER").request("GET", "cookies")
    assert answer.headers.get_all("set-cookie") == ["a=1", "b=2"]


def test_a_handler_that_raises_tells_the_client_nothing_of_it(world):
    """semantics 2.14, trap 32: a 500; the details are in the log."""
    answer = world.new("SPEAKER").request("GET", "raise")
    assert answer.status == 500
    assert b"secret" not in answer.body


def test_a_handler_that_raises_tells_a_caller(world):
    """semantics 2.13: over a stub the exception crosses, from any host."""
    for _ in range(4):
        failure = world.failure("fetch_that_raises", world.name())
        assert (failure.type, failure.text) == ("OwnError", "a secret of the handler")
        assert failure.remote


def test_a_handler_must_return_a_response(world):
    """semantics 2.14: something else is a 500."""
    assert world.new("SPEAKER").request("GET", "wrong").status == 500


def test_a_class_without_fetch(world):
    """semantics 2.1: is an error of whoever asks, over a route and over a stub."""
    silent = world.new("SILENT")
    answer = silent.request("GET", "")
    assert (answer.status, answer.json()["error"]) == (
        501, "Silent has no fetch() method and no app",
    )  # fmt: skip
    assert "no fetch() method" in world.failure("silent_fetch", silent.name).text


def test_requests_and_calls_reach_the_same_instance(world):
    """semantics 3.1: one object, whatever the way."""
    actor = world.new("ACTOR")
    assert json.loads(actor.request("POST", "increments").body) == 1
    assert actor.call("increments") == 2
    assert json.loads(actor.request("POST", "constructions").body) == 1


def test_an_aborted_object_answers_503(world):
    """semantics 3.11: a client over HTTP learns that the object was reset."""
    actor = world.new("ACTOR")
    answer = actor.request("POST", "aborts")
    assert answer.status in {500, 503}
    assert actor.request("POST", "constructions").json() == 2
