"""A machine that reads pickles without importing or calling anything they name.

A pickle is a program for a stack machine. ``pickle.load`` runs it; this machine knows only the
instructions that arrays are written with, and what stands in for the things that the program
calls is a table of the caller. Time and memory are bounded by the file's size: bytes stay in the
file, an instruction makes at most one value, and the number of instructions is limited.
Dictionaries have text for keys, so that no value that the file made up is ever hashed.
"""

from __future__ import annotations

import mmap
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mood_sweeps.errors import InputError

__all__ = ["Buildable", "Calls", "Named", "run"]

_MOST_STEPS = 10_000  # an array takes some thirty
_LONGEST_LINE = 200  # of a number or a name; text may be longer
_LONGEST_INTEGER = 16  # bytes


@dataclass(frozen=True)
class Named:
    """Something that the pickle names, such as ``numpy.ndarray``; only the name."""

    name: str


class Buildable(ABC):
    """What a call returned and the pickle fills with a state afterwards."""

    @abstractmethod
    def build(self, state: Any) -> None:
        """Take the state; InputError where it is not one."""


class _Broken(Exception):
    """The bytes are no pickle, or not all of one."""


Calls = Mapping[str, Callable[..., Any]]


def run(data: mmap.mmap | bytes, names: frozenset[str], calls: Calls) -> Any:
    """Return the one value in a pickle of protocol 0 to 5.

    names: what it may name. calls: what stands in for the named things that it may call. Bytes
    come back as memoryviews of ``data``. Raises InputError for everything else.
    """
    machine = _Machine(data, names, calls)
    try:
        return machine.value()
    except (_Broken, IndexError):  # IndexError: a value is taken from an empty stack
        raise InputError("is no pickle, or not all of one") from None


class _Machine:
    def __init__(self, data: mmap.mmap | bytes, names: frozenset[str], calls: Calls) -> None:
        self._data = data
        self._view = memoryview(data)
        self._names = names
        self._calls = calls
        self._at = 0
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []  # the stacks under each open mark
        self._memo: dict[int, Any] = {}

    def value(self) -> Any:
        for _ in range(_MOST_STEPS):
            code = self._take(1)[0]
            if code == ord("."):
                return self._result()
            step = _STEPS.get(code)
            if step is None:
                raise InputError(
                    f"is no pickle of arrays: instruction {bytes([code])!r} at byte {self._at - 1} "
                    "makes no array"
                )
            step(self)
        raise InputError(f"takes more than {_MOST_STEPS:,} instructions: arrays do not")

    def _result(self) -> Any:
        if len(self._stack) != 1 or self._below:
            raise _Broken
        if self._at != len(self._view):
            raise InputError("goes on after its first object; only one can be read")
        return self._stack[0]

    # Reading

    def _take(self, n: int) -> memoryview:
        if n > len(self._view) - self._at:
            raise _Broken
        self._at += n
        return self._view[self._at - n : self._at]

    def _unsigned(self, n: int) -> int:
        return int.from_bytes(self._take(n), "little")

    def _line(self, longest: int | None = _LONGEST_LINE) -> bytes:
        stop = len(self._view) if longest is None else self._at + longest
        end = self._data.find(b"\n", self._at, stop)
        if end < 0:
            raise _Broken
        line = bytes(self._take(end - self._at))
        self._at += 1
        return line

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def integer(self, n: int, *, signed: bool = False) -> None:
        self.push(int.from_bytes(self._take(n), "little", signed=signed))

    def long_integer(self, width: int) -> None:
        length = self._unsigned(width)
        if length > _LONGEST_INTEGER:
            raise InputError(f"holds an integer of {length} bytes: no array has one")
        self.integer(length, signed=True)

    def integer_line(self) -> None:
        line = self._line()
        if line in (b"00", b"01"):
            self.push(line == b"01")
            return
        try:
            self.push(int(line.removesuffix(b"L")))
        except ValueError:
            raise _Broken from None

    def text(self, width: int) -> None:
        raw = self._take(self._unsigned(width))
        self.push(_decoded(bytes(raw), "utf-8"))

    def text_line(self) -> None:
        self.push(_decoded(self._line(longest=None), "raw-unicode-escape"))

    def raw(self, width: int) -> None:
        self.push(self._take(self._unsigned(width)))

    # Containers

    def mark(self) -> None:
        self._below.append(self._stack)
        self._stack = []

    def marked(self) -> list[Any]:
        items, self._stack = self._stack, self._below.pop()
        return items

    def tuple_of(self, n: int) -> None:
        if len(self._stack) < n:
            raise _Broken
        items = tuple(self._stack[len(self._stack) - n :])
        del self._stack[len(self._stack) - n :]
        self.push(items)

    def extend(self, items: list[Any]) -> None:
        self._top(list).extend(items)

    def dictionary(self) -> None:
        items = self.marked()
        self.push({})
        self.update(items)

    def update(self, items: list[Any]) -> None:
        into = self._top(dict)
        if len(items) % 2 or not all(isinstance(key, str) for key in items[::2]):
            raise InputError("holds a dictionary with keys that are not text")
        into.update(zip(items[::2], items[1::2], strict=True))

    def _top(self, kind: type) -> Any:
        if not isinstance(self._stack[-1], kind):
            raise _Broken
        return self._stack[-1]

    def last(self, n: int) -> list[Any]:
        return [self._stack.pop() for _ in range(n)][::-1]

    def remember(self, place: int) -> None:
        self._memo[place] = self._stack[-1]

    def recall(self, place: int) -> None:
        if place not in self._memo:
            raise _Broken
        self.push(self._memo[place])

    def place_in_line(self) -> int:
        line = self._line()
        if not line.isdigit():
            raise _Broken
        return int(line)

    def name_lines(self) -> None:
        module, name = self._line(), self._line()
        self._name(_decoded(module, "utf-8"), _decoded(name, "utf-8"))

    def name(self) -> None:
        module, name = self.last(2)
        if not (isinstance(module, str) and isinstance(name, str)):
            raise _Broken
        self._name(module, name)

    def _name(self, module: str, name: str) -> None:
        full = f"{module}.{name}"
        if full not in self._names:
            raise InputError(
                f"is refused: it names {full[:100]!r}, and only arrays of numbers are read from "
                "pickles; numpy.savez writes a file without code"
            )
        self.push(Named(full))

    def call(self) -> None:
        function, arguments = self.last(2)
        known = self._calls.get(function.name) if isinstance(function, Named) else None
        if known is None or not isinstance(arguments, tuple):
            raise InputError("is refused: it calls what is no part of an array")
        try:
            self.push(known(*arguments))
        except TypeError:
            raise InputError("is refused: it makes an array of other arguments") from None

    def build(self) -> None:
        state = self._stack.pop()
        if not isinstance(self._stack[-1], Buildable):
            raise InputError("is refused: it sets the state of what is no array")
        self._stack[-1].build(state)

    def protocol(self) -> None:
        if self._unsigned(1) > 5:
            raise InputError("is a pickle of a protocol after 5")


