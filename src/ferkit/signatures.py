"""What a target takes, read from its source file: importing a network takes seconds, this none.

Nothing is executed. Where the source alone does not settle a signature (a decorator, a base class
of another package), there is none here and the object itself has to be asked.
"""

import ast
import functools
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ferkit.sources import DEPTH, Found, Module, UnsettledError, find, follow

REQUIRED = object()  # the default of a parameter that has none
_PLAIN = {"int": int, "float": float, "bool": bool, "str": str, "None": type(None), "Path": Path}
_UNION = ("Union", "Optional")


@dataclass(frozen=True)
class Unread:
    """A default that is no literal, as it stands in the source."""

    text: str

    def __repr__(self) -> str:
        return self.text


class Tensor:
    """Stands for torch's in a hint: no yaml can hold one."""


@dataclass(frozen=True)
class Signature:
    """What a target takes.

    Attributes:
        defaults: Parameter to its default, `REQUIRED` where it has none.
        hints: Parameter to its type, `Any` where that is more than words, numbers and literals.
        open_ended: Whether it takes any other keyword, too.
        lines: Parameter to what its docstring says of it.
    """

    defaults: dict[str, Any]
    hints: dict[str, Any]
    open_ended: bool
    lines: dict[str, str]


def read_signature(target: str) -> Signature | None:
    """The signature of a dotted path into ferkit or torch; None where the source leaves it open.

    >>> read_signature("ferkit.training.optim.inverse_time").defaults["decay"]
    1e-06
    """
    try:
        return _signature(find(target))
    except UnsettledError:
        return None


def _signature(found: Found) -> Signature:
    node = found.node
    if isinstance(node, ast.FunctionDef):
        if not all(_keeps_signature(found.module, d) for d in node.decorator_list):
            raise UnsettledError
        return _of_function(found.module, node, ast.get_docstring(node), skip=0)
    if not isinstance(node, ast.ClassDef):
        raise UnsettledError
    if any(map(_is_dataclass, node.decorator_list)):
        if len(node.decorator_list) > 1 or node.bases:
            raise UnsettledError
        return _of_dataclass(found.module, node)
    return _of_class(found, node)


def _of_class(found: Found, node: ast.ClassDef) -> Signature:
    methods = {n.name: n for n in node.body if isinstance(n, ast.FunctionDef)}
    if "__new__" in methods or node.keywords or node.decorator_list:
        raise UnsettledError
    if made := methods.get("__init__"):
        said = "\n".join([ast.get_docstring(node) or "", "", ast.get_docstring(made) or ""])
        return _of_function(found.module, made, said, skip=1)
    if not node.bases or not isinstance(node.bases[0], ast.Name):
        raise UnsettledError
    base = _signature(follow(found.module, node.bases[0].id))
    own = described(ast.get_docstring(node))
    return Signature(base.defaults, base.hints, base.open_ended, base.lines | own)


def _keeps_signature(module: Module, decorator: ast.expr) -> bool:
    """Whether a decorator wraps by functools.wraps, so that the signature stays."""
    if not isinstance(decorator, ast.Name):
        return False
    node = follow(module, decorator.id).node
    inner = [n for n in getattr(node, "body", ()) if isinstance(n, ast.FunctionDef)]
    return any(
        isinstance(d, ast.Call) and getattr(d.func, "id", "") == "wraps"
        for n in inner
        for d in n.decorator_list
    )


def _is_dataclass(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Name) and called.id == "dataclass"


def _of_dataclass(module: Module, node: ast.ClassDef) -> Signature:
    defaults, hints = {}, {}
    for line in node.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            name = line.target.id
            if (default := _field_default(module, line.value)) is not None:
                defaults[name], hints[name] = default[0], _hint(module, line.annotation)
    return Signature(defaults, hints, False, described(ast.get_docstring(node)))


