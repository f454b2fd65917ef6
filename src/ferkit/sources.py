"""Names followed from module to module in their source files; nothing is executed."""

import ast
import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DEPTH = 20  # of names that lead to names


class UnsettledError(Exception):
    """The source alone does not say."""


@dataclass(frozen=True)
class Module:
    """A parsed source file, and the names that its statements bind."""

    name: str
    is_package: bool
    scope: dict[str, ast.stmt]


@dataclass(frozen=True)
class Found:
    """A statement that defines something, and where."""

    module: Module
    node: ast.stmt


def find(target: str) -> Found:
    """The statement that defines what a dotted path leads to.

    Raises:
        UnsettledError: the source alone does not say.
    """
    module, name = target.rpartition(".")[::2]
    return follow(find_module(module), name)


def follow(module: Module, name: str, depth: int = 0) -> Found:
    """The statement that defines a name of a module, through the imports that lead to it.

    Raises:
        UnsettledError: none is found in the source of ferkit or torch.
    """
    node = module.scope.get(name)
    if node is None or depth > DEPTH:
        raise UnsettledError
    if not isinstance(node, ast.ImportFrom):
        return Found(module, node)
    original = next(a.name for a in node.names if (a.asname or a.name) == name)
    return follow(find_module(_absolute(module, node)), original, depth + 1)


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    up = node.level - module.is_package
    home = ".".join(module.name.split(".")[:-up]) if up else module.name
    return ".".join(part for part in (home, node.module) if part)


@cache
def find_module(name: str) -> Module:
    """A module by its dotted name, parsed and not imported.

    Raises:
        UnsettledError: it is not ferkit's or torch's, or has no readable source.
    """
    path = _source(name)
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        raise UnsettledError from None
    scope: dict[str, ast.stmt] = {}
    for node in tree.body:
        for bound in _bound(node):
            scope[bound] = node
    return Module(name, path.name == "__init__.py", scope)


def _bound(node: ast.stmt) -> list[str]:
    """The names that a statement of a module binds, as far as they matter here."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.ImportFrom):
        return [alias.asname or alias.name for alias in node.names]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _source(name: str) -> Path:
    root, *inner = name.split(".")
    if root not in ("ferkit", "torch") or not all(map(str.isidentifier, inner)):
        raise UnsettledError
    path = _package(root).joinpath(*inner)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def _package(root: str) -> Path:
    if root == "ferkit":
        return Path(__file__).parent
    spec = importlib.util.find_spec(root)  # of a package itself: finds it without importing it
    if spec is None or spec.origin is None:
        raise UnsettledError
    return Path(spec.origin).parent
