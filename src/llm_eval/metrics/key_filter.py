"""A set of keys that may say yes too often, never no: a Bloom filter (Bloom 1970).

One byte a slot instead of one bit: to set it is one step, whatever other threads do.
"""

_SLOTS = 1 << 22
"""4 MiB. With 100,000 keys one in 3,000 passes that was not added, with a million one in eight."""
_MASK = _SLOTS - 1


class KeyFilter:
    """Remembers keys in constant memory."""

    def __init__(self) -> None:
        self._slots = bytearray(_SLOTS)

    def add(self, key: str) -> None:
        """Remember a key."""
        slots, number = self._slots, hash(key)
        slots[number & _MASK] = slots[number >> 21 & _MASK] = slots[number >> 42 & _MASK] = 1

    def may_hold(self, key: str) -> bool:
        """False: it was never added. True: it was, or others fill its slots."""
        slots, number = self._slots, hash(key)
        return bool(
            slots[number & _MASK] and slots[number >> 21 & _MASK] and slots[number >> 42 & _MASK]
        )
