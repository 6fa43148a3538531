"""What must hold between the fields of a configuration, beyond the type of each. Pure.

The rules run over a Config that may have faults already: `blank` (an empty text) stands in for a
value that was refused, and nothing is concluded from it, so one mistake is one fault.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any

from sourdough.config.identity import Template, parse_identity
from sourdough.config.lifecycle_rules import lifecycle_problems
from sourdough.config.modulename import entry_name, module_name, shadowed, split_entry
from sourdough.config.nearest import suggest
from sourdough.config.pattern import Pattern, PatternError, parse_pattern
from sourdough.config.problem import BLANK, Problem
from sourdough.config.triggers import trigger_problems
from sourdough.ids import ID_BYTES

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from sourdough.config.identity import Identity
    from sourdough.config.model import Config, Route, Server
    from sourdough.config.positions import KeyPath


def problems(config: Config) -> Iterator[Problem]:
    """Yield every violation of a rule."""
    for rule in _RULES:
        yield from rule(config)


def _something_to_run(config: Config) -> Iterator[Problem]:
    if not config.bindings and config.main is None:
        yield Problem(
            path=("durable_objects", "bindings"),
            message="nothing to run: expected at least one [[durable_objects.bindings]], or main",
            unbound=True,
        )


def _modules(config: Config) -> Iterator[Problem]:
    yield from _entry(config.main)
    for index, binding in enumerate(config.bindings):
        yield from _module(("durable_objects", "bindings", index, "module"), binding.module)


def _entry(main: str | None) -> Iterator[Problem]:
    if main and entry_name(main) is None:
        yield Problem(
            path=("main",),
            message=f'expected a file such as "app.py", a module, or "app:api", got "{main}"',
        )
    elif main:
        yield from _module(("main",), split_entry(main)[0])


def _module(path: KeyPath, text: str | None) -> Iterator[Problem]:
    if not text:
        return
    name = module_name(text)
    if name is None:
        yield Problem(
            path=path,
            message=f'expected a file such as "counter.py" or a dotted module, got "{text}"',
        )
    elif (what := shadowed(name)) is not None:
        yield Problem(path=path, message=what, hint="give yours another name")


def _names_in_env(config: Config) -> Iterator[Problem]:
    """Bindings and vars share `env`, so a name is given once."""
    first: dict[str, int] = {}
    for index, binding in enumerate(config.bindings):
        path: KeyPath = ("durable_objects", "bindings", index, "name")
        if binding.name == BLANK:
            continue
        if binding.name in first:
            where = f"durable_objects.bindings[{first[binding.name]}]"
            yield Problem(path=path, message=f'"{binding.name}" is already the name of {where}')
        elif binding.name in config.vars:
            yield Problem(path=path, message=f'"{binding.name}" is already the name of a var')
        first.setdefault(binding.name, index)


def _vars_in_64_bits(config: Config) -> Iterator[Problem]:
    """TOML's integers have 64 bits, even where its parser takes more."""
    yield from _wide_integers(config.vars, ("vars",))


def _wide_integers(value: Any, path: KeyPath) -> Iterator[Problem]:
    match value:
        case dict():
            for key, each in value.items():
                yield from _wide_integers(each, (*path, key))
        case list():
            for index, each in enumerate(value):
                yield from _wide_integers(each, (*path, index))
        case int() if not -(1 << 63) <= value < 1 << 63:
            yield Problem(path=path, message="expected a whole number of at most 64 bits")


def _one_word_a_class(config: Config) -> Iterator[Problem]:
    """A class has one set of objects, under however many names it is bound."""
    for index, binding in enumerate(config.bindings):
        reference = binding.class_ref
        if BLANK in reference:
            continue
        for key, said, settled in (
            ("durability", binding.durability, config.durability_of(reference)),
            (
                "sockets_on_reset",
                binding.sockets_on_reset,
                config.sockets_on_reset_of(reference),
            ),
        ):
            if said not in (None, settled):
                yield Problem(
                    path=("durable_objects", "bindings", index, key),
                    message=f'another binding of {binding.class_name} says "{settled}"',
                )


