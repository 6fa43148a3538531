"""Which object a person means: `<id>` of `inspect` and `rm`, resolved without input or output.

    64 hex digits           that id
    BINDING:name            the name in the namespace of that binding
    Class:name              the same by the class (or by the storage name)
    8 hex digits or more    the one id that starts so, also with the ".." of a listing
    anything else           the one object that has this name

`parse` says what to look for, the caller looks, `choose` picks. Only when nothing was found does
the caller look for near names and let `unknown` say so. A text may be a name and the start of an
id at once: then both are looked for.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sourdough.errors import SourdoughError
from sourdough.ids import IdFactory

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ID_DIGITS = 64
# Listings shorten ids as "7f3a91c2e0d4.."; what can be copied has to work.
_HEX = re.compile(r"([0-9a-fA-F]{8,64})(?:\.\.)?")
_MOST_LISTED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """One namespace of the storage folder, with the words people call it by."""

    binding: str | None
    """None for a namespace that is on disk but no longer in the configuration."""
    class_name: str
    storage_name: str
    application: str
    """What its ids are keyed with, beside the storage name (invariant S14)."""

    @property
    def title(self) -> str:
        """The word that `sourdough ls` understands."""
        return self.binding or self.class_name

    @property
    def ids(self) -> IdFactory:
        return IdFactory(self.application, self.storage_name)

    def called(self, word: str) -> bool:
        """Say whether a word is one of its names."""
        return word in {self.binding, self.class_name, self.storage_name}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One object, named beyond doubt."""

    storage_name: str
    id: str
    """64 hex digits, lower case."""
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to look for."""

    text: str
    """As it was written."""
    prefix: str | None
    """Objects whose id starts so, lower case."""
    named: tuple[Reference, ...]
    """What the objects of this name would be called; those that exist are meant."""
    namespace: Namespace | None
    """Where to look; None is everywhere."""
    name: str | None


def parse(text: str, namespaces: Sequence[Namespace]) -> Wanted:
    """Read a reference.

    Raises SourdoughError for a text that names nothing, or a word that several namespaces share.
    """
    if not text:
        raise SourdoughError("An object is named by its id or by BINDING:name, not by nothing.")
    if not text.isprintable() and any("\ud800" <= character <= "\udfff" for character in text):
        raise SourdoughError(f"A name is text in UTF-8, and {text!a} is not.")
    word, colon, rest = text.partition(":")
    spaces = _called(word, namespaces) if colon else []
    if not spaces:
        digits = _HEX.fullmatch(text)
        prefix = digits[1].lower() if digits else None
        name = None if prefix and len(prefix) == _ID_DIGITS else text
        return _wanted(text, prefix, name, None, namespaces)
    return _wanted(text, None, rest, spaces[0], spaces)


def in_full(wanted: Wanted, namespaces: Sequence[Namespace]) -> list[Reference]:
    """Return what a text names by its whole name or id: it may live and have stored nothing yet."""
    whole = (_with_id(wanted.prefix or "", namespace) for namespace in namespaces)
    return [*wanted.named, *(each for each in whole if each is not None)]


def address(text: str, namespaces: Sequence[Namespace]) -> Reference:
    """Return the object that a text addresses, whether it exists or not: as a stub would.

    BINDING:name, BINDING:id or an id. Raises SourdoughError for anything else.
    """
    word, colon, rest = text.partition(":")
    if not colon:
        for namespace in namespaces:
            if (found := _with_id(text, namespace)) is not None:
                return found
        if len(text) == _ID_DIGITS and _HEX.fullmatch(text):
            raise SourdoughError(
                f"{_quote(text)} is no id of a class of this application.",
                hint="`sourdough ls` lists the objects; BINDING:name reaches one by its name.",
            )
        raise SourdoughError(
            f"{_quote(text)} does not say which object.", hint="Write BINDING:name, or an id."
        )
    namespace = find_namespace(word, namespaces)
    if not rest:
        raise SourdoughError(f"{_quote(text)} has no name behind the colon.")
    return _with_id(rest, namespace) or _named(rest, namespace)


def _with_id(text: str, namespace: Namespace) -> Reference | None:
    if len(text) != _ID_DIGITS or not _HEX.fullmatch(text):
        return None
    if not namespace.ids.owns(bytes.fromhex(text)):
        return None
    return Reference(storage_name=namespace.storage_name, id=text.lower())


def find_namespace(word: str, namespaces: Sequence[Namespace]) -> Namespace:
    """Return the namespace of a binding, class or storage name. Raises SourdoughError."""
    if found := _called(word, namespaces):
        return found[0]
    known = ", ".join(namespace.title for namespace in namespaces[:_MOST_LISTED])
    raise SourdoughError(
        f"No binding or class is named {_quote(word)}.",
        hint=f"There are: {known}." if known else "The storage folder has no namespace yet.",
    )


def choose(wanted: Wanted, found: Iterable[Reference]) -> Reference | None:
    """Return the one object that was found, None for none. Raises SourdoughError for several."""
    matches = list({(each.storage_name, each.id): each for each in found}.values())
    if len(matches) > 1:
        raise SourdoughError(
            f"{_quote(wanted.text)} fits {_counted(matches)} ({_listed(matches)}).",
            hint="Write more digits of the id, or BINDING:name.",
        )
    return matches[0] if matches else None


def unknown(wanted: Wanted, *, nearest: Sequence[str], total: int) -> SourdoughError:
    """Return the error for an object that is not there.

    nearest: names that come close, best first. total: objects of the namespace, or of all.
    """
    where = f" of {wanted.namespace.title}" if wanted.namespace else ""
    what = _what_was_sought(wanted)
    near = f" Nearest: {', '.join(map(_quote, nearest))}." if nearest else ""
    command = f"sourdough ls {wanted.namespace.title}" if wanted.namespace else "sourdough ls"
    return SourdoughError(
        f"No object{where} has {what}.{near}", hint=f"`{command}` lists {total:,}."
    )


def nearest_names(name: str, candidates: Iterable[str], limit: int = 3) -> list[str]:
    """Return the candidates most like a name, best first, equally good ones in their order."""
    return difflib.get_close_matches(name, list(dict.fromkeys(candidates)), n=limit, cutoff=0.5)


def _called(word: str, namespaces: Sequence[Namespace]) -> list[Namespace]:
    found = [namespace for namespace in namespaces if namespace.called(word)]
    # Two bindings may lead to one namespace; that is no doubt about the object.
    if len({namespace.storage_name for namespace in found}) > 1:
        # A binding is unique, so it wins over a class of the same name.
        bound = [namespace for namespace in found if namespace.binding == word]
        if len(bound) == 1:
            return bound
        titles = ", ".join(namespace.title for namespace in found)
        raise SourdoughError(
            f"{_quote(word)} is a class of several namespaces: {titles}.",
            hint="Write the binding instead.",
        )
    return found[:1]


def _wanted(
    text: str,
    prefix: str | None,
    name: str | None,
    namespace: Namespace | None,
    spaces: Sequence[Namespace],
) -> Wanted:
    named = () if name is None else tuple(_named(name, space) for space in spaces)
    return Wanted(text=text, prefix=prefix, named=named, namespace=namespace, name=name)


def _named(name: str, namespace: Namespace) -> Reference:
    made = namespace.ids.from_name(name)
    return Reference(storage_name=namespace.storage_name, id=str(made), name=made.name)


def _what_was_sought(wanted: Wanted) -> str:
    if wanted.name is None:
        return f"the id {wanted.text}"
    if wanted.prefix is None:
        return f"the name {_quote(wanted.name)}"
    return f"the name {_quote(wanted.name)} or an id that starts so"


def _counted(matches: Sequence[Reference]) -> str:
    # A search stops early; beyond the listed ones their number is not known.
    return f"{len(matches)} objects" if len(matches) <= _MOST_LISTED else "many objects"


def _listed(matches: Sequence[Reference]) -> str:
    shown = ", ".join(_shown(match) for match in matches[:_MOST_LISTED])
    return shown if len(matches) <= _MOST_LISTED else f"{shown} and more"


def _shown(match: Reference) -> str:
    name = f" {_quote(match.name)}" if match.name is not None else ""
    return f"{match.storage_name}{name} {match.id[:12]}.."


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
