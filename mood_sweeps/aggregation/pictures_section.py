"""Pictures of single images beside what a representation makes of them, for the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mood_sweeps.aggregation.figures import Figure, image_grid
from mood_sweeps.aggregation.report_folder import ReportFolder

__all__ = ["Drawn", "names_of", "pictures_section"]

Arrays = Mapping[str, npt.NDArray[Any]]

_RECONSTRUCTIONS = """\
Left of each pair an image, right what the pretext task's decoder makes of it, every patch predicted
from others; above it the Euclidean distance between the two (MOODv2, Fig. 4)."""
_BACKGROUND = """\
Left of each pair a train image, right what `ft:ssod` takes its patches for: green counts as ID,
red stands for OOD, the rest is ignored; above it the shares of both."""
_UNREAD = """\
They are missing above. The next launch takes them again, as far as their checkpoints are there."""
_GREEN, _RED = np.array([0.0, 0.62, 0.45]), np.array([0.84, 0.37, 0.0])


@dataclass(frozen=True, eq=False)
class Drawn:
    """A picture: of which representation, of what, and the arrays of each line by its name."""

    label: str
    subject: str
    lines: Sequence[tuple[str, Arrays]]


def names_of(results: pd.DataFrame) -> dict[str, str]:
    """Return what the representations of a results frame are called, by their keys."""
    distinct = results.drop_duplicates("representation_key")
    columns = ["representation_key", "pretext", "backbone", "finetune"]
    return {
        key: " ".join(map(str, axes)) for key, *axes in distinct[columns].itertuples(index=False)
    }


def pictures_section(
    pictures: Sequence[Drawn], report: ReportFolder, unread: Sequence[str] = ()
) -> list[str]:
    """Write a PNG for each picture and return the Markdown that shows them; nothing for none.

    unread: pictures that are there and cannot be read, each with the reason.
    """
    parts: list[str] = []
    for subject, text, draw in (
        ("reconstructions", _RECONSTRUCTIONS, _reconstruction),
        ("background", _BACKGROUND, _background),
    ):
        chosen = [picture for picture in pictures if picture.subject == subject]
        if not chosen:
            continue
        parts += [f"## {subject.capitalize()}", text]
        for picture in chosen:
            figure = _figure([(name, draw(arrays)) for name, arrays in picture.lines])
            parts.append(report.figure(f"{subject}_{picture.label}", figure, picture.label))
    if unread:
        parts += ["## Pictures that cannot be read", _UNREAD]
        parts.append("\n".join(f"- {picture}" for picture in unread))
    return parts


def _figure(lines: Sequence[tuple[str, list[tuple[npt.NDArray[Any], str]]]]) -> Figure:
    return image_grid([name for name, _ in lines], [panels for _, panels in lines])


def _reconstruction(arrays: Arrays) -> list[tuple[npt.NDArray[Any], str]]:
    panels = []
    for image, made, distance in zip(
        arrays["image"], arrays["made"], arrays["distance"], strict=True
    ):
        panels += [(_colours(image), ""), (_colours(made), f"{distance:.2f}")]
    return panels


def _background(arrays: Arrays) -> list[tuple[npt.NDArray[Any], str]]:
    panels = []
    for image, side in zip(arrays["image"], arrays["side"], strict=True):
        shown = _colours(image)
        at = (np.arange(len(shown)) * len(side)) // len(shown)
        taken = side[at][:, at][..., None]
        tint = np.where(taken > 0, _GREEN, _RED)
        painted = np.where(taken == 0, shown, 0.45 * shown + 0.55 * tint)
        shares = f"{np.mean(side > 0):.0%} / {np.mean(side < 0):.0%}"
        panels += [(shown, ""), (painted, shares)]
    return panels


def _colours(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return pixels (S, S, 3) in [0, 1] of an image (C, S, S): RGB, or its first channel grey."""
    channels = image if len(image) == 3 else np.repeat(image[:1], 3, axis=0)
    pixels: npt.NDArray[Any] = np.clip(channels.transpose(1, 2, 0), 0.0, 1.0)
    return pixels
