"""What is taken for an ASGI app, what for a WSGI app, and what is said of the rest."""

from __future__ import annotations

import functools

import flask
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint

from sourdough.apps.kind import Kind, NotAnAppError, kind_of


async def asgi(scope, receive, send): ...


def wsgi(environ, start_response): ...


class AsgiObject:
    async def __call__(self, scope, receive, send): ...


class WsgiObject:
    def __call__(self, environ, start_response): ...


async def with_more(scope, receive, send, *, debug=False): ...


def passing_on(scope, receive, send):
    return asgi(scope, receive, send)


@pytest.mark.parametrize(
    "app",
    [
        asgi, AsgiObject(), with_more, passing_on, functools.partial(with_more, debug=True),
        FastAPI(), Starlette(), HTTPEndpoint, AsgiObject().__call__,
    ],
)  # fmt: skip
def test_asgi_apps(app):
    """Functions, objects, frameworks."""
    assert kind_of(app) is Kind.ASGI


@pytest.mark.parametrize("app", [wsgi, WsgiObject(), flask.Flask("shop"), lambda *given: []])
def test_wsgi_apps(app):
    """Functions, objects, frameworks."""
    assert kind_of(app) is Kind.WSGI


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        ({}, "is a dict, and cannot be called"),
        (3, "is an int"),
        (None, "is a NoneType"),
        (AsgiObject, "is a class, not an app"),
        (FastAPI, "is a class, not an app"),
        (lambda: asgi, "looks like a function that makes the app"),
        (lambda scope: asgi, "as apps of ASGI 2 did"),
        (lambda a, b, c, d: None, "takes (a, b, c, d), neither"),
    ],
)
def test_what_is_no_app(thing, text):
    """The sentence says what it is."""
    with pytest.raises(NotAnAppError) as raised:
        kind_of(thing)
    assert text in str(raised.value)
