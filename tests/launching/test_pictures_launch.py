"""Pictures in a whole launch: made once, shown in the report, never a reason to train."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from mood_sweeps.launching.sweep_report import write_sweep_report
from mood_sweeps.store.codecs import load_picture
from tests.support.small_launches import try_launch

MASKED = """\
name: masked
axes:
  pretext: [{mim: {epochs: 1, batch_size: 256}}, random]
  backbone: [{vit_nano: {depth: 1, width: 24}}]
  finetune: [pt, pt+probe]
  scorer: [reconstruction, knn]
  seed: [0, 1]
pairs:
  - {id: digits:0-5, near: [digits:6-9], far: [gaussian]}
"""
BACKGROUND = """\
name: background
axes:
  pretext: [random]
  backbone: [{vit_nano: {depth: 1, width: 24}}]
  finetune: [{pt+ft:ssod: {ft:ssod: {epochs: 1, batch_size: 256, gamma: 0.6}}}]
  scorer: [ssod]
  seed: [0]
pairs:
  - {id: digits:0-5, near: [digits:6-9]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def pictures(folder: Path) -> list[Path]:
    return sorted((folder / "store" / "objects" / "picture").rglob("manifest.json"))


def test_reconstructions_are_scored_and_shown(folder: Path) -> None:
    tried = try_launch(MASKED, folder)
    assert tried.launched.exit_code == 0
    frame = tried.launched.results().frame()
    scored = frame[frame["scorer"] == "reconstruction"]
    # Fine-tuning drops the decoder, and random weights have none.
    assert set(zip(scored["pretext"], scored["finetune"], strict=True)) == {
        ("mim(batch_size=256, epochs=1)", "pt")
    }
    assert np.isfinite(scored["auroc"]).all()
    (ref,) = tried.store.refs("picture")  # of the first seed
    subject, lines = load_picture(tried.store.folder(ref))
    assert subject == "reconstructions"
    assert [name for name, _ in lines] == ["digits:0-5/test", "digits:6-9/all", "gaussian/all"]
    for _, arrays in lines:
        assert arrays["image"].shape == arrays["made"].shape == (8, 1, 8, 8)
        far = np.sqrt(np.square(arrays["image"] - arrays["made"]).sum(axis=(1, 2, 3)))
        np.testing.assert_allclose(arrays["distance"], far, rtol=1e-5)
    paths = write_sweep_report(
        tried.launched.results(), tried.store, "masked", folder / "out", folder
    )
    (drawn,) = [path for path in paths if path.name.startswith("reconstructions_")]
    assert f"({drawn.name})" in (folder / "out" / "report.md").read_text()


def test_a_lost_picture_is_made_again_but_nothing_is_trained_for_it(folder: Path) -> None:
    try_launch(MASKED, folder)
    assert try_launch(MASKED, folder).launched.stages_run == 0
    before = [path.parent.name for path in pictures(folder)]
    shutil.rmtree(folder / "store" / "objects" / "picture")
    assert try_launch(MASKED, folder).launched.stages_run == 1
    assert [path.parent.name for path in pictures(folder)] == before
    shutil.rmtree(folder / "store" / "objects")
    assert try_launch(MASKED, folder).launched.stages_run == 0
    assert pictures(folder) == []


def test_the_report_names_a_damaged_picture_and_the_next_launch_makes_it_again(
    folder: Path,
) -> None:
    tried = try_launch(MASKED, folder)
    (manifest,) = pictures(folder)

    def unread_pictures() -> str:
        # With a new store: a store checks the digest of an object only once.
        write_sweep_report(tried.launched.results(), tried.store, None, folder / "out", folder)
        return (folder / "out" / "report.md").read_text().partition("that cannot be read")[2]

    assert unread_pictures() == ""
    file = manifest.with_name("picture.safetensors")
    sound = file.read_bytes()
    file.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    name = "mim(batch_size=256, epochs=1) vit_nano(depth=1, width=24) pt"
    assert (
        f"- {name}: picture/{manifest.parent.name[:12]}: the bytes of picture" in unread_pictures()
    )
    assert try_launch(MASKED, folder).launched.stages_run == 1
    assert unread_pictures() == ""
    assert file.read_bytes() == sound
    manifest.write_bytes(manifest.read_bytes()[:-9])
    assert "- one of an unknown representation: picture/" in unread_pictures()


def test_the_report_shows_what_ssod_treats_as_background(folder: Path) -> None:
    tried = try_launch(BACKGROUND, folder)
    assert tried.launched.exit_code == 0
    (ref,) = tried.store.refs("picture")
    subject, ((name, arrays),) = load_picture(tried.store.folder(ref))
    assert (subject, name) == ("background", "digits:0-5/train")
    own, side = arrays["own"], arrays["side"]
    assert own.shape == side.shape == (8, 4, 4)
    np.testing.assert_array_equal(side, np.where(own >= 0.6, 1, np.where(own <= 0.4, -1, 0)))
    paths = write_sweep_report(tried.launched.results(), tried.store, None, None, folder)
    assert [path for path in paths if path.name.startswith("background_")]


def test_a_sweep_without_reconstruction_scores_makes_no_picture(folder: Path) -> None:
    try_launch(MASKED.replace("[reconstruction, knn]", "[knn]"), folder)
    assert pictures(folder) == []
