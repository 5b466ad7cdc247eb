"""Compression by several threads at once."""

from concurrent.futures import ThreadPoolExecutor

from pitboss.stores.packing import Zstd


def test_no_thread_uses_what_another_compresses_with() -> None:
    zstd = Zstd(level=3)
    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(lambda: (zstd.compress, zstd.decompress)).result()

    ours = zstd.compress, zstd.decompress
    assert all(one is not other for one, other in zip(ours, theirs, strict=True))
    assert ours == (zstd.compress, zstd.decompress)
    assert zstd.decompress(zstd.compress(b"rows" * 100)) == b"rows" * 100
