"""Images of one's own: digests against sha256sum, decoding against Pillow, memory of a long list.

    python benchmarks/data.py --images FOLDER [--listed 1000000] [--only digests,decoding,memory]

FOLDER holds JPEG files, such as photographs. Rates are medians of alternating runs in one process
and on one thread where they are per core, CPU seconds where several share the machine.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mood_sweeps.data.catalogue import ImageSets
from mood_sweeps.data.decode import Unreadable, read_image
from mood_sweeps.data.definitions import read_definition
from mood_sweeps.data.image_files import find_files
from mood_sweeps.data.kept_digests import KeptDigests
from mood_sweeps.data.texts import TextsBuilder

ROUNDS = 5
HASHED_BYTES = 2**30


def median_seconds(
    works: Sequence[Callable[[], object]], clock: Callable[[], float], rounds: int = ROUNDS
) -> list[float]:
    """Return the median seconds of each work; they alternate, so that noise hits all alike."""
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, taken in zip(works, seconds, strict=True):
            began = clock()
            work()
            taken.append(clock() - began)
    return [statistics.median(taken) for taken in seconds]


def all_cpu_seconds() -> float:
    """Return the CPU seconds of this process and of those that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def digests(folder: Path) -> None:
    """Compare digests of large files, and of photographs with the look at their pixels."""
    photographs = sorted(path for path in folder.rglob("*") if path.is_file())
    with tempfile.TemporaryDirectory() as scratch:
        block = np.random.default_rng(0).bytes(2**26)
        files = [Path(scratch) / f"{number}.bin" for number in range(HASHED_BYTES // len(block))]
        for file in files:
            file.write_bytes(block)
        for what, paths in ((f"{len(files)} files of 64 MiB", files), ("photographs", photographs)):
            compare_digests(what, paths)


def compare_digests(what: str, paths: Sequence[Path]) -> None:
    """Print the MB in a second, and in a CPU second of all threads, of three ways to digest."""
    listed = find_files(Path("/"), TextsBuilder().add_all(map(str, paths)).build())
    places = np.arange(len(paths))
    works = (
        lambda: listed.contents(places, KeptDigests()),
        lambda: [hashlib.sha256(path.read_bytes()).digest() for path in paths],
        lambda: subprocess.run(["sha256sum", *paths], stdout=subprocess.DEVNULL, check=True),
    )
    size = sum(path.stat().st_size for path in paths) / 1e6
    for name, clock in (("MB/s", time.perf_counter), ("MB/CPU s", all_cpu_seconds)):
        rates = [size / taken for taken in median_seconds(works, clock)]
        shown = " | ".join(f"{rate:,.0f}" for rate in rates)
        print(f"| {what}, {size:,.0f} MB | {name} | {shown} | {rates[0] / rates[2]:.2f} |")


def decoding(folder: Path) -> None:
    """Compare reading images with Pillow alone, one thread."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())

    def ours() -> None:
        for path in paths:
            assert not isinstance(read_image(path), Unreadable)

    def pillow() -> None:
        for path in paths:
            with path.open("rb") as file:
                np.asarray(Image.open(file).convert("RGB"))

    rates = [len(paths) / taken for taken in median_seconds([ours, pillow], time.process_time)]
    shown = " | ".join(f"{rate:,.0f}" for rate in rates)
    print(f"| decode, images per CPU second | {shown} | {rates[0] / rates[1]:.2f} |")


def peak_mb() -> float:
    """Return the most memory that this process has had since its start, or since it was reset."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def memory(folder: Path, listed: int) -> None:
    """Print the memory of a list of links to the images of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())[:20]
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        with (root / "list.txt").open("w") as lines:
            for start in range(0, listed, 1_000):
                (root / f"{start // 1_000:04}").mkdir()
                for number in range(start, min(start + 1_000, listed)):
                    name = f"{start // 1_000:04}/n0144{number:07}.JPEG"
                    os.symlink(files[number % len(files)], root / name)
                    lines.write(f"{name} {number % 1000}\n")
        # A process of its own: what was measured before counts in a peak.
        code = [sys.executable, __file__, "--images", str(folder), "--root", scratch]
        subprocess.run(code, check=True)


def measure_list(root: Path) -> None:
    """Index a list under ``root`` twice, then read some of it; print seconds and memory."""
    definitions = {"listed": read_definition({"list": "list.txt"}, root)}
    kept = KeptDigests(root / "kept.sqlite")
    print(f"| imported | | {peak_mb():,.0f} |")
    for when in ("first", "second"):
        began = time.perf_counter()
        images = ImageSets(definitions, kept)("listed")
        print(f"| indexed, {when} time | {time.perf_counter() - began:.1f} | {peak_mb():,.0f} |")
    opened = images.open("all")
    random = np.random.default_rng(0)
    began = time.perf_counter()
    for _ in range(20):
        opened.read(random.integers(0, len(opened), 50))
    print(f"| 1,000 images read | {time.perf_counter() - began:.1f} | {peak_mb():,.0f} |")
    Path("/proc/self/clear_refs").write_text("5")
    print(f"| held at the end | | {peak_mb():,.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--listed", type=int, default=1_000_000)
    parser.add_argument("--only", default="digests,decoding,memory")
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.root:
        measure_list(arguments.root)
        return
    only = arguments.only.split(",")
    if "digests" in only:
        print("| digests | | ours | hashlib | sha256sum | ratio |\n|---|---|--:|--:|--:|--:|")
        digests(arguments.images)
    if "decoding" in only:
        print("\n| | ours | Pillow | ratio |\n|---|--:|--:|--:|")
        decoding(arguments.images)
    if "memory" in only:
        print(f"\n| a list of {arguments.listed:,} images | s | MB at the peak |\n|---|--:|--:|")
        sys.stdout.flush()
        memory(arguments.images, arguments.listed)


if __name__ == "__main__":
    main()
