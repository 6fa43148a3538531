"""How numbers are written: at most three significant digits, the unit attached by a space."""

from __future__ import annotations

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_KILO = 1000
_KIB = 1024


def latency(ms: float | None) -> str:
    """Write milliseconds for a column: "0.4 ms", "12.0 ms", "412 ms", "12.3 s"; "-" for none."""
    if ms is None:
        return "-"
    if ms < 99.95:
        return f"{ms:.1f} ms" if ms >= 0.095 or ms == 0 else f"{ms:.2f} ms"
    if ms < 9_999.5:
        return f"{ms:.0f} ms"
    return f"{three_digits(ms / 1000)} s"


def three_digits(value: float) -> str:
    """Write a number with three significant digits and no exponent: "0.123", "12.3", "4120"."""
    magnitude = abs(value)
    if magnitude >= 99.95:
        return f"{value:.0f}"
    if magnitude >= 9.995:
        return f"{value:.1f}"
    if magnitude >= 0.9995 or magnitude == 0:
        return f"{value:.2f}"
    return f"{value:.3f}"


def duration(seconds: float) -> str:
    """Write a span of time: "0.3 s", "3 s", "4 min", "2 h 11 min", "3 days"."""
    if seconds < 0.95:
        return f"{max(seconds, 0.0):.1f} s"
    whole = int(seconds + 0.5)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < 2 * _DAY:
        hours, minutes = whole // _HOUR, whole % _HOUR // _MINUTE
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{whole // _DAY} days"


def size(octets: float) -> str:
    """Write a number of bytes: "212 B", "16 KB", "1.4 MB"; 1 KB is 1,024 bytes."""
    value, unit = float(octets), "B"
    for larger in ("KB", "MB", "GB", "TB"):
        if value < _KIB - 0.5:
            break
        value, unit = value / _KIB, larger
    small = unit != "B" and value < 9.95 and value != int(value)
    return f"{value:.1f} {unit}" if small else f"{value:.0f} {unit}"


def rate(per_second: float) -> str:
    """Write a rate without its unit: "0", "0.5", "412", "12.4k", "1.20M"."""
    if per_second < 9.95:
        text = f"{per_second:.1f}"
        return text.removesuffix(".0")
    if per_second < 999.5:
        return f"{per_second:.0f}"
    if per_second < 999_500:
        return f"{three_digits(per_second / _KILO)}k"
    return f"{three_digits(per_second / _KILO / _KILO)}M"


def count(number: int) -> str:
    """Write a whole number with its thousands marked: "1,204"."""
    return f"{number:,}"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Write a number with its noun: "1 request", "1,204 requests"."""
    word = noun if number == 1 else plural or f"{noun}s"
    return f"{count(number)} {word}"


def percent(share: float) -> str:
    """Write a share of one as a whole percentage: "9 %"."""
    return f"{share * 100:.0f} %"


def ago(seconds: float) -> str:
    """Write how long ago something was: "2 s ago", "3 days ago", "just now"."""
    return "just now" if seconds < 1 else f"{duration(seconds)} ago"


def short_id(digits: str) -> str:
    """Write the first 12 digits of an id: "7f3a91c2e0d4.."; every command takes that, too."""
    return f"{digits[:12]}.."
