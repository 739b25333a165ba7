"""Declarations of weights that others trained: published ones and files.

transform: from images to inputs of the network. ``own``: normalisation, size, interpolation
and crop as in the evaluation of the weights' authors; ``moodv2``: as in MOODv2 for every model,
mean and standard deviation 0.5 and a bilinear squash to the input's size. A file does not record
its normalisation, so ``imagenet`` and ``half`` set that alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mood_sweeps.methods.pretexts.task import Pretext
from mood_sweeps.networks.published.catalogue import Weights, find_weights

__all__ = ["Published", "PublishedTask", "WeightsFile"]

Text = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True)
class _Loaded(Pretext):
    """Weights that are not trained here: no corpus, no seed."""

    version: ClassVar[int] = 1
    is_loaded: ClassVar[bool] = True


@dataclass(frozen=True)
class Published(_Loaded):
    """Weights of the catalogue (``published/weights.txt``), fetched from the Hugging Face hub.

    source: the authors or the training set, if there are several; by default the first.
    revision: of the repository on the hub; a commit pins the bytes.
    """

    source: Text | None = None
    revision: Text = "main"
    transform: Literal["own", "moodv2"] = "own"

    def weights_for(
        self, pretext: str, backbone: str, stages: Sequence[str], id_set: str
    ) -> Weights | str:
        """Return fitting weights, or a sentence that says why there are none (`find_weights`)."""
        return find_weights(pretext, backbone, stages, id_set, self.source)


@dataclass(frozen=True)
class PublishedTask(Published):
    """Published weights of a pretext task that can also be trained here."""

    weights: Literal["published"] = field(kw_only=True)


@dataclass(frozen=True)
class WeightsFile(_Loaded):
    """Weights in a file: safetensors, or a torch file, read without running code in it.

    weights: its path, relative to the experiment file. layout: the tool that named the weights;
    ``auto`` detects it. head: the image set with the classes of the file's classifier, in order;
    without it the checkpoint is headless. averaged: from a training checkpoint that has a moving
    average of the weights, read that, as timm does; false: read the raw weights.
    """

    weights: Text = field(kw_only=True)
    layout: Literal["auto", "timm", "mocov3", "beit", "mmpretrain"] = "auto"
    transform: Literal["own", "imagenet", "half", "moodv2"] = "own"
    head: Text | None = None
    averaged: bool = True
