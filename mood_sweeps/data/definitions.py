"""Sets of images that an experiment file defines: one mapping read into one declaration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from mood_sweeps.choice import did_you_mean
from mood_sweeps.data.definition_fields import Fields
from mood_sweeps.data.listing import Definition
from mood_sweeps.data.sources.array_file import ArrayPlace, members
from mood_sweeps.data.sources.folder import Folder
from mood_sweeps.data.sources.image_arrays import ArrayPart, ImageArrays
from mood_sweeps.data.sources.image_list import ImageList
from mood_sweeps.data.sources.table import Table
from mood_sweeps.errors import InputError, Problem

__all__ = ["Definition", "definition_from_json", "definition_to_json", "read_definition"]


def read_definition(raw: Any, folder: Path, roots: Sequence[Path] = ()) -> Definition:
    """Read a definition such as ``{folder: my_images}``.

    raw: the plain value of the YAML file. folder: of the experiment file, where relative paths
    begin. roots: where they are looked for next, in this order.
    Raises InputError with every problem; their ``inside`` leads to the field.
    """
    if not isinstance(raw, Mapping):
        raise InputError(f"{raw!r} defines no images: write a mapping, such as {{folder: path}}")
    kinds = [kind for kind in _READERS if kind in raw]
    if not kinds:
        key = next(iter(raw), "")
        raise InputError(
            Problem(
                f"one of {', '.join(_READERS)} has to say where the images are"
                f"{did_you_mean(str(key), _READERS)}",
                inside=(key,) if raw else (),
            )
        )
    if len(kinds) > 1:
        message = f"{' and '.join(kinds)}: a set has its images from one of them"
        raise InputError(Problem(message, inside=(kinds[1],)))
    read, allowed = _READERS[kinds[0]]
    return read(Fields(raw, (kinds[0], *allowed, "split", "on_corrupt"), folder, roots))


def definition_to_json(definition: Definition) -> dict[str, Any]:
    """Return a definition as plain values, its paths among them; for another process."""
    kind = type(definition)
    return {"kind": kind.__name__, **TypeAdapter(kind).dump_python(definition, mode="json")}


def definition_from_json(plain: Mapping[str, Any]) -> Definition:
    """Return what `definition_to_json` was given."""
    fields = dict(plain)
    kind = _KINDS[fields.pop("kind")]
    found: Definition = TypeAdapter(kind).validate_python(fields)
    return found


def _folder(fields: Fields) -> Definition:
    root = fields.path("folder", "folder")
    return fields.finished(Folder(root, fields.fractions(), fields.on_corrupt()))


def _image_list(fields: Fields) -> Definition:
    files = fields.files("list")
    root = fields.path("root", "folder") if "root" in fields else _folder_of(files)
    return fields.finished(
        ImageList(files, root, fields.class_names(), fields.fractions(), fields.on_corrupt())
    )


def _csv(fields: Fields) -> Definition:
    return _table(fields, "csv")


def _parquet(fields: Fields) -> Definition:
    return _table(fields, "parquet")


def _table(fields: Fields, form: Literal["csv", "parquet"]) -> Definition:
    files = fields.files(form)
    root = fields.path("root", "folder") if "root" in fields else _folder_of(files)
    by_column = "split" in fields and not fields.is_mapping("split")
    if "image" not in fields:
        fields.note("image has to name the column with the paths of the images", form)
    if by_column and len(files) > 1:
        fields.note("split names a column, and there is a file for each split already", "split")
    usual = "\t" if files and files[0][1].suffix.lower() == ".tsv" else ","
    separator = fields.text("separator", usual)
    if len(separator) != 1:
        fields.note(f"the separator {separator!r} is not one character", "separator")
    return fields.finished(
        Table(
            form,
            files,
            root,
            image=fields.text("image"),
            label=fields.text("label"),
            split_column=fields.text("split") if by_column else "",
            separator=separator,
            class_names=fields.class_names(),
            split=() if by_column else fields.fractions(),
            on_corrupt=fields.on_corrupt(),
        )
    )


def _npz(fields: Fields) -> Definition:
    files = dict(fields.files("npz"))
    images = fields.texts_of_splits("images", "images")
    labels = fields.texts_of_splits("labels", "labels")
    if len(files) > 1 and (len(images) > 1 or len(labels) > 1):
        fields.note("there is a file for each split: name one array for all of them", "images")
    if len(set(images.values())) < len(images):
        fields.note("images names one array for two splits", "images")
    for split in labels if "labels" in fields and fields.is_mapping("labels") else ():
        if split not in images:
            fields.note(f"images names no array for {split!r}", "labels")
    fields.finished(None)
    parts = []
    for split in files if "" not in files else images:
        file = str(files.get(split) or files[""])
        called = images.get(split) or images[""]
        label = labels.get(split) or labels.get("", "")
        if label and "labels" not in fields and label not in members(file):
            label = ""
        parts.append(
            ArrayPart(
                split,
                ArrayPlace(file, called),
                ArrayPlace(file, label) if label else None,
                f"{split}/{called}" if "" not in files else called,
            )
        )
    return _arrays(fields, "npz", parts)


def _npy(fields: Fields) -> Definition:
    files = dict(fields.files("npy"))
    labels = dict(fields.files("labels")) if "labels" in fields else {}
    if labels and set(labels) != set(files):
        fields.note("labels and npy do not name a file each for the same splits", "labels")
    parts = [
        ArrayPart(
            split,
            ArrayPlace(str(file)),
            ArrayPlace(str(labels[split])) if split in labels else None,
            split or "image",
        )
        for split, file in files.items()
    ]
    return _arrays(fields, "npy", parts)


def _arrays(fields: Fields, form: Literal["npz", "npy"], parts: list[ArrayPart]) -> Definition:
    names, split = fields.class_names(), fields.fractions()
    return fields.finished(ImageArrays(form, tuple(parts), names, split, fields.on_corrupt()))


def _folder_of(files: Sequence[tuple[str, Path]]) -> Path:
    return files[0][1].parent if files else Path()


_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (Folder, ImageList, Table, ImageArrays)
}
_READERS: dict[str, tuple[Callable[[Fields], Definition], tuple[str, ...]]] = {
    "folder": (_folder, ()),
    "list": (_image_list, ("root", "class_names")),
    "csv": (_csv, ("root", "image", "label", "separator", "class_names")),
    "parquet": (_parquet, ("root", "image", "label", "class_names")),
    "npz": (_npz, ("images", "labels", "class_names")),
    "npy": (_npy, ("labels", "class_names")),
}
