"""The folder of a report: what is written into it, under which name, and how to link to it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from mood_sweeps.aggregation.figures import Figure, save_png
from mood_sweeps.aggregation.render_table import to_csv

__all__ = ["ReportFolder"]


class ReportFolder:
    """Writes tables, figures and text into one folder; each file is whole or not there.

    written: the paths, in the order in which they were written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written: list[Path] = []
        folder.mkdir(parents=True, exist_ok=True)

    def table(self, name: str, table: pd.DataFrame) -> str:
        """Write a CSV and return a Markdown link to it."""
        path = self._write(name, ".csv", lambda aside: to_csv(table, aside))
        return f"[{path.name}]({path.name})"

    def figure(self, name: str, figure: Figure, caption: str) -> str:
        """Write a PNG and return the Markdown that shows it."""
        path = self._write(name, ".png", lambda aside: save_png(figure, aside))
        return f"![{caption}]({path.name})"

    def text(self, name: str, text: str) -> None:
        """Write a text file, UTF-8 with Unix line ends."""
        stem, dot, suffix = name.rpartition(".")
        self._write(
            stem, dot + suffix, lambda aside: aside.write_text(text, encoding="utf-8", newline="\n")
        )

    def _write(self, name: str, suffix: str, write: Callable[[Path], object]) -> Path:
        slug = re.sub(r"[^A-Za-z0-9.+-]+", "_", name).strip("_.")
        path = self.folder / f"{slug}{suffix}"
        # Two labels may differ only in signs that file names cannot carry.
        count = 2
        while path in self.written:
            path = self.folder / f"{slug}-{count}{suffix}"
            count += 1
        aside = path.with_name(f".{path.name}.part")
        write(aside)
        os.replace(aside, path)
        self.written.append(path)
        return path
