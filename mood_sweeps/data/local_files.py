"""Where images and what is known of them lie on this machine: data roots and the cache folder."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from mood_sweeps.data.kept_digests import KeptDigests
from mood_sweeps.errors import InputError, Problem

__all__ = ["cache_folder", "data_roots", "kept_digests"]

_NAME = "mood-sweeps"


def data_roots(given: Sequence[str | os.PathLike[str]] = ()) -> tuple[Path, ...]:
    """Return the folders in which relative paths of images are looked for, in their order.

    They are those ``given``, those of ``$MOOD_DATA`` (separated as in ``$PATH``), and those that
    the user's configuration file lists as ``data_roots``.
    Raises InputError for a root that is no folder, and a configuration file that is wrong.
    """
    named = [("the data root", Path(one).expanduser()) for one in given]
    for one in filter(None, os.environ.get("MOOD_DATA", "").split(os.pathsep)):
        named.append(("$MOOD_DATA", Path(one).expanduser()))
    file = platformdirs.user_config_path(_NAME) / "config.toml"
    named += [(str(file), root) for root in _configured(file)]
    problems = [
        Problem(f"{source}: there is no folder {str(root)!r}")
        for source, root in named
        if not root.is_dir()
    ]
    if problems:
        raise InputError(problems)
    return tuple(root.absolute() for _, root in named)


def cache_folder() -> Path:
    """Return the folder of what can be computed again at any time: ``$MOOD_CACHE``, or the user's.

    It is the user's and not a workspace's: all workspaces read the same images.
    """
    given = os.environ.get("MOOD_CACHE")
    return Path(given).expanduser() if given else platformdirs.user_cache_path(_NAME)


def kept_digests() -> KeptDigests:
    """Return the digests of image files that were computed on this machine before."""
    return KeptDigests(cache_folder() / "image_digests.db")


def _configured(file: Path) -> list[Path]:
    """Return the data roots of the configuration file; relative ones begin at its folder."""
    if not file.exists():
        return []
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(Problem(f"the file cannot be read: {error}", str(file))) from None
    roots = content.get("data_roots", [])
    if not isinstance(roots, list) or not all(isinstance(root, str) for root in roots):
        raise InputError(Problem("data_roots must be a list of folders", str(file)))
    return [file.parent / Path(root).expanduser() for root in roots]
