"""The frame-attention network against its formulas, and where its weights come from."""

import pytest
import torch

from ferkit.backbones.frame_attention import FrameAttention
from ferkit.backbones.freezing import freeze
from ferkit.backbones.start import start
from ferkit.errors import ConfigError, DataError
from ferkit.model import feature_size, load_model, make_model, save_model

FRAME = {"_target_": "ferkit.backbones.kurmi_cnn.KurmiCNN"}
EMOTIONS = ["angry", "happy", "sad"]
NODES = {
    "backbone": {"_target_": "ferkit.backbones.frame_attention.FrameAttention", "frame": FRAME},
    "input": {"_target_": "ferkit.input.Input", "scale": "-1..1"},
    "faces": {"size": 32},
}


def make(attention="relation", frame=FRAME, **options):
    torch.manual_seed(0)
    return FrameAttention(3, 1, size=32, frame=frame, attention=attention, **options).eval()


def videos(count=2, frames=5):
    return torch.randn(count, frames, 1, 32, 32, generator=torch.Generator().manual_seed(1))


def by_loops(network, video):
    """The paper's formulas, frame by frame."""
    vectors = [network.frame.features(frame[None])[0] for frame in video]
    own = [torch.sigmoid(network.self_attention(vector)) for vector in vectors]
    pooled = sum(a * v for a, v in zip(own, vectors, strict=True)) / sum(own)
    if network.relation_attention is not None:
        joined = [torch.cat([vector, pooled]) for vector in vectors]
        related = [torch.sigmoid(network.relation_attention(each)) for each in joined]
        both = [a * c for a, c in zip(own, related, strict=True)]
        pooled = sum(w * v for w, v in zip(both, joined, strict=True)) / sum(both)
    return network.classifier(pooled)


@pytest.mark.parametrize("attention", ["self", "relation"])
@torch.no_grad()
def test_scores_are_the_formulas(attention):
    network, shown = make(attention), videos()
    expected = torch.stack([by_loops(network, video) for video in shown])
    torch.testing.assert_close(network(shown), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("attention", ["self", "relation"])
@torch.no_grad()
def test_weights_of_a_video_sum_to_one_and_favour_some(attention):
    network = make(attention)
    vectors = 3 * torch.randn(4, 7, network.self_attention.in_features)
    weights, _ = network.attend(vectors)
    assert weights.shape == (4, 7)
    torch.testing.assert_close(weights.sum(1), torch.ones(4))
    assert (weights.max(1).values > 1.2 * weights.min(1).values).all()


@torch.no_grad()
def test_order_of_frames_does_not_matter_and_their_number_is_free():
    network, shown = make(), videos(frames=6)
    torch.testing.assert_close(network(shown.flip(1)), network(shown), atol=1e-5, rtol=1e-4)
    twice = torch.cat([shown, shown], dim=1)
    torch.testing.assert_close(network(twice), network(shown), atol=1e-5, rtol=1e-4)
    still = videos(frames=1)
    torch.testing.assert_close(network(still[:, 0]), network(still))


def test_attention_learns():
    network = make(dropout=0.0, relation_dropout=0.0)
    torch.nn.functional.cross_entropy(network(videos(frames=3)), torch.tensor([0, 2])).backward()
    for layer in (network.self_attention, network.relation_attention):
        assert layer.weight.grad.abs().max() > 0


def test_default_frame_network_is_resnet18():
    network = FrameAttention(7, 3, size=64)
    body = sum(p.numel() for p in network.frame.parameters())
    assert body == 11_176_512  # torchvision's ResNet18 without its head
    assert network.classifier.weight.shape == (7, 1024)


def test_starts_from_a_run_of_single_faces(tmp_path):
    torch.manual_seed(3)
    faces = make_model(NODES | {"backbone": FRAME}, ["fear", "happy"], 32, 1)
    save_model(faces, tmp_path / "model.safetensors")
    network = make()
    before = network.classifier.weight.clone()
    (said,) = start(network, {"init_from": str(tmp_path)}, EMOTIONS, NODES["input"])
    assert "for the frames" in said
    theirs = {n: t for n, t in faces.backbone.state_dict().items() if "classifier" not in n}
    ours = network.frame.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert torch.equal(network.classifier.weight, before)
    start(network, {"init_from": str(tmp_path)}, ["fear", "happy"])  # its head is of no use here
    with pytest.raises(DataError, match="does not fit"):
        start(
            make(frame={"_target_": "ferkit.backbones.mini_xception.MiniXception"}),
            {"init_from": str(tmp_path)},
            EMOTIONS,
        )


def test_starts_from_a_run_of_videos_and_comes_back_from_its_file(tmp_path):
    model = make_model(NODES, EMOTIONS, 32, 1)
    save_model(model, tmp_path / "model.safetensors")
    again = load_model(tmp_path)
    shown = (videos() * 50 + 128).clamp(0, 255).to(torch.uint8)
    with torch.no_grad():
        assert torch.equal(again(shown), model.eval()(shown))
        assert again(shown[:, 0]).shape == (2, 3)
    assert feature_size(again) == again.backbone.classifier.in_features
    network = make()
    (said,) = start(network, {"init_from": str(tmp_path)}, EMOTIONS)
    assert said.endswith("head included")


def test_head_alone_and_attention_can_be_left_to_learn():
    network = make()
    assert freeze(network, "head_only").startswith("the head alone learns")
    freeze(network, "last_n", 3)
    learning = {n.split(".")[0] for n, p in network.named_parameters() if p.requires_grad}
    assert learning == {"self_attention", "relation_attention", "classifier"}


def test_what_is_no_network_of_faces_is_refused():
    with pytest.raises(ConfigError, match="single faces"):
        make(frame=NODES["backbone"])
    with pytest.raises(ConfigError, match=r"backbone\.pretrained"):
        make(frame={**FRAME, "pretrained": True})
    with pytest.raises(ConfigError, match="frame"):
        make(frame={**FRAME, "freeze": "head_only"})
