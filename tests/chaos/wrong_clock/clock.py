"""A clock that is wrong, for one process: the time of day, as Python tells it, is shifted.

`time.time` for everybody, `datetime` for this package alone: compiled libraries do not survive
another class in the place of `datetime.datetime`.
"""

from __future__ import annotations

import builtins
import datetime
import sys
import time
from types import ModuleType
from typing import Any

__all__ = ["set_wrong"]

PACKAGE = "mood_sweeps"


def set_wrong(by_s: float) -> None:
    """Shift the time of day by some seconds; what measures durations goes on."""
    wrong = _wrong_datetime(datetime.timedelta(seconds=by_s))
    right_time, right_time_ns, right_import = time.time, time.time_ns, builtins.__import__

    def import_wrong(name: str, within: Any = None, *rest: Any, **options: Any) -> Any:
        if name == "datetime" and (within or {}).get("__name__", "").startswith(PACKAGE):
            return wrong
        return right_import(name, within, *rest, **options)

    time.time = lambda: right_time() + by_s
    time.time_ns = lambda: right_time_ns() + int(by_s * 1e9)
    builtins.__import__ = import_wrong
    for name, module in list(sys.modules.items()):
        if name.startswith(PACKAGE) and vars(module).get("datetime") is datetime:
            module.datetime = wrong  # type: ignore[attr-defined]


def _wrong_datetime(off: datetime.timedelta) -> ModuleType:
    """Return a module like `datetime`, in which it is another time."""

    class Wrong(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            return datetime.datetime.now(tz) + off

    module = ModuleType("datetime")
    vars(module).update(vars(datetime) | {"datetime": Wrong})
    return module
