"""What a thing is that somebody wrote down as an app: told by its signature, never by calling it.

    app(scope, receive, send), a coroutine function    ASGI 3
    app(environ, start_response), a plain function     WSGI

Every framework's app object has one of the two as its `__call__`.
"""

from __future__ import annotations

import inspect
from enum import Enum
from typing import Any

_ASGI_ARGUMENTS = (None, None, None)
_WSGI_ARGUMENTS = (None, None)


class Kind(Enum):
    """The interface of an app."""

    ASGI = "ASGI"
    WSGI = "WSGI"


class NotAnAppError(TypeError):
    """The thing is no app; the text says what it is, as the end of a sentence: "is a dict"."""


def kind_of(app: Any) -> Kind:
    """Return the interface of an app. Raises NotAnAppError."""
    if not callable(app):
        raise NotAnAppError(f"is {_article(type(app).__name__)}, and cannot be called")
    try:
        signature = inspect.signature(app)
    except (TypeError, ValueError):
        raise NotAnAppError("does not say which arguments it takes") from None
    if isinstance(app, type) and not hasattr(app, "__await__"):
        raise NotAnAppError("is a class, not an app")
    is_async = isinstance(app, type) or _is_async(app)
    three, two = _takes(signature, _ASGI_ARGUMENTS), _takes(signature, _WSGI_ARGUMENTS)
    # A plain function of three arguments alone hands on to an app, and returns what is awaited.
    if three and (is_async or not two):
        return Kind.ASGI
    if two and not is_async:
        return Kind.WSGI
    raise NotAnAppError(_wrong(signature))


def app_problem(app: Any) -> str | None:
    """Say why something cannot be the app of an object, which has to be ASGI; None when it can."""
    try:
        if kind_of(app) is Kind.ASGI:
            return None
    except NotAnAppError as error:
        return f"{error}; an object takes an ASGI app"
    return "is a WSGI app; an object takes an ASGI app, whose code runs on the object's loop"


def _is_async(app: Any) -> bool:
    call = app if inspect.isroutine(app) else type(app).__call__
    return inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(call)


def _takes(signature: inspect.Signature, arguments: tuple[None, ...]) -> bool:
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return True


def _wrong(signature: inspect.Signature) -> str:
    if _takes(signature, ()):
        return "takes no arguments: it looks like a function that makes the app"
    if _takes(signature, (None,)):
        return "takes one argument, as apps of ASGI 2 did"
    return f"takes {signature}, neither (scope, receive, send) nor (environ, start_response)"


def _article(name: str) -> str:
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"
