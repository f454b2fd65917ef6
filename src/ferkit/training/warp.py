"""The geometry of augmentation: affine maps, and one bilinear resampling of a whole batch."""

import torch
from torch import Tensor
from torch.nn import functional as F

# fill -> grid_sample's word
FILLS = {"nearest": "border", "reflect": "reflection", "zeros": "zeros"}


def affine_matrices(
    *,
    rotation: Tensor,
    shift: Tensor,
    shear: Tensor,
    zoom: Tensor,
    mirrored: Tensor,
    sides: tuple[int, int],
) -> Tensor:
    """Maps from a pixel of the result to the place in the face that it is read from.

    Places are (x, y) in pixels from the centre, y downwards; the order of the parts is Keras'.

    Args:
        rotation: Degrees, [B].
        shift: Shares of width and height, [B, 2]; the face moves up and left for positive ones
            (before the rotation is taken into account).
        shear: Degrees, [B].
        zoom: What x and y are multiplied by, [B, 2]; above 1 the face grows smaller.
        mirrored: Whether the result is mirrored left and right, bool [B].
        sides: Height and width in pixels.

    Returns:
        [B, 2, 3].
    """
    turn, slant = torch.deg2rad(rotation), torch.deg2rad(shear)
    rotate = _matrix(turn.cos(), turn.sin(), -turn.sin(), turn.cos())
    skew = _matrix(slant.cos(), torch.zeros_like(slant), -slant.sin(), torch.ones_like(slant))
    scale = torch.diag_embed(zoom.clone())
    scale[:, 0, 0] *= 1 - 2 * mirrored.to(zoom)
    offset = shift * shift.new_tensor([sides[1], sides[0]])  # [B, 2], x and y in pixels
    return torch.cat((rotate @ skew @ scale, rotate @ offset[:, :, None]), dim=2)


def warp(images: Tensor, matrices: Tensor, fill: str = "nearest") -> Tensor:
    """Resample a batch bilinearly.

    Args:
        images: Float [B, C, H, W].
        matrices: As `affine_matrices` gives them, [B, 2, 3], on any device.
        fill: What lies beyond the border: "nearest", "reflect" or "zeros".

    Returns:
        [B, C, H, W].
    """
    if not len(images):  # grid_sample refuses an empty batch
        return images
    height, width = images.shape[-2:]
    half = matrices.new_ones(3)
    half[0], half[1] = width / 2, height / 2  # filled there: a tensor made of a list is copied
    # torch's grid runs from -1 to 1 over each side
    theta = (matrices * half / half[:2, None]).to(images)
    grid = F.affine_grid(theta, [len(images), 1, height, width], align_corners=False)
    return F.grid_sample(images, grid, padding_mode=FILLS[fill], align_corners=False)


def _matrix(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    return torch.stack((a, b, c, d), dim=1).reshape(-1, 2, 2)  # [B, 2, 2]
