"""Remove the logs of launches that were long ago."""

from __future__ import annotations

import logging
import shutil
import time
from contextlib import suppress
from pathlib import Path

__all__ = ["KEPT_DAYS", "remove_old_logs"]

KEPT_DAYS = 30
"""Days for which the logs of a launch stay after the last one was begun."""

_log = logging.getLogger(__name__)


def remove_old_logs(logs: Path) -> None:
    """Remove the folders of launches in which no log was begun for ``KEPT_DAYS``."""
    begun_before = time.time() - KEPT_DAYS * 86_400
    with suppress(FileNotFoundError):
        for folder in logs.iterdir():
            # Only folders that are named as launches are: somebody may keep other files here.
            if folder.name.isdecimal() and folder.stat().st_mtime < begun_before:
                shutil.rmtree(folder, ignore_errors=True)
                _log.info("removed the logs of launch %s, older than %d days", folder, KEPT_DAYS)
