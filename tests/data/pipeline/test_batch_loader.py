from __future__ import annotations

import pytest
import torch

from mood_sweeps.data import image_set
from mood_sweeps.data.pipeline import batch_loader as batches
from mood_sweeps.data.pipeline.batch_loader import BatchLoader
from mood_sweeps.data.pipeline.input_transforms import to_input

IMAGES = image_set("digits:0-5").open("val")
FORM = {"size": 12, "channels": 3, "mean": [0.5, 0.4, 0.3], "std": [0.5, 0.6, 0.7]}


@pytest.fixture(params=["in memory", "0 decoders", "1 decoder", "2 decoders"])
def images(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> BatchLoader:
    if request.param == "in memory":
        return BatchLoader(IMAGES, FORM)
    monkeypatch.setattr(batches, "_CACHE_BYTES", 0)
    return BatchLoader(IMAGES, FORM, decoders=int(request.param[0]))


def test_batches_are_the_images_asked_for_in_the_form_asked_for(images: BatchLoader) -> None:
    whole = to_input(IMAGES.images, FORM)
    chosen = torch.tensor([5, 0, 7, 5])
    assert len(images) == len(IMAGES)
    assert torch.equal(images.take(chosen), whole[chosen])


def test_a_stream_brings_every_part_in_turn(images: BatchLoader) -> None:
    parts = images.in_order(16)
    streamed = list(images.stream(parts))
    assert [len(part) for part in streamed] == [len(part) for part in parts]
    assert torch.equal(torch.cat(streamed), to_input(IMAGES.images, FORM))


def test_a_stream_may_be_left_before_its_end(images: BatchLoader) -> None:
    stream = images.stream(images.in_order(4))
    assert torch.equal(next(iter(stream)), to_input(IMAGES.images[:4], FORM))
    stream.close()  # type: ignore[attr-defined]
