"""Which code computes: the commit of the package's sources, if they are a checkout of git."""

from __future__ import annotations

import functools
import json
import os
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import mood_sweeps

__all__ = ["DISTRIBUTION", "commit"]

DISTRIBUTION = "mood-sweeps"
GIT_TIMEOUT_S = 10.0
_STATUS = (
    "--no-optional-locks",
    # A checkout that another user owns, as in a container: its code runs already.
    *("-c", "safe.directory=*", "-c", "core.fsmonitor=false"),
    *("status", "--porcelain=v2", "--branch", "--untracked-files=normal"),
)


@functools.cache
def commit() -> str | None:
    """Return the commit of the package's sources, with ``-dirty`` behind it if they were changed.

    None where neither a checkout nor what installed the package says it. It is asked once in a
    process, of the machine that the process runs on. Neither a path nor an address is in it.
    """
    package = Path(mood_sweeps.__file__).resolve().parent
    # A checkout of ours has the package at its top. Any other that this lies in is its user's.
    if (package.parent / ".git").exists():
        return _of_checkout(package)
    return _installed_from()


def _of_checkout(package: Path) -> str | None:
    command = ["git", "-C", str(package.parent), *_STATUS, "--", package.name]
    try:
        told = subprocess.run(
            command,
            # Git's own variables, as in a hook, may speak of another repository.
            env={name: text for name, text in os.environ.items() if not name.startswith("GIT_")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the launch
            timeout=GIT_TIMEOUT_S,
            check=True,
        ).stdout.decode(errors="replace")
    except (OSError, subprocess.SubprocessError):
        return None
    lines = told.splitlines()
    head = next((line.split()[-1] for line in lines if line.startswith("# branch.oid ")), "")
    if not head.isalnum():  # "(initial)"
        return None
    is_changed = any(not line.startswith("#") for line in lines)
    return f"{head}-dirty" if is_changed else head


def _installed_from() -> str | None:
    """Return the commit that pip installed from, of which it keeps a note (PEP 610)."""
    try:
        note = json.loads(distribution(DISTRIBUTION).read_text("direct_url.json") or "{}")
        return str(note["vcs_info"]["commit_id"])
    except (PackageNotFoundError, ValueError, KeyError, TypeError):
        return None
