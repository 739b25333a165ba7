"""What a stage cannot do without, each by itself: the limits the engine is measured against."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import ray

__all__ = ["print_limits"]


def print_limits(folder: Path, workers: int) -> None:
    """Print what a stage cannot do without, each by itself."""

    class Nothing:
        def do(self, given: bytes) -> bytes:
            return given

    actors = [ray.remote(Nothing).options(num_cpus=0).remote() for _ in range(workers)]
    ray.get([actor.do.remote(b"") for actor in actors])
    given, calls = b"x" * 2000, 2000
    running = {actor.do.remote(given): actor for actor in actors}
    began = time.perf_counter()
    for _ in range(calls):
        (ready,), _ = ray.wait(list(running), num_returns=1)
        actor = running.pop(ready)
        ray.get(ready)
        running[actor.do.remote(given)] = actor
    shown = {f"actor call, {workers} actors": (time.perf_counter() - began) / calls}
    for actor in actors:
        ray.kill(actor)

    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("CREATE TABLE bare (key TEXT PRIMARY KEY, value TEXT)")
    began = time.perf_counter()
    for number in range(calls):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO bare VALUES (?, ?)", (str(number), "x" * 500))
        connection.execute("COMMIT")
    shown["SQLite transaction of one row"] = (time.perf_counter() - began) / calls

    began = time.perf_counter()
    for number in range(500):
        with (folder / f"{number}.aside").open("wb") as file:
            file.write(b"x" * 2000)
            file.flush()
            os.fsync(file.fileno())
        os.rename(folder / f"{number}.aside", folder / f"{number}.file")
    shown["file written, fsynced, renamed"] = (time.perf_counter() - began) / 500
    print("bare: " + "; ".join(f"{name} {each * 1000:.2f} ms" for name, each in shown.items()))