def _field_default(module: Module, value: ast.expr | None) -> tuple[Any] | None:
    """The default of a field, in a tuple; None where `__init__` does not take the field."""
    if not (isinstance(value, ast.Call) and getattr(value.func, "id", "") == "field"):
        return (REQUIRED if value is None else _value(module, value),)
    given = {k.arg: k.value for k in value.keywords}
    if "init" in given:
        return None
    if "default" in given:
        return (_value(module, given["default"]),)
    made = given.get("default_factory")
    return (REQUIRED if made is None else Unread(ast.unparse(made)),)


def _of_function(module: Module, node: ast.FunctionDef, doc: str | None, *, skip: int) -> Signature:
    given = node.args
    if given.posonlyargs:
        raise UnsettledError
    plain = given.args[skip:]
    filled: list[ast.expr | None] = [None] * (len(plain) - len(given.defaults))
    pairs: list[tuple[ast.arg, ast.expr | None]] = [
        *zip(plain, [*filled, *given.defaults], strict=True),
        *zip(given.kwonlyargs, given.kw_defaults, strict=True),
    ]
    return Signature(
        {a.arg: REQUIRED if value is None else _value(module, value) for a, value in pairs},
        {a.arg: _hint(module, a.annotation) for a, _ in pairs},
        given.kwarg is not None,
        described(doc),
    )


def _value(module: Module, node: ast.expr, depth: int = 0) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        pass
    if isinstance(node, ast.Name) and depth < DEPTH:
        try:
            found = follow(module, node.id)
        except UnsettledError:
            return Unread(node.id)
        assigned = _assigned(found.node)
        return _value(found.module, assigned, depth + 1) if assigned else Unread(node.id)
    return Unread(ast.unparse(node))


def _hint(module: Module, node: ast.expr | None, depth: int = 0) -> Any:
    """A type that is made of plain ones, of literals and of unions of them; `Any` for others."""
    if node is None or depth > DEPTH:
        return Any
    go_on = functools.partial(_hint, depth=depth + 1)
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            return go_on(module, ast.parse(node.value, mode="eval").body)
        return type(None) if node.value is None else Any
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union([go_on(module, node.left), go_on(module, node.right)])
    if isinstance(node, ast.Subscript):
        return _subscript(functools.partial(go_on, module), node)
    if isinstance(node, ast.Name):
        return _named(module, node.id, go_on)
    return Any


def _subscript(go_on: Callable[[ast.expr], Any], node: ast.Subscript) -> Any:
    name = getattr(node.value, "id", getattr(node.value, "attr", ""))
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name == "Literal":
        return Literal[tuple(ast.literal_eval(part) for part in parts)]
    if name in _UNION:
        return _union([*map(go_on, parts), *([type(None)] if name == "Optional" else [])])
    return Any


def _named(module: Module, name: str, go_on: Callable[[Module, ast.expr], Any]) -> Any:
    if name in _PLAIN:
        return _PLAIN[name]
    if name == "Tensor":
        return Tensor
    try:
        found = follow(module, name)
    except UnsettledError:
        return Any
    value = _assigned(found.node)
    return Any if value is None else go_on(found.module, value)


def _union(parts: Iterable[Any]) -> Any:
    found = list(parts)
    return Any if Any in found else functools.reduce(operator.or_, found)


def _assigned(node: ast.stmt) -> ast.expr | None:
    return node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None


def described(doc: str | None) -> dict[str, str]:
    r"""What the sections Args and Attributes of a docstring say, on one line each.

    >>> described("A.\n\nArgs:\n    lr: How far a step\n        goes.\n    k: A count.")
    {'lr': 'How far a step goes.', 'k': 'A count.'}
    """
    found: dict[str, str] = {}
    inside, name = False, ""
    for line in (doc or "").splitlines():
        words = line.strip()
        indent = len(line) - len(line.lstrip())
        if words and not indent:
            inside = words in ("Args:", "Attributes:")
        elif inside and indent == 4 and ":" in words:
            name, _, said = words.partition(":")
            found[name] = said.strip()
        elif inside and words and name:
            found[name] += f" {words}"
    return found
