"""When an object that ends its hosts is kept out of them, and for how long. Pure (design section 6).

`crashes` ends of hosts within `window` seconds, all of them blamed on one object, quarantine it for
`base` seconds. When that is over it is tried again, on probation: one more crash within `probation`
seconds quarantines it for `factor` times as long as the last time, up to `maximum`. An object that
keeps the peace is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinePolicy:
    """All times are seconds."""

    crashes: int = 3
    window: float = 60.0
    base: float = 60.0
    factor: float = 2.0
    maximum: float = 3600.0
    probation: float = 600.0


@dataclass(slots=True)
class _Suspect:
    """An object that hosts ended with."""

    crashes: list[float] = field(default_factory=list)
    until: float | None = None
    """The end of the quarantine; None outside of one."""
    lifted: float | None = None
    """When the last one ended by itself."""
    times: int = 0


class QuarantineBook:
    """Who is suspected and who is quarantined. Keys are (storage name, id); times monotonic."""

    def __init__(self, policy: QuarantinePolicy | None = None) -> None:
        self._policy = policy or QuarantinePolicy()
        self._suspects: dict[tuple[str, bytes], _Suspect] = {}

    def crashed(self, key: tuple[str, bytes], now: float) -> float | None:
        """A host ended while it ran this object; return for how long it is quarantined, if it is."""
        policy = self._policy
        suspect = self._suspects.setdefault(key, _Suspect())
        if suspect.until is not None:
            return None  # events that were let in before it was
        recent = [at for at in suspect.crashes if now - at < policy.window]
        suspect.crashes = [*recent, now]
        if suspect.lifted is not None and now - suspect.lifted < policy.probation:
            suspect.times += 1
        elif len(suspect.crashes) >= policy.crashes:
            suspect.times = 1
        else:
            return None
        # The exponent is bounded because a float power overflows in a thousand quarantines.
        seconds = min(policy.base * policy.factor ** min(suspect.times - 1, 60), policy.maximum)
        suspect.until, suspect.crashes = now + seconds, []
        return seconds

    def over(self, now: float) -> list[tuple[str, bytes]]:
        """End the quarantines whose time is over; return whose they were."""
        ended = [
            key for key, each in self._suspects.items()
            if each.until is not None and each.until <= now
        ]  # fmt: skip
        for key in ended:
            self._suspects[key].until, self._suspects[key].lifted = None, now
        self._forget(now)
        return ended

    def lift(self, key: tuple[str, bytes]) -> bool:
        """End a quarantine because somebody says so; return whether there was one."""
        suspect = self._suspects.pop(key, None)
        return suspect is not None and suspect.until is not None

    def lift_all(self) -> list[tuple[str, bytes]]:
        """End all of them, and all suspicion: there is new code. Return who was quarantined."""
        quarantined = [key for key, each in self._suspects.items() if each.until is not None]
        self._suspects.clear()
        return quarantined

    def _forget(self, now: float) -> None:
        policy = self._policy
        for key, each in list(self._suspects.items()):
            suspected = each.crashes and now - each.crashes[-1] < policy.window
            on_probation = each.lifted is not None and now - each.lifted < policy.probation
            if each.until is None and not suspected and not on_probation:
                del self._suspects[key]

    def __len__(self) -> int:
        return len(self._suspects)
