"""Pickles: arrays come back as they were, and nothing else comes back or happens at all."""

from __future__ import annotations

import builtins
import copyreg
import io
import operator
import os
import pickle
import subprocess
import tracemalloc
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mood_sweeps.errors import InputError
from mood_sweeps.external_features.formats.pickled_arrays import read_pickle

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
RNG = np.random.default_rng(0)
ARRAYS = {
    "float32": RNG.normal(size=(7, 3)).astype("f4"),
    "float16": RNG.normal(size=(7, 3)).astype("f2"),
    "float64, columns first": np.asfortranarray(RNG.normal(size=(7, 3))),
    "big endian": RNG.normal(size=(7, 3)).astype(">f4"),
    "a slice of another": RNG.normal(size=(9, 8))[::2, 1:4],
    "four axes": RNG.normal(size=(5, 3, 1, 1)).astype("f4"),
    "int64": np.arange(5),
    "uint8": np.arange(5, dtype="u1"),
    "bool": np.array([True, False]),
    "a scalar": np.array(3.0),
}


def read(path: Path, content: bytes, wanted: tuple[str, ...] = ()) -> Any:
    path.write_bytes(content)
    return read_pickle(path, wanted)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", ARRAYS)
def test_an_array_comes_back_as_it_was(tmp_path, kind, protocol):
    array = ARRAYS[kind]
    (found,) = read(tmp_path / "a.pkl", pickle.dumps(array, protocol)).unnamed
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", [list, tuple])
def test_a_head_comes_back_as_weight_and_bias(tmp_path, kind, protocol):
    weight, bias = ARRAYS["float32"], ARRAYS["float32"][:, 0].copy()
    found = read(tmp_path / "fc.pkl", pickle.dumps(kind([weight, bias]), protocol)).unnamed
    np.testing.assert_array_equal(found[0], weight)
    np.testing.assert_array_equal(found[1], bias)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_dictionary_gives_the_arrays_that_are_wanted(tmp_path, protocol):
    whole = {
        "features": ARRAYS["float32"],
        "epoch": 3,
        "note": "x",
        "ids": [1, None, True, -(2**40)],
    }
    found = read(tmp_path / "a.pkl", pickle.dumps(whole, protocol), ("features", "labels"))
    assert found.keys == ("features", "epoch", "note", "ids")
    assert list(found.named) == ["features"]
    np.testing.assert_array_equal(found.named["features"], whole["features"])


def test_arrays_of_older_numpy_come_back(tmp_path):
    content = pickle.dumps(ARRAYS["float32"], 2).replace(b"numpy._core.", b"numpy.core.")
    assert b"numpy.core.multiarray" in content
    (found,) = read(tmp_path / "a.pkl", content).unnamed
    np.testing.assert_array_equal(found, ARRAYS["float32"])


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_data_stays_in_the_file(tmp_path, protocol):
    path = tmp_path / "a.pkl"
    array = np.zeros((1000, 1000), "f4")
    path.write_bytes(pickle.dumps(array, protocol))
    tracemalloc.start()
    (found,) = read_pickle(path, ()).unnamed
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.shape == array.shape
    assert peak < array.nbytes / 10


class Calls:
    """An object that has ``function(*arguments)`` called when it is unpickled."""

    def __init__(self, function: Any, *arguments: Any, state: Any = None) -> None:
        self.reduced = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self) -> Any:
        return self.reduced


