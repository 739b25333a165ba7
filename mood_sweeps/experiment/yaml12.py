"""The YAML dialect of experiment files: the scalars of YAML 1.2's core schema.

PyYAML reads YAML 1.1, where ``1e-3`` is a string, ``on`` a boolean and ``1:30`` the number 90.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.nodes import ScalarNode

__all__ = ["TAG", "Loader", "scalar_value", "to_yaml"]

TAG = "tag:yaml.org,2002:"


def to_yaml(value: Any) -> str:
    """Return YAML text that :class:`Loader` reads back as ``value``."""
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None
    )
    return text


def scalar_value(node: ScalarNode) -> Any:
    """Return None, a bool, an int of at most 64 bits, a float or a str.

    Raises ValueError with the reason for any other scalar.
    """
    kind, text = node.tag.removeprefix(TAG), node.value
    try:
        if kind == "str":
            text.encode("utf-8")
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return {"true": True, "false": False}[text.lower()]
        if kind == "int":
            return _whole_number(text)
        if kind == "float":
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    except (KeyError, ValueError):
        raise ValueError(f"{text[:40]!r} cannot be read as {kind}") from None
    raise ValueError(f"the tag {node.tag!r} means nothing here")


def _whole_number(text: str) -> int:
    if len(text) > 40:  # Python itself refuses thousands of digits
        raise ValueError
    number = int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if number.bit_length() > 63:
        raise ValueError
    return number


class Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (PyYAML declares it)


class _Dumper(yaml.SafeDumper):
    """The writer that quotes exactly what :class:`Loader` would misread."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (PyYAML declares it)

    def ignore_aliases(self, data: Any) -> bool:
        """Repeat values instead of writing aliases, which are harder to read."""
        del data
        return True


_SCALARS = {
    "null": (r"~|null|Null|NULL|", "~nN\0"),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
    "merge": (r"<<", "<"),
}
for _name, (_pattern, _first) in _SCALARS.items():
    for _kind in (Loader, _Dumper):
        _kind.add_implicit_resolver(
            TAG + _name,
            re.compile(rf"(?:{_pattern})\Z"),
            ["" if letter == "\0" else letter for letter in _first],
        )