def _one_module_a_class(config: Config) -> Iterator[Problem]:
    """Storage is named by the class alone: two classes of one name would share their data (S14)."""
    modules: dict[str, str] = {}
    for index, binding in enumerate(config.bindings):
        if BLANK in binding.class_ref:
            continue
        module = modules.setdefault(binding.class_name, binding.module)
        if module != binding.module:
            yield Problem(
                path=("durable_objects", "bindings", index, "class_name"),
                message=f"another class {binding.class_name} is bound, from module {module}",
                hint="give one of the two classes another name",
            )


def _routes(config: Config) -> Iterator[Problem]:
    seen: dict[tuple[str, ...], int] = {}
    for index, route in enumerate(config.routes):
        path: KeyPath = ("routes", index)
        yield from _target(config, route, path)
        pattern = yield from _pattern(route, path)
        yield from _identity(route, pattern, path)
        if pattern is None:
            continue
        if pattern.shape in seen:
            yield Problem(
                path=(*path, "pattern"),
                message=f"takes the same paths as routes[{seen[pattern.shape]}]",
            )
        seen.setdefault(pattern.shape, index)


def _target(config: Config, route: Route, path: KeyPath) -> Iterator[Problem]:
    known = [binding.name for binding in config.bindings]
    # A binding whose own name was refused may well be the one that is meant.
    if route.binding == BLANK or route.binding in known or BLANK in known:
        return
    yield Problem(
        path=(*path, "binding"),
        message=f'no binding is named "{route.binding}"',
        hint=suggest(route.binding, known, otherwise="there is"),
    )


def _pattern(route: Route, path: KeyPath) -> Generator[Problem, None, Pattern | None]:
    if route.pattern == BLANK:
        return None
    try:
        return parse_pattern(route.pattern)
    except PatternError as error:
        yield Problem(path=(*path, "pattern"), message=str(error))
        return None


def _identity(route: Route, pattern: Pattern | None, path: KeyPath) -> Iterator[Problem]:
    forms = (("id", route.id), ("id_hex", route.id_hex))
    given = [(key, text) for key, text in forms if text is not None]
    if len(given) != 1:
        got = "both" if given else "neither"
        yield Problem(path=path, message=f"expected either id or id_hex, got {got}")
    for key, text in given:
        if text != BLANK:
            yield from _one_identity((*path, key), text, pattern)


def _one_identity(path: KeyPath, text: str, pattern: Pattern | None) -> Iterator[Problem]:
    try:
        identity = parse_identity(text)
    except PatternError as error:
        yield Problem(path=path, message=str(error))
        return
    if path[-1] == "id_hex" and _is_wrong_constant(identity):
        yield Problem(path=path, message=f"expected {2 * ID_BYTES} hex digits")
    if pattern is None:
        return
    for name in identity.captures:
        if name not in pattern.captures:
            yield Problem(
                path=path,
                message=f"the pattern captures no {{{name}}}",
                hint=suggest(name, pattern.captures, otherwise="it captures"),
            )


def _is_wrong_constant(identity: Identity) -> bool:
    if not isinstance(identity, Template) or identity.captures:
        return False
    return re.fullmatch(rf"[0-9a-fA-F]{{{2 * ID_BYTES}}}", identity.texts[0]) is None


def _trusted_proxies(config: Config) -> Iterator[Problem]:
    yield from _proxies("dev", config.dev)
    yield from _proxies("serve", config.serve)


def _proxies(table: str, server: Server) -> Iterator[Problem]:
    for index, text in enumerate(server.trusted_proxies):
        path: KeyPath = (table, "trusted_proxies", index)
        if text == BLANK:
            continue
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            message = f'expected an address or a network such as "10.0.0.0/8", got "{text}"'
            yield Problem(path=path, message=message)
            continue
        if ipaddress.ip_interface(text).ip != network.network_address:
            yield Problem(
                path=path,
                message=f'"{text}" is an address inside of a network',
                hint=f"did you mean {network}?",
            )


def _hang_after_heartbeat(config: Config) -> Iterator[Problem]:
    limits = config.limits
    if limits.hang_timeout <= limits.heartbeat:
        yield Problem(
            path=("limits", "hang_timeout"),
            message=f"expected more than heartbeat ({limits.heartbeat:g} s), "
            f"got {limits.hang_timeout:g}",
        )


_RULES = (
    _something_to_run,
    _modules,
    _names_in_env,
    _vars_in_64_bits,
    _one_word_a_class,
    _one_module_a_class,
    _routes,
    _trusted_proxies,
    _hang_after_heartbeat,
    lifecycle_problems,
    trigger_problems,
)
