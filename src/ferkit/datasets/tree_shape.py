"""The folders below a root as a tree in memory: where the class folders lie, and the splits."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ferkit.datasets.layout import split_name
from ferkit.datasets.walk import Listing

_LEVELS = 4  # folders above the class folders: three to find the tree, and one of splits

IsClass = Callable[[str], bool]
Parts = tuple[str, ...]


@dataclass
class Folder:
    """A folder with what lies below it.

    Attributes:
        parts: The names from the root, which is not among them, to this folder.
        children: The folders directly in it, by their names.
        own: Images directly in it.
        images: Images in it and below it.
    """

    parts: Parts
    children: dict[str, "Folder"] = field(default_factory=dict)
    own: int = 0
    images: int = 0

    @property
    def name(self) -> str:
        """Its own name."""
        return self.parts[-1]


def folders_of(listing: Listing) -> Folder:
    """The root of a walked folder, with the number of images in each folder below it."""
    top = Folder(())
    for path in listing.folders:
        _reach(top, tuple(path.split("/")))
    for path, number in Counter(path.rpartition("/")[0] for path in listing.images).items():
        parts = tuple(path.split("/")) if path else ()
        _reach(top, parts).own = number
        for depth in range(len(parts) + 1):
            _reach(top, parts[:depth]).images += number
    return top


def _reach(top: Folder, parts: Parts) -> Folder:
    folder = top
    for depth, part in enumerate(parts, start=1):
        if part not in folder.children:
            folder.children[part] = Folder(parts[:depth])
        folder = folder.children[part]
    return folder


def classes_in(folder: Folder, is_class: IsClass) -> list[Folder]:
    """Folders directly in one that are classes by their names."""
    inside = folder.children.values()
    return [c for c in inside if is_class(c.name) and not split_name(c.name)]


def parents_of_classes(folder: Folder, is_class: IsClass, least: int) -> list[Folder]:
    """The folders that class folders lie in, outermost first; those with fewer only if alone."""
    own = classes_in(folder, is_class)
    filled = [c for c in own if c.images]
    if len(filled) >= least or (len(own) >= least and filled):
        return [folder]
    below: list[Folder] = []
    if len(folder.parts) < _LEVELS:
        for child in folder.children.values():
            below += parents_of_classes(child, is_class, least)
    held = {parent.parts[: len(folder.parts) + 1] for parent in below}
    return [folder, *below] if any(c.parts not in held for c in filled) else below


def without_split(parts: Parts) -> Parts:
    """A path without its innermost split folder, equal for the splits of one tree.

    >>> without_split(("faces", "train_set")), without_split(("val", "images"))
    (('faces',), ('images',))
    """
    place = split_place(parts)
    return parts if place is None else parts[:place] + parts[place + 1 :]


def split_place(parts: Parts) -> int | None:
    """Where the innermost name of a split is among the folders above the classes."""
    places = [i for i, part in enumerate(parts) if split_name(part)]
    return places[-1] if places else None


def common_start(parents: list[Folder]) -> Parts:
    """The folder that holds the splits, or the class folders, of parents that belong together."""
    starts = [p.parts if (i := split_place(p.parts)) is None else p.parts[:i] for p in parents]
    return min(starts, key=len)


def walk_folders(folder: Folder) -> Iterator[Folder]:
    """A folder and all below it, each before what it holds."""
    stack = [folder]
    while stack:
        yield (here := stack.pop())
        stack += reversed(here.children.values())


def split_folder(parent: Folder) -> str:
    """The name of the split folder that class folders lie in; empty where there is none."""
    place = split_place(parent.parts)
    return "" if place is None else parent.parts[place]
