"""Real images and a really trained network, from the folder that ``$MOOD_DATA`` names."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score
from timm.data import create_transform, resolve_data_config
from timm.models import get_pretrained_cfg

import mood_sweeps as ms
from mood_sweeps.data import image_set
from mood_sweeps.data.definitions import read_definition
from mood_sweeps.data.pipeline import batch_loader
from mood_sweeps.data.pipeline.batch_loader import BatchLoader
from mood_sweeps.data.pipeline.geometry import Geometry
from mood_sweeps.networks import choose_backbone
from mood_sweeps.networks.published.catalogue import published
from mood_sweeps.networks.timm_networks import describe_loaded
from tests.support.real_data import real_data

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
SWEEP = """\
name: cifar_resnet20
plugins: [my_backbone.py]
data:
  cifar10: {folder: cifar10}
  photographs: {folder: imagenet_samples}
axes:
  pretext: [{file: {weights: WEIGHTS, head: cifar10}}]
  backbone: [cifar_resnet]
  finetune: [pt]
  scorer: [msp, energy]
pairs:
  - {id: cifar10, far: [photographs]}
"""


def geometries(number: int) -> dict[Geometry, str]:
    """Return that many geometries of the catalogue, each with a tag of timm's weights."""
    found: dict[Geometry, str] = {}
    for backbones in published().values():
        for one in (one for group in backbones.values() for one in group):
            form = describe_loaded(choose_backbone(one.backbone), one.tag)["input"]
            found.setdefault(Geometry.of(form), one.tag)
    small = sorted(found, key=lambda geometry: geometry.size)
    return {geometry: found[geometry] for geometry in small[:number]}


@pytest.mark.parametrize("decoders", [0, 1, 2])
def test_photographs_equal_timms_own_evaluation_to_the_bit(
    decoders: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = real_data("imagenet_samples")
    definition = read_definition({"folder": str(folder)}, folder)
    images = image_set("photographs", {"photographs": definition}).open("all")
    monkeypatch.setattr(batch_loader, "_CACHE_BYTES", 0)
    chosen = geometries(12)
    assert len(chosen) == 12
    # Every photograph meets two geometries, and each geometry a dozen photographs or more.
    for number, (geometry, tag) in enumerate(chosen.items()):
        config = get_pretrained_cfg(tag)
        form = {
            "size": geometry.size,
            "channels": 3,
            "interpolation": geometry.interpolation,
            "crop": geometry.crop,
            "squash": geometry.squash,
            "mean": list(config.mean),
            "std": list(config.std),
        }
        theirs = create_transform(
            **resolve_data_config(pretrained_cfg=config.to_dict()), is_training=False
        )
        places = torch.arange(number // 2, len(images), 6)
        loader = BatchLoader(images, form, decoders=decoders)
        ours = torch.cat(list(loader.stream(torch.split(places, 7))))
        for place, tensor in zip(places.tolist(), ours, strict=True):
            with Image.open(folder / images.ids[place]) as photograph:
                expected = theirs(photograph.convert("RGB"))
            assert torch.equal(tensor, expected), f"{images.ids[place]}, {tag}"


def test_a_trained_network_scores_real_images_as_its_reference_does(tmp_path: Path) -> None:
    real_data("cifar10")
    weights = real_data("resnet20-12fca82f.th")
    reference = np.load(real_data("resnet20_reference.npz"))
    for block in re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / "extension.md").read_text(), re.DOTALL
    ):
        if block.startswith("# my_backbone.py"):
            (tmp_path / "my_backbone.py").write_text(block)
    file = tmp_path / "cifar.yaml"
    file.write_text(SWEEP.replace("WEIGHTS", str(weights)))
    launched = ms.launch(file, home=tmp_path / "home", executor="inline", mlflow=False)
    frame = launched.frame().set_index("scorer")
    assert Counter(frame["id_accuracy"].round(9)) == {0.8102: 2}
    ours = np.r_[np.ones(5000), np.zeros(143)]
    logits = np.r_[reference["test_logits"], reference["imagenet_logits"]].astype(np.float64)
    shifted = logits - logits.max(axis=1, keepdims=True)
    total = np.exp(shifted).sum(axis=1)
    expected = {"msp": 1 / total, "energy": logits.max(axis=1) + np.log(total)}
    for scorer, scores in expected.items():
        auroc = roc_auc_score(ours, scores)
        assert frame.loc[scorer, "auroc"] == pytest.approx(auroc, abs=1e-6), scorer
