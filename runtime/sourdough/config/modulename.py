"""Names of the user's modules as a configuration writes them. Pure."""

from __future__ import annotations

import keyword
import sys

# Names that belong to us; a module of the user under one of them would never be found.
_OURS = frozenset({"sourdough", "sourdough_cli"})


def module_name(text: str) -> str | None:
    """Return the dotted name for "counter", "counter.py", "src/app.py" or "shop.cart".

    None where the text is neither a file beside the configuration nor a dotted module.
    """
    if text.endswith(".py"):
        text = text.removeprefix("./").removesuffix(".py").replace("/", ".")
    parts = text.split(".")
    if all(part.isidentifier() and not keyword.iskeyword(part) for part in parts):
        return text
    return None


def entry_name(text: str) -> str | None:
    """Return the name of an entrypoint: as of a module, or "app:api" for what stands in it.

    None where the text is neither.
    """
    module, attribute = split_entry(text)
    name = module_name(module)
    if name is None or (attribute is not None and not attribute.isidentifier()):
        return None
    return name if attribute is None else f"{name}:{attribute}"


def split_entry(text: str) -> tuple[str, str | None]:
    """Return module and attribute of an entrypoint; None for a module alone."""
    module, colon, attribute = text.partition(":")
    return module, attribute if colon else None


def shadowed(name: str) -> str | None:
    """Say what a module or folder of this name would shadow (invariant P9); None for nothing."""
    top = name.partition(".")[0]
    if top in _OURS:
        return f"{top} is a module of Sourdough itself"
    if top in sys.stdlib_module_names:
        return f"{top} is a module of Python's standard library"
    return None
