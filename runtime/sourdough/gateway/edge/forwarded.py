"""What a proxy in front says about the client: believed only of peers that are trusted."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

Networks = tuple[IPv4Network | IPv6Network, ...]

NAMES = frozenset((b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"forwarded"))


def parse_networks(trusted: tuple[str, ...]) -> Networks:
    """Return addresses and networks ("10.0.0.0/8", "::1"). Raises ValueError for anything else."""
    return tuple(ip_network(text) for text in trusted)


def is_trusted(peer: str, networks: Networks) -> bool:
    """Say whether a peer may speak for others. A peer without an IP address never may."""
    if not networks:
        return False
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in networks)


def relay(headers: list[tuple[bytes, bytes]], peer: str) -> tuple[list[tuple[bytes, bytes]], str]:
    """Return a trusted peer's forwarding headers with the peer itself added, and the scheme.

    Repeated headers become one, so that nobody reads only the first.
    """
    values: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(value.strip())
    values.setdefault(b"x-forwarded-for", []).append(peer.encode())
    if b"forwarded" in values:
        values[b"forwarded"].append(_node(peer))
    joined = [(name, b", ".join(parts)) for name, parts in values.items()]
    proto = b", ".join(values.get(b"x-forwarded-proto", ()))
    first = proto.partition(b",")[0].strip().lower()
    return joined, "https" if first == b"https" else "http"


def _node(peer: str) -> bytes:
    return f'for="[{peer}]"'.encode() if ":" in peer else f"for={peer}".encode()
