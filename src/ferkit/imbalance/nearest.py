"""The exact nearest rows of a matrix, by matrix multiplication in blocks, on a GPU or all cores.

Two stages. Candidates: |x - y|^2 = |x|^2 + |y|^2 - 2 x.y with float32 products, of which the few
smallest of a row are kept. Ranking: the distances to those few from float64 differences, which are
exact for pixels. Whether a row outside the candidates could be nearer follows from a bound on the
float32 error that holds for any order of summation (Higham, "Accuracy and Stability of Numerical
Algorithms", 2nd ed., section 3.1); where it could, the row is done again with more candidates, in
the end with all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_SPARE = 4  # candidates beyond the neighbours asked for
_MORE = 16  # times as many where these do not suffice
_UNIT = 2.0**-24  # unit roundoff of float32
# float64 differences held at a time: what fits a core's cache, and what fills a GPU
_RANKED = {"cpu": 1 << 18, "cuda": 1 << 27}


@dataclass
class _Search:
    """Fitted rows and the rows that are asked about.

    Attributes:
        points: [N, D].
        asked: [Q, D]; None: the points themselves, and each pair is multiplied once.
        own: int64 [Q], the point that a row never gets as its neighbour, or -1.
        centre: [D]; distances do not change by it, products and their rounding become smaller.
        norms: float32 [N], squared, of the centred points.
        block: Rows multiplied at a time.
    """

    points: Tensor
    asked: Tensor | None
    own: Tensor
    centre: Tensor
    norms: Tensor
    block: int

    @property
    def queries(self) -> Tensor:
        return self.points if self.asked is None else self.asked


def nearest_rows(
    points: np.ndarray,
    asked: np.ndarray | None,
    count: int,
    *,
    own: np.ndarray | None = None,
    device: str | None = None,
    block: int = 4096,
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest points of each row, nearest first, of equally near ones the lowest index first.

    Args:
        points: float32 or float64 [N, D].
        asked: [Q, D] of the same type; None asks about the points themselves, each of which
            is no neighbour of its own.
        count: Neighbours a row; at most N, or N - 1 where a row is excluded.
        own: int64 [Q], the point to leave out for each row of `asked`, -1 for none.
        device: A torch device; by default a GPU where there is one.
        block: Rows multiplied at a time; memory beside the points is some 4 block^2 numbers.

    Returns:
        Squared distances, float64 [Q, count], exact to float64's rounding of a sum (for
        integers below 2^26 altogether), and indices, int64 [Q, count].

    Raises:
        ValueError: fewer points than `count`.
    """
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    place = torch.device("cpu") if place.type == "mps" else place  # it has no float64
    tensor = torch.from_numpy(points).to(place)
    rows = None if asked is None else torch.from_numpy(asked).to(place)
    if asked is None:
        own = np.arange(len(points))
    elif own is None:
        own = np.full(len(asked), -1)
    available = len(points) - int((own >= 0).any())
    if count > available:
        raise ValueError(f"{count} neighbours asked for, but there are {available} rows.")
    with torch.inference_mode(), _full_float32():
        centre = tensor.mean(0).round()
        norms = _norms(tensor, centre, block).float()
        search = _Search(tensor, rows, torch.from_numpy(own).to(place), centre, norms, block)
        squared, indices = _find(search, count, min(count + _SPARE, available), available)
    return squared.cpu().numpy(), indices.cpu().numpy()


