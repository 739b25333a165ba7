"""Find the places in a source file where a mutant can be planted, and what each one puts there.

A mutation operator looks at one node of the syntax tree and gives the node to replace and the new
text. All other text of the file stays as it is.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

__all__ = ["Site", "sites"]

Change = tuple[ast.expr | ast.stmt, str]

COMPARED = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==",
    "is": "is not", "is not": "is", "in": "not in", "not in": "in",
}  # fmt: skip
SWAPPED = {"min": "max", "minimum": "maximum", "argmin": "argmax", "nanmin": "nanmax"}
SWAPPED |= {there: here for here, there in SWAPPED.items()}
# A swap of these changes a check or a cost, and no behaviour that a test can be asked to watch.
QUIET_KEYWORDS = {"help", "strict", "version"}
LOGGING = {"logging", "logger", "log"}


@dataclass(frozen=True)
class Site:
    """A place where a mutant can be planted.

    function: the qualified name of the function or class around it; "" at the top of a module.
    start, end: where the replaced text lies, as offsets into the UTF-8 bytes of the file.
    row: the number of the line where it starts, from 0.
    """

    function: str
    operator: str
    start: int
    end: int
    row: int
    was: str
    now: str

    def planted(self, source: str) -> str:
        """Return the source with this one text replaced."""
        code = source.encode()
        return (code[: self.start] + self.now.encode() + code[self.end :]).decode()


def sites(source: str) -> list[Site]:
    """Return every place of a file, in the order of the text, without those that break syntax."""
    text = _Text(source)
    tree = ast.parse(source)
    plain = ast.dump(tree)
    found = []
    for function, operator, (node, now) in _changes(tree, "", text):
        start, end = text.span(node)
        site = Site(function, operator, start, end, node.lineno - 1, text.of(node), now)
        try:
            changed = ast.dump(ast.parse(site.planted(source)))
        except SyntaxError:
            continue
        if changed != plain:
            found.append(site)
    return sorted(found, key=lambda site: (site.start, site.end, site.operator))


class _Text:
    """The text of a file by the positions of syntax nodes, which count bytes."""

    def __init__(self, source: str) -> None:
        self.code = source.encode()
        self.starts = [0]
        for line in self.code.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self.starts[node.lineno - 1] + node.col_offset
        return start, self.starts[node.end_lineno - 1] + node.end_col_offset

    def of(self, node: ast.expr | ast.stmt) -> str:
        start, end = self.span(node)
        return self.code[start:end].decode()

    def replaced_between(
        self, whole: ast.expr | ast.stmt, left: ast.expr, right: ast.expr, words: dict[str, str]
    ) -> str | None:
        """Return the text of ``whole`` with the operator between two operands replaced."""
        start, end = self.span(whole)
        gap, after = self.span(left)[1], self.span(right)[0]
        # Comments between the operands are blanked, as an operator's word may stand in one.
        between = re.sub(
            rb"#[^\n]*", lambda comment: b" " * len(comment[0]), self.code[gap:after]
        ).decode()
        longest_first = sorted(words, key=len, reverse=True)
        pattern = "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in longest_first)
        operator = re.search(pattern, between)
        if operator is None:
            return None
        new = words[" ".join(operator[0].split())]
        first = gap + len(between[: operator.start()].encode())
        last = gap + len(between[: operator.end()].encode())
        return (self.code[start:first] + new.encode() + self.code[last:end]).decode()


def _changes(node: ast.AST, function: str, text: _Text) -> Iterator[tuple[str, str, Change]]:
    if _is_left_alone(node):
        return
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        function = f"{function}.{node.name}" if function else node.name
    for name, operator in OPERATORS.items():
        for change in operator(node, text):
            yield function, name, change
    for child in _children(node):
        yield from _changes(child, function, text)


def _is_left_alone(node: ast.AST) -> bool:
    """Tell whether no mutant is planted in here: names, versions, help texts, texts of logs."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr):
        return True  # Python 3.11 gives wrong positions inside an f-string
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = {target.id.lower() for target in targets if isinstance(target, ast.Name)}
        return bool(names & {"__all__", "version"})
    if isinstance(node, ast.keyword):
        return node.arg in QUIET_KEYWORDS
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _root(node.func) in LOGGING
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of a node, without annotations, decorators and defaults of a version.

    Decorators are left out where they say how a class is made or what is remembered; click's say
    what a command does.
    """
    for name, value in ast.iter_fields(node):
        parts = value if isinstance(value, list) else [value]
        if name in ("annotation", "returns"):
            continue
        if name == "decorator_list":
            parts = [part for part in parts if _root(part) == "click"]
        if isinstance(node, ast.arguments) and name in ("defaults", "kw_defaults"):
            parts = _defaults(node, name)
        yield from (part for part in parts if isinstance(part, ast.AST))


def _defaults(node: ast.arguments, field: str) -> list[ast.expr]:
    if field == "kw_defaults":
        pairs = zip(node.kwonlyargs, node.kw_defaults, strict=True)
    else:
        named = [*node.posonlyargs, *node.args]
        pairs = zip(named[len(named) - len(node.defaults) :], node.defaults, strict=True)
    return [value for argument, value in pairs if value is not None and argument.arg != "version"]


def _root(node: ast.expr) -> str:
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Attribute):
            node = node.value
        else:
            return ""
    return node.id


def _comparison(node: ast.AST, text: _Text) -> Iterator[Change]:
    if isinstance(node, ast.Compare):
        operands = [node.left, *node.comparators]
        for left, right in itertools.pairwise(operands):
            yield from _replaced(node, left, right, COMPARED, text)


def _arithmetic(words: dict[str, str], kind: type[ast.operator]) -> Callable[..., Iterator[Change]]:
    def operator(node: ast.AST, text: _Text) -> Iterator[Change]:
        if isinstance(node, ast.BinOp) and isinstance(node.op, kind):
            yield from _replaced(node, node.left, node.right, words, text)
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, kind):
            yield from _replaced(node, node.target, node.value, words, text)

    return operator


def _and_or(node: ast.AST, text: _Text) -> Iterator[Change]:
    if isinstance(node, ast.BoolOp):
        words = {"and": "or"} if isinstance(node.op, ast.And) else {"or": "and"}
        for left, right in itertools.pairwise(node.values):
            yield from _replaced(node, left, right, words, text)


def _replaced(
    node: ast.expr | ast.stmt, left: ast.expr, right: ast.expr, words: dict[str, str], text: _Text
) -> Iterator[Change]:
    now = text.replaced_between(node, left, right, words)
    if now is not None:
        yield node, now


def _without_not(node: ast.AST, text: _Text) -> Iterator[Change]:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node, text.of(node).removeprefix("not").lstrip()


def _constant(node: ast.AST, text: _Text) -> Iterator[Change]:
    del text
    # The bounds of a slice are the business of the operator for slices.
    bounds = (node.lower, node.upper) if isinstance(node, ast.Slice) else ()
    for child in ast.iter_child_nodes(node):
        is_number = isinstance(child, ast.Constant) and type(child.value) in (int, float)
        if is_number and child not in bounds and child in _children(node):
            assert isinstance(child, ast.Constant)
            assert isinstance(child.value, int | float)
            yield child, repr(child.value + 1)


def _boolean(node: ast.AST, text: _Text) -> Iterator[Change]:
    del text
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield node, repr(not node.value)


def _returned(node: ast.AST, text: _Text) -> Iterator[Change]:
    del text
    if (
        isinstance(node, ast.Return)
        and node.value is not None
        and ast.unparse(node.value) != "None"
    ):
        yield node, "return None"


def _condition(node: ast.AST, text: _Text) -> Iterator[Change]:
    if isinstance(node, ast.If | ast.IfExp):
        # Other operators turn these two kinds of conditions round.
        is_flipped = isinstance(node.test, ast.Compare) and len(node.test.ops) == 1
        if not is_flipped and not isinstance(node.test, ast.UnaryOp):
            yield node.test, f"not ({text.of(node.test)})"


def _raised(node: ast.AST, text: _Text) -> Iterator[Change]:
    # Unreachable code raises these.
    if isinstance(node, ast.Raise) and not re.search(
        "NotImplemented|AssertionError", text.of(node)
    ):
        yield node, "pass"


def _least_most(node: ast.AST, text: _Text) -> Iterator[Change]:
    if isinstance(node, ast.Call):
        words = text.of(node.func)
        name = re.split(r"\W", words)[-1]
        if name in SWAPPED:
            yield node.func, words.removesuffix(name) + SWAPPED[name]


def _slice(node: ast.AST, text: _Text) -> Iterator[Change]:
    for bound in (node.lower, node.upper) if isinstance(node, ast.Slice) else ():
        if isinstance(bound, ast.Constant) and isinstance(bound.value, int):
            yield bound, repr(bound.value + 1)
        elif bound is not None:
            yield bound, f"({text.of(bound)}) + 1"


OPERATORS: dict[str, Callable[[ast.AST, _Text], Iterator[Change]]] = {
    "comparison flipped": _comparison,
    "+ to -": _arithmetic({"+=": "-=", "+": "-"}, ast.Add),
    "* to /": _arithmetic({"*=": "/=", "*": "/"}, ast.Mult),
    "and to or": _and_or,
    "not left out": _without_not,
    "constant plus 1": _constant,
    "True and False swapped": _boolean,
    "None returned": _returned,
    "condition negated": _condition,
    "nothing raised": _raised,
    "min and max swapped": _least_most,
    "slice off by one": _slice,
}