def _decoded(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding, "surrogatepass" if encoding == "utf-8" else "strict")
    except UnicodeDecodeError:
        raise _Broken from None


_STEPS: Mapping[int, Callable[[_Machine], object]] = {
    ord(code): step
    for code, step in {
        "\x80": _Machine.protocol,
        "\x95": lambda m: m._take(8),
        # scalars
        "N": lambda m: m.push(None),
        "\x88": lambda m: m.push(True),
        "\x89": lambda m: m.push(False),
        "K": lambda m: m.integer(1),
        "M": lambda m: m.integer(2),
        "J": lambda m: m.integer(4, signed=True),
        "\x8a": lambda m: m.long_integer(1),
        "\x8b": lambda m: m.long_integer(4),
        "I": _Machine.integer_line,
        "L": _Machine.integer_line,
        # text and bytes
        "\x8c": lambda m: m.text(1),
        "X": lambda m: m.text(4),
        "\x8d": lambda m: m.text(8),
        "V": _Machine.text_line,
        "C": lambda m: m.raw(1),
        "B": lambda m: m.raw(4),
        "\x8e": lambda m: m.raw(8),
        "\x96": lambda m: m.raw(8),
        # containers
        "(": _Machine.mark,
        ")": lambda m: m.push(()),
        "\x85": lambda m: m.tuple_of(1),
        "\x86": lambda m: m.tuple_of(2),
        "\x87": lambda m: m.tuple_of(3),
        "t": lambda m: m.push(tuple(m.marked())),
        "]": lambda m: m.push([]),
        "l": lambda m: m.push(m.marked()),
        "a": lambda m: m.extend(m.last(1)),
        "e": lambda m: m.extend(m.marked()),
        "}": lambda m: m.push({}),
        "d": _Machine.dictionary,
        "s": lambda m: m.update(m.last(2)),
        "u": lambda m: m.update(m.marked()),
        # memory
        "\x94": lambda m: m.remember(len(m._memo)),
        "q": lambda m: m.remember(m._unsigned(1)),
        "r": lambda m: m.remember(m._unsigned(4)),
        "p": lambda m: m.remember(m.place_in_line()),
        "h": lambda m: m.recall(m._unsigned(1)),
        "j": lambda m: m.recall(m._unsigned(4)),
        "g": lambda m: m.recall(m.place_in_line()),
        # names and calls
        "c": _Machine.name_lines,
        "\x93": _Machine.name,
        "R": _Machine.call,
        "b": _Machine.build,
    }.items()
}
