"""Weights that others trained, declared: published ones and files.

transform: how images become what the network is fed. ``own``: normalisation, size, interpolation
and crop as the authors of the weights evaluate them; ``moodv2``: as MOODv2 does for every model,
mean and standard deviation 0.5 and a bilinear squash to the input's size. For a file, which says
nothing about it, ``imagenet`` and ``half`` change the normalisation alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mood_sweeps.methods.pretexts.task import Pretext
from mood_sweeps.networks.published.catalogue import Weights, longest

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

    source: the authors or the training set, where there are several; by default the first.
    revision: of the repository on the hub, such as a commit, which pins the bytes.
    """

    source: Text | None = None
    revision: Text = "main"
    transform: Literal["own", "moodv2"] = "own"

    def weights_for(
        self, pretext: str, backbone: str, stages: Sequence[str], id_set: str
    ) -> Weights | str:
        """Return what the catalogue has, or a sentence that says why nothing (see `longest`)."""
        return longest(pretext, backbone, stages, id_set, self.source)


@dataclass(frozen=True)
class PublishedTask(Published):
    """Published weights of a pretext task that can also be trained here."""

    weights: Literal["published"] = field(kw_only=True)


@dataclass(frozen=True)
class WeightsFile(_Loaded):
    """Weights in a file: safetensors, or a torch file, read without running what is in it.

    weights: its path, relative to the experiment file. layout: the tool that named the weights;
    ``auto`` finds out. head: the image set of the file's classifier, its classes in their order;
    without it the checkpoint is headless. averaged: of a training checkpoint that holds the moving
    average of the weights, take that, as timm does; false: the raw weights.
    """

    weights: Text = field(kw_only=True)
    layout: Literal["auto", "timm", "mocov3", "beit", "mmpretrain"] = "auto"
    transform: Literal["own", "imagenet", "half", "moodv2"] = "own"
    head: Text | None = None
    averaged: bool = True
