from __future__ import annotations

from pathlib import Path

from mood_sweeps.tracking.tracking_uri import without_stray_folder


def test_the_folder_that_mlflow_makes_by_mistake_goes_and_no_other(tmp_path: Path) -> None:
    kept = tmp_path / "a%25"
    kept.mkdir()
    mistaken = tmp_path / "b%25" / "c%25"
    with (
        without_stray_folder(f"sqlite:///{kept}/m.db"),
        without_stray_folder(f"sqlite:///{mistaken}/m.db"),
    ):
        mistaken.mkdir(parents=True)
        (tmp_path / "b%25" / "needed").touch()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a%25", "b%25", "needed"]
