"""A Config on its way to another process. Pure.

`vars` travel as TOML, everything else as msgpack: msgspec would turn the dates of TOML, which
users find in `env`, into texts.
"""

from __future__ import annotations

import tomllib

import msgspec
import tomli_w

from sourdough.config.model import Config  # noqa: TC001  msgspec reads it at run time


class _Packed(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    variables: str
    rest: Config


_decoder = msgspec.msgpack.Decoder(_Packed)


def pack(config: Config) -> bytes:
    """Return a Config as bytes. Raises TypeError when a value of `vars` is not one of TOML."""
    rest = msgspec.structs.replace(config, vars={})
    return msgspec.msgpack.encode(_Packed(variables=tomli_w.dumps(config.vars), rest=rest))


def unpack(data: bytes) -> Config:
    """Return the Config that `pack` was given. Raises msgspec.DecodeError for other bytes."""
    packed = _decoder.decode(data)
    return msgspec.structs.replace(packed.rest, vars=tomllib.loads(packed.variables))
