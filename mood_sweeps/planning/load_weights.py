"""What a load stage is asked to do: which weights, for which backbone, seen through what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mood_sweeps.choice import Choice
from mood_sweeps.networks.backbone import Backbone

__all__ = ["LoadFile", "LoadPublished"]


@dataclass(frozen=True)
class LoadPublished:
    """Take over published weights. with_head: and their classifier, as the head."""

    backbone: Choice[Backbone]
    tag: str
    revision: str
    transform: str
    with_head: bool

    @property
    def content(self) -> dict[str, Any]:
        """What enters the key: until the bytes are here, tag and revision stand for them."""
        weights: dict[str, Any] = {"timm": self.tag, "revision": self.revision}
        if self.with_head:
            weights["head"] = True
        return _content(weights, self.backbone, self.transform)


@dataclass(frozen=True)
class LoadFile:
    """Take over the weights in a file.

    digest: SHA-256 of its bytes. head_set: the image set that its classifier tells the classes of;
    None: it has none, or none of use. classes: how many these are. averaged: whether the moving
    average is taken where the file holds one.
    """

    backbone: Choice[Backbone]
    path: str
    digest: str
    layout: str
    transform: str
    head_set: str | None
    classes: int | None
    averaged: bool

    @property
    def content(self) -> dict[str, Any]:
        """What enters the key: the file's bytes, and how they are read; not its name."""
        # In every key, as files were once read otherwise: raw weights first.
        weights: dict[str, Any] = {"sha256": self.digest, "averaged": self.averaged}
        if self.layout != "auto":
            weights["layout"] = self.layout
        if self.classes is not None:
            weights["classes"] = self.classes
        return _content(weights, self.backbone, self.transform)


def _content(weights: dict[str, Any], backbone: Choice[Backbone], transform: str) -> dict[str, Any]:
    content: dict[str, Any] = {"weights": weights, "backbone": backbone.content}
    if transform != "own":
        content["transform"] = transform
    return content