def hostile_objects(witness: str) -> dict[str, Any]:
    """Objects that are no arrays; many make the file ``witness`` when ``pickle`` loads them."""
    touch = f"open({witness!r}, 'w').close()"
    array = ARRAYS["float32"]
    return {
        "os.system": Calls(os.system, f"touch {witness}"),
        "subprocess": Calls(subprocess.check_call, ["touch", witness]),
        "eval": Calls(eval, touch),
        "exec": Calls(exec, touch),
        "open": Calls(builtins.open, witness, "w"),
        "import": Calls(__import__, "this"),
        "getattr": Calls(getattr, "", "join"),
        "attrgetter": Calls(operator.attrgetter, "__class__"),
        "methodcaller": Calls(operator.methodcaller, "write", "x"),
        "numpy.load": Calls(np.load, witness),
        "numpy.save": Calls(np.save, witness, 1),
        "numpy.fromfile": Calls(np.fromfile, witness),
        "numpy.memmap": Calls(np.memmap, witness, "u1", "w+", 0, (1,)),
        "numpy.ones, huge": Calls(np.ones, (10**6, 10**6)),
        "numpy.ndarray, called": Calls(np.ndarray, (10**6, 10**6)),
        "numpy.testing": Calls(np.testing.measure, touch),
        "numpy.vectorize": Calls(np.vectorize, print),
        "numpy.frompyfunc": Calls(np.frompyfunc, print, 1, 1),
        "a numpy scalar": np.float32(3),
        "a record array": np.rec.array([(1.0, 2)], dtype=[("a", "f4"), ("b", "i4")]),
        "a masked array": np.ma.masked_array([1.0, 2.0], [True, False]),
        "Python objects": np.array([{}, Calls(eval, touch)], dtype=object),
        "records": np.zeros(3, dtype=[("a", "f4"), ("b", "i4")]),
        "text": np.array(["a", "b"]),
        "dates": np.array(["2020-01-01"], dtype="M8[D]"),
        "complex numbers": np.array([1j]),
        "beside an array": [array, Calls(eval, touch)],
        "as a key": {Calls(eval, touch): array},
        "as a state": Calls(OrderedDict, state={"x": Calls(eval, touch)}),
        "copyreg": Calls(copyreg._reconstructor, Path, object, None),
        "add_extension": Calls(copyreg.add_extension, "os", "system", 240),
        "bytes of a size": Calls(bytearray, 2**40),
        "a set": {1, 2},
        "a class": Path,
        "an object": Path("x"),
        "a function": len,
        "nothing": None,
        "text alone": "features",
        "numbers": [1.0, 2.0],
        "arrays in lists": [[array], [array]],
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", hostile_objects(""))
def test_anything_but_arrays_is_refused_and_never_run(tmp_path, kind, protocol):
    witness = tmp_path / "witness"
    content = pickle.dumps(hostile_objects(str(witness))[kind], protocol)
    with pytest.raises(InputError, match=r"refused|is no|no array|holds"):
        read(tmp_path / "a.pkl", content)
    assert not witness.exists()


def test_the_hostile_pickles_are_hostile(tmp_path):
    witness = tmp_path / "witness"
    pickle.loads(pickle.dumps(hostile_objects(str(witness))["eval"]))  # noqa: S301
    assert witness.exists()


def test_what_a_refused_pickle_names_is_said(tmp_path):
    with pytest.raises(InputError, match=r"'posix\.system'.*numpy\.savez"):
        read(tmp_path / "a.pkl", pickle.dumps(Calls(os.system, "true")))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_array_made_of_other_arguments_is_refused(tmp_path, protocol):
    content = pickle.dumps(Calls(np._core.multiarray._reconstruct, np.ndarray, (0,)), protocol)
    with pytest.raises(InputError, match="it makes an array of other arguments"):
        read(tmp_path / "a.pkl", content)


DTYPE = b"\x8c\x05numpy\x8c\x05dtype\x93\x8c\x02f4\x89\x88\x87R"
FRESH = b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85C\x01btR"
FROM_BUFFER = b"cnumpy._core.numeric\n_frombuffer\n"
FOUR_BYTES = FROM_BUFFER + b"(C\x04abcd" + DTYPE
IN_ORDER = b"\x8c\x01CtR."
OTHER = b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\ndtype\nK\x00\x85NtR."
ENCODE = b"c_codecs\nencode\n"
LATIN1 = b"X\x06\x00\x00\x00latin1"
ZERO_BY_2_100 = b"K\x00\x8a\x0d" + b"\x00" * 12 + b"\x10\x86"
PROGRAMS = {
    "instance": b"(S'true'\nios\nsystem\n.",
    "object": b"(cos\nsystem\nX\x04\x00\x00\x00trueo.",
    "new object": b"\x80\x02cnumpy\nndarray\n)\x81.",
    "new object, with keywords": b"\x80\x04cnumpy\nndarray\n)}\x92.",
    "new object of a huge array": b"\x80\x02cnumpy\nndarray\nM\xff\xffM\xff\xff\x86\x85\x81.",
    "persistent": b"Pfile\n.",
    "persistent, binary": b"K\x01Q.",
    "extension": b"\x80\x02\x82\xf0.",
    "extension, two bytes": b"\x80\x02\x83\xf0\x00.",
    "buffer from outside": b"\x80\x05\x97.",
    "read-only buffer": b"\x80\x05C\x01b\x98.",
    "set": b"\x80\x04\x8f(K\x01\x90.",
    "frozen set": b"\x80\x04(K\x01\x91.",
    "float": b"G\x00\x00\x00\x00\x00\x00\x00\x00.",
    "protocol of the future": b"\x80\x06N.",
    "a call of text": b"X\x01\x00\x00\x00a)R.",
    "a call of an array": FRESH + b")R.",
    "a call without arguments": b"cnumpy\ndtype\n)R.",
    "a call with a list": b"cnumpy\ndtype\n]R.",
    "a call of too many arguments": b"cnumpy\ndtype\n(K\x01K\x01K\x01K\x01K\x01tR.",
    "state of text": b"X\x01\x00\x00\x00a}b.",
    "state of a name": b"cnumpy\nndarray\n}b.",
    "state of a name, slots": b"cnumpy\ndtype\nN}X\x08\x00\x00\x00__code__K\x01s\x86b.",
    "state of a list": b"]}b.",
    "another state of an array": FRESH + b"K\x01b.",
    "a state with text for data": FRESH + b"(K\x01K\x01\x85" + DTYPE + b"\x89\x8c\x04abcdtb.",
    "a state without a dtype": FRESH + b"(K\x01K\x01\x85N\x89C\x04abcdtb.",
    "a dtype with fields": DTYPE + b"(K\x03\x8c\x01|N(X\x01\x00\x00\x00at}K\x01K\x01K\x01tb.",
    "a dtype with a sub-array": DTYPE + b"(K\x03\x8c\x01|K\x01NNK\x01K\x01K\x01tb.",
    "a dtype of objects": b"cnumpy\ndtype\nX\x01\x00\x00\x00O\x89\x88\x87R.",
    "a dtype by expression": b"cnumpy\ndtype\nX\x0b\x00\x00\x00f4,(9999)i8\x85R.",
    "a dtype alone": DTYPE + b".",
    "an array without a state": FRESH + b".",
    "an array of another class": OTHER,
    "more shape than bytes": FOUR_BYTES + b"J\xff\xff\xff\x7f\x85" + IN_ORDER,
    "a negative shape": FOUR_BYTES + b"J\xff\xff\xff\xff\x85" + IN_ORDER,
    "a shape of 2**100": FROM_BUFFER + b"(C\x00" + DTYPE + ZERO_BY_2_100 + IN_ORDER,
    "an order that is none": FOUR_BYTES + b"K\x01\x85\x8c\x01QtR.",
    "another encoding": ENCODE + b"X\x01\x00\x00\x00aX\x06\x00\x00\x00rot_13\x86R.",
    "code in an encoding": ENCODE + b"X\x01\x00\x00\x00aX\x06\x00\x00\x00idna\x00\x00\x86R.",
    "encoding what is no Latin": ENCODE + b"X\x03\x00\x00\x00\xe2\x82\xac" + LATIN1 + b"\x86R.",
    "bytes that are not there": b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",
    "a byte array that is not there": b"\x96\x00\x00\x00\x00\x00\x01\x00\x00.",
    "text that is not there": b"X\xff\xff\xff\x7fa.",
    "text that is none": b"X\x02\x00\x00\x00\xff\xfe.",
    "a frame that is not there": b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f",
    "a memo of 2**32": b"Nr\xff\xff\xff\xff.",
    "a memo by name": b"Np-1\n.",
    "a memo that is empty": b"h\x07.",
    "an integer of 2**31 bytes": b"\x8b\x00\x00\x00\x80.",
    "an integer of many bytes": b"\x8a\xff" + b"\x01" * 255 + b".",
    "an integer of many digits": b"I" + b"9" * 100_000 + b"\n.",
    "a number that is none": b"Ione\n.",
    "a name without an end": b"cnumpy" + b"x" * 10_000,
    "an empty stack": b"t.",
    "nothing to call": b"R.",
    "nothing to name": b"\x93.",
    "numbers for names": b"K\x01K\x01\x93.",
    "an open mark": b"N(.",
    "two values": b"NN.",
    "no value": b".",
    "no end": b"N",
    "no pickle": b"hello, world\n",
    "numbers for keys": b"}K\x01K\x02s.",
    "half an item": b"}(X\x01\x00\x00\x00au.",
    "items of a list": b"]X\x01\x00\x00\x00aNs.",
    "elements of a dictionary": b"}Na.",
    "a list in itself": b"]q\x00h\x00a.",
    "deeply nested": b"]" + b"\x85" * 9_000 + b".",
    "deeper": b")" * 5_000 + b"\x86" * 4_900 + b".",
    "too many steps": b"(" + b"N" * 20_000 + b"l.",
    "doubling": b"]q\x00" + b"h\x00\x85q\x00h\x00\x86q\x00" * 2_000 + b".",
}  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_hostile_program_is_refused_in_little_memory(tmp_path, program):
    path = tmp_path / "a.pkl"
    path.write_bytes(PROGRAMS[program])
    tracemalloc.start()
    try:
        with pytest.raises(InputError):
            read_pickle(path, ())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000


def test_a_long_text_cannot_be_turned_into_bytes_over_and_over(tmp_path):
    text = b"X" + (10**6).to_bytes(4, "little") + b"a" * 10**6 + LATIN1
    program = ENCODE + b"q\x00" + text + b"\x86q\x01R" + b"h\x00h\x01R" * 2_000 + b"."
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="encodes"):
            read(tmp_path / "a.pkl", program)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10 * 10**6


def test_a_second_object_in_the_file_is_not_passed_over(tmp_path):
    both = io.BytesIO()
    for _ in range(2):
        pickle.dump(ARRAYS["float32"], both)
    with pytest.raises(InputError, match="only one"):
        read(tmp_path / "a.pkl", both.getvalue())


def test_an_empty_file_is_said_to_be_empty(tmp_path):
    with pytest.raises(InputError, match="empty"):
        read(tmp_path / "a.pkl", b"")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_beginning_of_a_pickle_is_refused(tmp_path, protocol):
    content = pickle.dumps([ARRAYS["float32"]] * 2, protocol)
    for end in range(1, len(content)):
        with pytest.raises(InputError):
            read(tmp_path / "a.pkl", content[:end])


@given(st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_pickle_with_flipped_bytes_gives_arrays_or_is_refused(tmp_path_factory, data):
    content = bytearray(pickle.dumps([ARRAYS["float32"]], data.draw(st.sampled_from(PROTOCOLS))))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "flipped.pkl"
    try:
        found = read(path, bytes(content))
    except InputError:
        return
    assert all(isinstance(array, np.ndarray) for array in found.unnamed)
    assert all(array.dtype.kind in "biuf" for array in found.unnamed)
