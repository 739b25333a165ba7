from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mood_sweeps.engine.ray_executor import RayExecutor
from mood_sweeps.store import Store


def test_stopped_while_ray_is_imported_there_is_nothing_to_close(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "ray"]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "ray").mkdir()
    # A second Ctrl-C comes; whoever imports the rest of Ray again meets its broken half.
    (tmp_path / "ray" / "__init__.py").write_text(
        "from pathlib import Path\n"
        "cut_short = Path(__file__).with_name('cut_short')\n"
        "if cut_short.exists():\n"
        "    raise AttributeError('partially initialized module')\n"
        "cut_short.touch()\n"
        "raise KeyboardInterrupt\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    executor = RayExecutor(Store(tmp_path / "store"))
    with pytest.raises(KeyboardInterrupt):
        executor.start()
    executor.close()
