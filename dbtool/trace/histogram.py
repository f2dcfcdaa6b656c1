"""Latencies in buckets: four to each doubling, so a quantile is off by an eighth at most.

A bucket's number is `(bits << 2) | next two bits` of the nanoseconds, where `bits` is how many
binary digits they have. That costs three integer operations, and histograms merge by adding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["BUCKETS", "bucket_bounds", "bucket_of", "merged", "quantile_s"]

BUCKETS: Final = 65 << 2
"""Numbers of buckets are below this: durations have 64 bits at most, which are centuries."""
_SMALLEST_BITS: Final = 3
"""Fewer nanoseconds than 8 have no two digits after the first; they share a bucket."""


def bucket_of(duration_ns: int) -> int:
    """Return the bucket of a duration; negative ones, as of a clock that jumped, count as none."""
    bits = duration_ns.bit_length()
    if bits <= _SMALLEST_BITS or duration_ns < 0:
        return _SMALLEST_BITS << 2
    return bits << 2 | duration_ns >> bits - 3 & 3


def bucket_bounds(bucket: int) -> tuple[int, int]:
    """Return the least nanoseconds of a bucket and the first that are too many for it."""
    bits, fraction = bucket >> 2, bucket & 3
    if bits <= _SMALLEST_BITS:
        return 0, 1 << _SMALLEST_BITS
    quarter = 1 << (bits - 3)
    return (4 + fraction) * quarter, (5 + fraction) * quarter


def quantile_s(histogram: Mapping[int, int], share: float) -> float | None:
    """Return the seconds within which `share` (0 to 1) of the calls ended; None without calls."""
    calls = sum(histogram.values())
    if not calls:
        return None
    wanted = share * calls
    seen, bucket = 0, 0
    for bucket in sorted(histogram):
        seen += histogram[bucket]
        if seen >= wanted:
            break
    least, end = bucket_bounds(bucket)
    return (least + end) / 2e9


def merged(one: Mapping[int, int], two: Mapping[int, int]) -> dict[int, int]:
    """Return both histograms as one."""
    sums = dict(one)
    for bucket, calls in two.items():
        sums[bucket] = sums.get(bucket, 0) + calls
    return sums
