"""Networks of torchvision and timm with seeded weights, for proofs of the PyTorch import.

Needs torch, torchvision and timm: `make test-torch` installs them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def with_torchvision() -> Any:
    """Import torchvision, also a build for another torch, whose compiled part cannot be loaded.

    Its networks are written in Python; only NMS and the like are compiled, and timm needs none.
    """
    import torch

    try:
        import torchvision
    except RuntimeError as e:
        if "does not exist" not in str(e):
            raise
        import sys

        for name in [m for m in sys.modules if m.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        global _LIBRARY
        _LIBRARY = torch.library.Library("torchvision", "DEF")
        _LIBRARY.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _LIBRARY.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _LIBRARY.impl("nms", _nms, "CPU")
        import torchvision

        torchvision.extension._has_ops = _has_ops
    return torchvision


_LIBRARY: Any = None


def _has_ops() -> bool:
    return True


def _nms(boxes: Any, scores: Any, iou_threshold: float) -> Any:
    """Greedy suppression, by its definition: torchvision.ops.nms."""
    import torch

    left = scores.argsort(descending=True, stable=True).tolist()
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept = []
    while left:
        best, *left = left
        kept.append(best)
        low = torch.maximum(boxes[best, :2], boxes[left, :2])
        high = torch.minimum(boxes[best, 2:], boxes[left, 2:])
        inter = (high - low).clamp(min=0).prod(1)
        iou = inter / (areas[best] + areas[left] - inter)
        left = [i for i, v in zip(left, iou.tolist(), strict=True) if v <= iou_threshold]
    return torch.tensor(kept, dtype=torch.int64)


def settled(module: Any, size: tuple[int, int]) -> Any:
    """Return the module in eval mode, its batch norms as after training on one batch of noise.

    Freshly made, values shrink or grow through the layers until every output says nothing.
    """
    import torch

    norms = [m for m in module.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        module.train()(torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1)))
    return module.eval()


@dataclass(frozen=True)
class Net:
    """make: () → a module in eval mode. size: rows and columns of its picture."""

    make: Callable[[], Any]
    size: tuple[int, int]


def _detector(name: str, size: int) -> Net:
    sides = (size, size)
    return Net(lambda: settled(backbone_and_head(whole_detector(name)), sides), sides)


def whole_detector(name: str, **settings: Any) -> Any:
    """Return a detector of torchvision with its postprocessing, random weights of seed 0."""
    import torch

    detection = with_torchvision().models.detection
    torch.manual_seed(0)
    return getattr(detection, name)(weights=None, weights_backbone=None, **settings).eval()


def backbone_and_head(detector: Any) -> Any:
    """Return the part of a torchvision detector between its picture and its raw outputs."""
    import torch

    class BackboneAndHead(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone, self.head = detector.backbone, detector.head

        def forward(self, image: Any) -> Any:
            features = list(self.backbone(image).values())
            return self.head(features)

    return BackboneAndHead().eval()


def _classifier(name: str, size: int = 224, **settings: Any) -> Net:
    def make() -> Any:
        import torch

        models = with_torchvision().models
        torch.manual_seed(0)
        return settled(getattr(models, name)(weights=None, **settings), (size, size))

    return Net(make, (size, size))


def _timm(name: str, size: int = 224, **settings: Any) -> Net:
    def make() -> Any:
        import torch

        with_torchvision()
        import timm

        torch.manual_seed(0)
        return settled(timm.create_model(name, pretrained=False, **settings), (size, size))

    return Net(make, (size, size))


NETS: dict[str, Net] = {
    "mobilenet_v3": _classifier("mobilenet_v3_large"),
    "mobilenet_v4": _timm("mobilenetv4_conv_small"),
    "ssdlite320": _detector("ssdlite320_mobilenet_v3_large", 320),
    "repvit": _timm("repvit_m0_9"),
    "efficientnet_v2": _timm("tf_efficientnetv2_b0"),
    "vit_tiny": _timm("vit_tiny_patch16_224"),
    "fastvit": _timm("fastvit_t8"),
    "resnet50": _classifier("resnet50"),
    "convnext_tiny": _timm("convnext_tiny"),
    "swin_tiny": _timm("swin_tiny_patch4_window7_224"),
    "fcos": _detector("fcos_resnet50_fpn", 256),
    "retinanet": _detector("retinanet_resnet50_fpn", 256),
    "ssd300": _detector("ssd300_vgg16", 300),
}
