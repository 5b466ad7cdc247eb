"""`refine_events` on raw files: `python -m benchmarks.peers.lake_refine FOLDER OUT`."""

import sys
from pathlib import Path

from refine_events import engine


def main() -> None:
    """Refine all of them as one partition."""
    folder, out = map(Path, sys.argv[1:3])
    out.mkdir(parents=True)
    raw = [engine.RawFile(path.name, path) for path in sorted(folder.glob("*.zst"))]
    engine.refine(raw, [], out, file_bytes=512_000_000)


if __name__ == "__main__":
    main()