@contextmanager
def _full_float32() -> Iterator[None]:
    # the error bound is float32's; TF32 and bfloat16 products would break it
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _find(search: _Search, count: int, kept: int, available: int) -> tuple[Tensor, Tensor]:
    scores, found = _candidates(search, kept)
    squared, indices = _rank(search, found, count)
    if kept == available:
        return squared, indices
    norms = _norms(search.queries, search.centre, search.block)
    bound = _error_bound(norms, search.norms.double().max(), search.points.shape[1])
    # whatever was not kept has at least the largest kept score
    sure = norms + scores[:, -1].double() - bound > squared[:, -1]
    if again := (~sure).nonzero()[:, 0].tolist():
        rows = torch.tensor(again, device=found.device)
        fewer = _Search(
            search.points,
            search.queries[rows],
            search.own[rows],
            search.centre,
            search.norms,
            search.block,
        )
        squared[rows], indices[rows] = _find(fewer, count, min(kept * _MORE, available), available)
    return squared, indices


def _error_bound(norms: Tensor, largest: Tensor, dimensions: int) -> Tensor:
    # |score + |x|^2 - d^2|: the product's rounding, 2 gamma_D |x||y|, and that of centring the
    # rows, of the norm and of the sum, less than 8 u (|x| + |y|)^2 together
    gamma = dimensions * _UNIT / (1 - dimensions * _UNIT)
    own, other = norms.sqrt(), largest.sqrt()
    return 2 * gamma * own * other + 8 * _UNIT * (own + other) ** 2


def _centred(rows: Tensor, centre: Tensor) -> Tensor:
    return (rows - centre).float()


def _norms(rows: Tensor, centre: Tensor, block: int) -> Tensor:
    parts = [_centred(part, centre).double().square_().sum(1) for part in torch.split(rows, block)]
    return torch.cat(parts)  # float64 [N]


def _candidates(search: _Search, kept: int) -> tuple[Tensor, Tensor]:
    """The smallest scores |y|^2 - 2 x.y of each row, ascending, and whose they are: [Q, kept]."""
    total, block = len(search.queries), search.block
    best = search.norms.new_full((total, kept), torch.inf)
    found = torch.full((total, kept), -1, device=best.device)
    for i in range(0, total, block):
        rows = _centred(search.queries[i : i + block], search.centre)  # [B, D]
        for j in range(i if search.asked is None else 0, len(search.points), block):
            columns = _centred(search.points[j : j + block], search.centre)  # [C, D]
            products = (rows @ columns.T).mul_(-2)  # [B, C]
            if search.asked is None and j > i:
                # clone: the turned view of a single column is contiguous, and would be shared
                turned = products.T.clone(memory_format=torch.contiguous_format)
                turned.add_(search.norms[i : i + block])
                _keep(best, found, turned, j, i, search.own)
            _keep(best, found, products.add_(search.norms[j : j + block]), i, j, search.own)
    return best, found


def _keep(
    best: Tensor, found: Tensor, scores: Tensor, first_row: int, first_column: int, own: Tensor
) -> None:
    rows = slice(first_row, first_row + scores.shape[0])
    inside = own[rows] - first_column
    excluded = ((inside >= 0) & (inside < scores.shape[1])).nonzero()[:, 0]
    scores[excluded, inside[excluded]] = torch.inf
    near = scores.topk(min(best.shape[1], scores.shape[1]), largest=False)
    values = torch.cat([best[rows], near.values], 1)
    indices = torch.cat([found[rows], near.indices + first_column], 1)
    top = values.topk(best.shape[1], largest=False, sorted=True)
    best[rows], found[rows] = top.values, indices.gather(1, top.indices)


def _rank(search: _Search, found: Tensor, count: int) -> tuple[Tensor, Tensor]:
    found = found.sort(1).values  # a stable sort by distance then puts the lowest index first
    held = _RANKED.get(found.device.type, _RANKED["cpu"])
    step = max(1, held // (found.shape[1] * search.points.shape[1]))
    pairs = zip(torch.split(found, step), torch.split(search.queries, step), strict=True)
    apart = (search.points[near].double() - rows.double()[:, None] for near, rows in pairs)
    squared = torch.cat([difference.square_().sum(2) for difference in apart])  # [Q, kept]
    order = squared.sort(dim=1, stable=True)
    return order.values[:, :count], found.gather(1, order.indices[:, :count])
