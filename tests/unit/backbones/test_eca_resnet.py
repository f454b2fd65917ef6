"""The small residual network against its arithmetic written out."""

import pytest
import torch
from torch.nn import functional as F

from ferkit.backbones.eca_resnet import Block, ChannelAttention, eca_resnet
from ferkit.errors import ConfigError


def test_sizes():
    assert sum(p.numel() for p in eca_resnet(7).parameters()) == 694_113
    assert eca_resnet(7, size=64).eval()(torch.zeros(2, 1, 64, 64)).shape == (2, 7)


def test_attention_weighs_a_channel_by_its_neighbours():
    torch.manual_seed(0)
    attention, maps = ChannelAttention(), torch.randn(2, 5, 3, 3)
    a, b, c = attention.weigh.weight[0, 0]
    means = F.pad(maps.mean(dim=(2, 3)), (1, 1))
    weights = torch.sigmoid(a * means[:, :-2] + b * means[:, 1:-1] + c * means[:, 2:])
    torch.testing.assert_close(attention(maps), maps * weights[:, :, None, None])


def test_a_block_begins_as_the_identity():
    maps = torch.rand(2, 8, 6, 6)
    torch.testing.assert_close(Block(8, 8)(maps), maps)


@pytest.mark.parametrize(
    "words", [{"widths": [8, 16]}, {"depths": [1, 0, 1]}, {"size": 7}, {"widths": [], "depths": []}]
)
def test_what_does_not_fit_is_refused_by_a_sentence(words):
    with pytest.raises(ConfigError, match=r"do not fit|at least 8 pixels"):
        eca_resnet(7, **words)
