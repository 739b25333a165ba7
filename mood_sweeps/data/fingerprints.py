"""What a set of images is, as one digest: ids, labels, class names, splits and contents.

Paths of the machine are not in it: a moved or renamed root changes nothing, a changed byte does. Of
a set with more than ``MOST_FULL`` images the contents of ``SAMPLED`` are read, and the sizes of
all: reading them all would take minutes to hours on the first day, and the sample finds what
exchanges or converts a data set, not a change of a few files that keeps their sizes.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from mood_sweeps.data.listing import Listing
from mood_sweeps.data.texts import Texts
from mood_sweeps.identity import canonical

__all__ = ["MOST_FULL", "SAMPLED", "hash_ids", "index_digest", "sampled_places"]

MOST_FULL = 200_000
"""Sets up to this number of images are known by all of their contents."""

SAMPLED = 10_000
"""Images of a larger set that are read for it: those with the smallest hashes of their ids."""

_VERSION = 1


def hash_ids(ids: Texts) -> npt.NDArray[np.uint64]:
    """Return 64 bits of the SHA-256 of each id, uint64 (N,); they depend on the ids alone."""
    joined = b"".join(hashlib.sha256(text).digest()[:8] for text in ids.encoded())
    return np.frombuffer(joined, dtype=">u8").astype(np.uint64)


def sampled_places(ids: Texts) -> npt.NDArray[np.int64]:
    """Return the places of the ``SAMPLED`` images, ascending."""
    return np.sort(np.argsort(hash_ids(ids), kind="stable")[:SAMPLED])


def index_digest(listing: Listing, contents: npt.NDArray[np.uint8], is_sampled: bool) -> str:
    """Return the fingerprint, hexadecimal SHA-256.

    contents: digests, uint8 (n, 32), of all images, or of those at `sampled_places`. Images enter
    in the order of their ids.
    """
    kind = {"sampled": SAMPLED} if is_sampled else {}
    header = {"version": _VERSION, "classes": listing.class_names, "n": len(listing), **kind}
    digest = hashlib.sha256(canonical(header).encode() + b"\0")
    order = listing.ids.order()
    ids = listing.ids.take(order)
    for name, column in (("labels", listing.labels), ("splits", listing.splits)):
        digest.update(name.encode() + np.ascontiguousarray(column[order], "<i8").tobytes())
    if is_sampled:
        digest.update(np.ascontiguousarray(listing.pixels.sizes()[order], "<i8").tobytes())
    else:
        contents = contents[order]
    for text in ids.encoded():
        digest.update(text + b"\0")
    digest.update(contents.tobytes())
    return digest.hexdigest()
