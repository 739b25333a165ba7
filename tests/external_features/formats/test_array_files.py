"""Files of arrays: what each format gives back, and what is refused in each."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from mood_sweeps.errors import InputError
from mood_sweeps.external_features.array_sources import BANK, HEAD, read_material
from mood_sweeps.external_features.formats.catalogue import read_file
from mood_sweeps.external_features.problems import InputProblems
from tests.support.feature_files import make_sets

SETS = make_sets()
X, Y, Z = SETS.train.features, SETS.train.labels, SETS.train.logits


def material(given: Any, roles=BANK) -> Any:
    input_problems = InputProblems()
    found = read_material(given, "id_train", roles, input_problems)
    input_problems.raise_any()
    return found


def arrays(given: Any, roles=BANK) -> dict[str, np.ndarray]:
    return {role: located.array for role, located in material(given, roles).arrays.items()}


def check(found: dict[str, np.ndarray], **expected: np.ndarray) -> None:
    assert set(found) == set(expected)
    for role, array in expected.items():
        np.testing.assert_array_equal(found[role], array)


def test_npz(tmp_path):
    path = tmp_path / "train.npz"
    np.savez(path, features=X, labels=Y, logits=Z, other=X)
    check(arrays(path), features=X, labels=Y, logits=Z)
    np.savez_compressed(path, features=X)
    check(arrays(str(path)), features=X)


def test_npz_of_openood(tmp_path):
    path = tmp_path / "feature.npz"
    np.savez(path, feat_list=X, label_list=Y)
    check(arrays(path), features=X, labels=Y)
    assert material(path).arrays["labels"].where == f"{path}, 'label_list'"


def test_only_what_is_wanted_of_an_npz_is_read(tmp_path):
    path = tmp_path / "train.npz"
    np.savez(path, features=X, images=np.zeros((1000, 1000)))
    tracemalloc.start()
    arrays(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10**6


def test_npy_and_the_arrays_named_behind_it(tmp_path):
    for name, array in (("x", X), ("y", Y), ("z", Z)):
        np.save(tmp_path / f"{name}.npy", array)
    x, y, z = (tmp_path / f"{name}.npy" for name in "xyz")
    check(arrays(x), features=X)
    check(arrays(f"{x},labels={y},logits={z}"), features=X, labels=Y, logits=Z)
    np.savez(tmp_path / "more.npz", labels=Y, logits=Z)
    check(arrays(f"{x},labels={tmp_path / 'more.npz'}"), features=X, labels=Y)
    check(arrays(f"{x},labels={y}"), features=X, labels=Y)


def test_a_comma_in_a_name_is_part_of_it(tmp_path):
    np.save(tmp_path / "a,b.npy", X)
    check(arrays(tmp_path / "a,b.npy"), features=X)


def test_labels_from_an_image_list(tmp_path):
    np.save(tmp_path / "x.npy", X)
    lines = [f"n01/an image {i}.JPEG {label}" for i, label in enumerate(Y)]
    (tmp_path / "list.txt").write_text("\n".join(lines) + "\n\n")
    check(arrays(f"{tmp_path / 'x.npy'},labels={tmp_path / 'list.txt'}"), features=X, labels=Y)


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2"])
def test_safetensors(tmp_path, dtype):
    path = tmp_path / "train.safetensors"
    save_file({"features": X.astype(dtype), "labels": Y, "other": X}, path, {"made": "today"})
    found = arrays(path)
    check(found, features=X.astype(dtype), labels=Y)
    assert found["features"].dtype == np.dtype(dtype)


def test_safetensors_of_bfloat16(tmp_path):
    upper = (X.view(np.uint32) >> 16).astype("<u2")
    header = {"dtype": "BF16", "shape": X.shape, "data_offsets": [0, upper.nbytes]}
    path = tmp_path / "train.safetensors"
    path.write_bytes(raw_safetensors({"features": header}, upper.tobytes()))
    found = arrays(path)["features"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, X, rtol=2**-7)
    np.testing.assert_array_equal(found.view(np.uint32) & 0xFFFF, 0)


@pytest.mark.parametrize("suffix", ["npy", "safetensors"])
def test_what_can_be_mapped_is_not_read_into_memory(tmp_path, suffix):
    path = tmp_path / f"train.{suffix}"
    big = np.zeros((1000, 1000), "f4")
    np.save(path, big) if suffix == "npy" else save_file({"features": big}, path)
    tracemalloc.start()
    found = arrays(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert type(found["features"]) is np.ndarray
    assert peak < big.nbytes / 10


def test_head(tmp_path):
    weight, bias = SETS.head.weight, SETS.head.bias
    np.savez(tmp_path / "head.npz", weight=weight, bias=bias)
    np.save(tmp_path / "w.npy", weight)
    np.save(tmp_path / "b.npy", bias)
    save_file({"weight": weight, "bias": bias}, tmp_path / "head.safetensors")
    for source in (
        tmp_path / "head.npz",
        tmp_path / "head.safetensors",
        f"{tmp_path / 'w.npy'},bias={tmp_path / 'b.npy'}",
        SETS.head,
        (weight, bias),
        {"weight": weight, "bias": bias},
    ):
        check(arrays(source, HEAD), weight=weight, bias=bias)


def test_values_from_python():
    check(arrays(SETS.train), features=X, labels=Y, logits=Z)
    check(arrays(X), features=X)
    check(arrays({"features": X, "labels": Y, "logits": None}), features=X, labels=Y)
    check(arrays(X.tolist()), features=X)


def raw_safetensors(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def npz_of(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


def npy_of(array: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def npy_header(shape: str, descr: str = "'<f4'") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


def entry(**changed: Any) -> dict[str, Any]:
    return {"features": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16], **changed}}


OBJECTS = npy_of(np.array([{}, []], dtype=object), allow_pickle=True)
HOSTILE = {
    "objects.npy": (OBJECTS, "Python objects"),
    "objects.npz": (npz_of("features.npy", OBJECTS), "'features' cannot be read.*allow_pickle"),
    "huge.npy": (npy_header("(1000000, 1000000)"), "cannot be read"),
    "negative.npy": (npy_header("(-1, 4)"), "cannot be read"),
    "code.npy": (npy_header("(2, 2)", "__import__('os')"), "cannot be read"),
    "huge.npz": (npz_of("features.npy", npy_header("(10000000, 10000000)")), "promises"),
    "pickle.npy": (b"\x80\x04N.", "no npy file"),
    "pickle.npz": (b"\x80\x04N.", "no npz file"),
    "npy.npz": (npy_of(X), "no npz file"),
    "npz.npy": (npz_of("features.npy", npy_of(X)), "no npy file"),
    "text.npz": (npz_of("features", b"hello"), "'features' is no array"),
    "other.npz": (npz_of("features.npy", b"hello"), "'features' cannot be read"),
    "truncated.npz": (npz_of("features.npy", npy_of(X)[:500]), "'features' cannot be read"),
    "truncated.npy": (npy_of(X)[:500], "cannot be read"),
    "empty.npy": (b"", "no npy file"),
    "empty.npz": (b"", "no npz file"),
    "empty.safetensors": (b"", "does not fit"),
    "short.safetensors": (b"\x01\x00", "does not fit"),
    "long.safetensors": (b"\xff" * 8 + b"{}", "does not fit"),
    "text.safetensors": (raw_safetensors(b"hello"), "no JSON"),
    "nested.safetensors": (raw_safetensors(b"[" * 100_000), "no JSON"),
    "list.safetensors": (raw_safetensors([1]), "no mapping"),
    "number.safetensors": (raw_safetensors({"features": 1}), "no dtype"),
    "dtype.safetensors": (raw_safetensors(entry(dtype="O"), bytes(16)), "'O'; allowed"),
    "list dtype.safetensors": (raw_safetensors(entry(dtype=["F32"]), bytes(16)), "no dtype"),
    "shape.safetensors": (raw_safetensors(entry(shape=[10**9, 10**9]), bytes(16)), "not fit"),
    "negative.safetensors": (raw_safetensors(entry(shape=[-2, -2]), bytes(16)), "no dtype"),
    "offsets.safetensors": (raw_safetensors(entry(data_offsets=[16, 0]), bytes(16)), "not fit"),
    "beyond.safetensors": (raw_safetensors(entry(data_offsets=[8, 24]), bytes(16)), "not fit"),
    "words.txt": (b"image one\n", "line 1 does not end with a label: 'one'"),
    "binary.txt": (b"\xff\xfe\n", "UTF-8"),
    "huge.txt": (b"image 1\nimage 9223372036854775808\n", "line 2"),
    "features.pt": (b"", "unknown format; allowed: .npz, .npy"),
    "features": (b"", "unknown format"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_bad_file_is_refused_in_little_memory(tmp_path, name):
    content, said = HOSTILE[name]
    path = tmp_path / name
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=said):
            read_file(path, {"features"})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000


def test_a_broken_compression_is_refused(tmp_path):
    path = tmp_path / "train.npz"
    np.savez_compressed(path, features=X)
    content = bytearray(path.read_bytes())
    content[200:220] = bytes(20)
    path.write_bytes(content)
    with pytest.raises(InputError, match="'features' cannot be read"):
        read_file(path, {"features"})


@pytest.mark.parametrize("suffix", ["npz", "npy", "safetensors"])
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_file_with_flipped_bytes_gives_arrays_or_is_refused(tmp_path_factory, suffix, data):
    whole = io.BytesIO()
    write = data.draw(st.sampled_from([np.savez, np.savez_compressed]))
    write(whole, features=X[:3])
    contents = {
        "npz": whole.getvalue(),
        "npy": npy_of(X[:3]),
        "safetensors": raw_safetensors(entry(), bytes(16)),
    }
    content = bytearray(contents[suffix])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / f"flipped.{suffix}"
    path.write_bytes(content)
    try:
        found = read_file(path, {"features"})
    except InputError:
        return
    assert all(isinstance(array, np.ndarray) for array in (*found.unnamed, *found.named.values()))


def test_a_missing_file_is_named_with_a_guess(tmp_path):
    (tmp_path / "train.npz").write_bytes(b"")
    with pytest.raises(InputError, match=r"no such file; did you mean '.*train\.npz'"):
        read_file(tmp_path / "trian.npz", ())
    with pytest.raises(InputError, match=r"no such file$"):
        read_file(tmp_path / "nowhere" / "train.npz", ())
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(InputError, match="directory"):
        read_file(tmp_path / "folder.npy", ())
    with pytest.raises(InputError, match="cannot be read"):
        read_file(Path("a\0b.npy"), ())


def test_arrays_that_are_none_of_a_set(tmp_path):
    with pytest.raises(
        InputError, match=r"id_train: no array is called 'label'; did you mean 'labels'"
    ):
        material({"features": X, "label": Y})
    with pytest.raises(InputError, match="id_train: must be weight and bias, not 3 arrays"):
        material((X, X, X), HEAD)
    np.savez(tmp_path / "more.npz", other=Y)
    np.save(tmp_path / "x.npy", X)
    with pytest.raises(InputError, match="has no array 'labels'; it holds 'other'"):
        material(f"{tmp_path / 'x.npy'},labels={tmp_path / 'more.npz'}")
