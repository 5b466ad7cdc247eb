"""Zstandard for items that are written and read by several threads at once."""

import threading

import zstandard


class Zstd(threading.local):
    """A compressor and a decompressor of each thread.

    Neither may be used by two threads at a time: what they then write cannot be read again, or the
    process ends.
    """

    def __init__(self, level: int) -> None:
        """
        Args:
            level: of compression.
        """
        self.compress = zstandard.ZstdCompressor(level=level, write_content_size=True).compress
        self.decompress = zstandard.ZstdDecompressor().decompress
