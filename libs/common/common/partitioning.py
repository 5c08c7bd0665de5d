"""Which partition a key goes to: murmur2, as the Java client and every other Kafka client computes it.

Both implementations of the broker port use it, so that a service may move from one broker to the other and its keys
stay together in the same partitions.
"""

from functools import lru_cache

_SEED = 0x9747B28C
_MIX = 0x5BD1E995
_WORD = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """MurmurHash2 of `data`, 32 bits, unsigned; the seed is Kafka's."""
    h = _SEED ^ len(data)
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * _MIX & _WORD
        k = (k ^ k >> 24) * _MIX & _WORD
        h = h * _MIX & _WORD ^ k
    if whole < len(data):
        h = (h ^ int.from_bytes(data[whole:], "little")) * _MIX & _WORD
    h = (h ^ h >> 13) * _MIX & _WORD
    return h ^ h >> 15


@lru_cache(maxsize=200_000)
def partition_of(key: bytes, partitions: int) -> int:
    """The number of the partition, of `partitions`, that `key` goes to. Cached: keys are schools and children."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
