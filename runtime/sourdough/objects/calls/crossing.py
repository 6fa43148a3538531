"""The form in which an exception crosses from object to object (semantics 2.13).

A class that both sides have is rebuilt as itself: found by module and name among the modules that
this process has imported already, never imported for it, and made without running its `__init__`.
Any other arrives as `RemoteError` with its name and message. Whatever arrives says whose it is:
`.remote`, `.retryable`, `.overloaded`, `.durable_object_reset`, `.durable_object_id`.
"""

from __future__ import annotations

import builtins
import sys
import traceback
from typing import Any

from sourdough.errors import DurableObjectError, RemoteError
from sourdough.values import decode, encode

REMOTE_TRACEBACK = "Traceback in the called object"
"""What the note with the traceback of the other process begins with."""

# Raised inside a coroutine they would mean something else.
_NEVER_RAISED = (StopIteration, StopAsyncIteration)
_PUBLIC = "sourdough.errors"
_FLAGS = ("remote", "retryable", "overloaded", "durable_object_reset")
_OURS = {*_FLAGS, "durable_object_id", "__notes__"}
# Attributes and arguments beyond this stay behind: an error is no place for data.
_LARGE = 256 * 1024
_LONG_TRACEBACK = 16 * 1024


def encode_error(error: BaseException, *, log: bool = False) -> bytes:
    """Return the form in which an exception crosses.

    log: whether its traceback goes along, for the caller's log.
    """
    kind = type(error)
    fields: dict[str, Any] = {
        "type": kind.__name__,
        "module": kind.__module__,
        "name": kind.__qualname__,
        "message": _text(_message_of(error)),
        "id": getattr(error, "durable_object_id", None),
    }
    if isinstance(error, RemoteError):
        fields["type"], fields["module"] = error.type_name, None
        fields["message"] = _text(error.remote_message)
    elif isinstance(error, DurableObjectError):
        fields["flags"] = {flag: getattr(error, flag) for flag in _FLAGS}
    if log:
        fields["traceback"] = _text("".join(traceback.format_exception(error))[-_LONG_TRACEBACK:])
    if fields["module"] is not None:
        args = _args_of(error)
        fields["args"] = args if _is_data(args) else None
        fields["attributes"] = {
            name: value
            for name, value in vars(error).items()
            if name not in _OURS and _is_data(value)
        }
    data = encode(fields)
    if len(data) > _LARGE:
        fields["args"], fields["attributes"] = None, {}
        data = encode({**fields, "message": fields["message"][:_LARGE]})
    return data


def decode_error(data: bytes) -> Exception:
    """Rebuild the exception."""
    fields = decode(data)
    error = _rebuilt(fields) or RemoteError(fields["type"], fields["message"])
    flags = fields.get("flags") or {"remote": True}
    error.durable_object_id = fields["id"]  # type: ignore[attr-defined]
    for flag in _FLAGS:
        setattr(error, flag, flags.get(flag, False))
    if fields.get("traceback"):
        error.add_note(f"{REMOTE_TRACEBACK}:\n{fields['traceback']}")
    return error


def _rebuilt(fields: dict[str, Any]) -> Exception | None:
    kind = _class_of(fields["module"], fields["name"])
    args = fields.get("args")
    if args is None and fields["module"] == "builtins":
        args = (fields["message"],)  # as far as they can be told
    if kind is None or args is None:
        return None
    try:
        error = kind.__new__(kind, *args)
        # What is written in C may keep its parts outside of `args`; the rest is in the attributes.
        built_in = next(base for base in kind.__mro__ if base.__module__ == "builtins")
        built_in.__init__(error, *args)  # type: ignore[misc]  # its own, on purpose
        vars(error).update(fields["attributes"])
    except Exception:  # noqa: BLE001 (a class may refuse to be made so, in any way)
        return None
    return error if type(error) is kind else None


def _class_of(module: str | None, name: str) -> type[Exception] | None:
    if module is not None and module.startswith("sourdough.") and module != _PUBLIC:
        return None  # of the runtime's own insides: nobody could name it in an `except`
    found: Any = builtins if module == "builtins" else sys.modules.get(module or "")
    for part in name.split("."):
        found = getattr(found, part, None) if found is not None else None
    if not isinstance(found, type) or not issubclass(found, Exception):
        return None
    same = (found.__module__, found.__qualname__) == (module, name)
    return found if same and not issubclass(found, _NEVER_RAISED) else None


def _args_of(error: BaseException) -> tuple[Any, ...]:
    if isinstance(error, OSError) and error.filename is not None and len(error.args) == 2:
        return (*error.args, error.filename)
    return error.args


def _is_data(value: Any) -> bool:
    try:
        encode(value)
    except (TypeError, ValueError):
        return False
    return True


def _message_of(error: BaseException) -> str:
    if isinstance(error, KeyError) and len(error.args) == 1 and isinstance(error.args[0], str):
        return error.args[0]  # its str() has quotes around, and would get more on the other side
    return str(error)


def _text(text: str) -> str:
    # Texts of the operating system may hold lone surrogates, which no encoding carries.
    return text.encode("utf-8", "replace").decode()
