"""Every classification network of torchvision as an encoder, cut at its last grid.

A network of torchvision is, up to its head, a chain of its children. One closed table lists the
children of that chain for each family; weights keep torchvision's names, so its files load as they
are. Only the vision transformer, with its class token, does not fit the pattern: it has a function.

References:
    torchvision's models and weights: https://docs.pytorch.org/vision/stable/models.html
    Dosovitskiy et al. 2021, An Image is Worth 16x16 Words: the tokens of the vision transformer.
"""

import difflib
import re
from collections import OrderedDict
from pathlib import Path
from typing import cast

import torch
import torchvision
from jaxtyping import Float
from torch import Tensor, nn

from multimodal.files import read_weights
from multimodal.nn.encoder import ImageEncoder
from multimodal.nn.weights import load_named, weights_below

# Prefix of the name -> the children that lead to the last grid; ".*" stands for all of a child's.
_CHAINS = {
    "alexnet": "features.*",
    "convnext": "features.*",
    "densenet": "features.*",
    "efficientnet": "features.*",
    "googlenet": "conv1 maxpool1 conv2 conv3 maxpool2 inception3a inception3b maxpool3 inception4a "
    "inception4b inception4c inception4d inception4e maxpool4 inception5a inception5b",
    "inception_v3": "Conv2d_1a_3x3 Conv2d_2a_3x3 Conv2d_2b_3x3 maxpool1 Conv2d_3b_1x1 "
    "Conv2d_4a_3x3 maxpool2 Mixed_5b Mixed_5c Mixed_5d Mixed_6a Mixed_6b Mixed_6c Mixed_6d "
    "Mixed_6e Mixed_7a Mixed_7b Mixed_7c",
    "maxvit": "stem blocks.*",
    "mnasnet": "layers.*",
    "mobilenet": "features.*",
    "regnet": "stem trunk_output.*",
    "resnet": "conv1 bn1 relu maxpool layer1 layer2 layer3 layer4",
    "resnext": "conv1 bn1 relu maxpool layer1 layer2 layer3 layer4",
    "shufflenet": "conv1 maxpool stage2 stage3 stage4 conv5",
    "squeezenet": "features.*",
    "swin": "features.* norm permute",
    "vgg": "features.*",
    "vit": "conv_proj encoder.layers.* encoder.ln",
    "wide_resnet": "conv1 bn1 relu maxpool layer1 layer2 layer3 layer4",
}
_HEADS = ("AuxLogits", "aux1", "aux2", "classifier", "fc", "head", "heads")
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_HALF_NAMES = ("googlenet", "inception_v3", "efficientnet_v2_l")  # as their weights were trained
# Networks with learned positions take images of one size.
_FIXED_SIZES = {"maxvit": 224, "vit": 224, "vit_h_14": 518}
_SMALLEST = {"alexnet": 63, "inception_v3": 75, "densenet": 29, "squeezenet": 21, "vgg": 32}


class TorchvisionEncoder(ImageEncoder):
    """Any classification network of torchvision, without its head.

    Args:
        name: torchvision's name of the network, such as ``resnet50``.
        weights: ``none``, ``pretrained`` (downloaded by torchvision), or the path of a ``.pth`` or
            ``.safetensors`` file with torchvision's names; half precision becomes single.
        trainable_stages: Number of last stages that are trained: 0 none, -1 all.

    Raises:
        FileNotFoundError: If the weight file is not there.
        ValueError: If torchvision has no such network, or the weights do not fit.
        OSError: If pretrained weights cannot be downloaded.

    Example:
        >>> encoder = TorchvisionEncoder("shufflenet_v2_x0_5", trainable_stages=0)
        >>> encoder.feature_dim, encoder.grid(224, 224)
        (1024, (7, 7))
    """

    def __init__(self, name: str, *, weights: str = "none", trainable_stages: int = -1) -> None:
        family = _family(name)
        mean, std = _HALF if name in _HALF_NAMES else _IMAGENET
        super().__init__(name, mean=mean, std=std)
        self.family = family
        self.image_size = _FIXED_SIZES.get(name, _FIXED_SIZES.get(family))
        self.network = _network(name, family, self.image_size)
        self._paths = _chain(self.network, family)
        body = {path.split(".")[0] for path in self._paths}
        for child in {name for name, _ in self.network.named_children()} - body:
            delattr(self.network, child)  # the head and the pooling before it
        if weights == "pretrained":
            self._load_network(_download(name), f"torchvision's weights of {name}")
        elif weights != "none":
            self.load_weights(Path(weights))
        size = self.image_size or 224
        self.feature_dim = self._map_shape(size, size)[0]
        self._finish(trainable_stages)

    def stages(self) -> list[list[nn.Module]]:
        """Make every link of the chain a stage; norms and links without weights join the last."""
        stages: list[list[nn.Module]] = []
        for path in self._paths:
            module = self.network.get_submodule(path)
            if stages and (_is_norm(module) or next(module.parameters(), None) is None):
                stages[-1].append(module)
            else:
                stages.append([module])
        return stages

    def encode(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch feature rows columns"]:
        """Turn normalised images into the last grid of the network."""
        self._check_size(*images.shape[-2:])
        if self.family == "vit":
            return self._encode_tokens(images)
        features: Tensor = images
        for path in self._paths:
            features = self.network.get_submodule(path)(features)
        # DenseNet's last activation is in its forward, not among its children.
        return features.relu() if self.family == "densenet" else features

    def load_weights(self, path: Path) -> None:
        """Load torchvision's weights of this network, or those in a checkpoint that contains it."""
        weights = weights_below(read_weights(path), self.network.state_dict())
        self._load_network(weights, str(path))

    def _load_network(self, weights: dict[str, Tensor], source: str) -> None:
        body = OrderedDict(
            (_new_densenet_name(name), tensor)
            for name, tensor in weights.items()
            if name.split(".")[0] not in _HEADS
        )
        load_named(self.network, body, source)

    def _encode_tokens(self, images: Tensor) -> Tensor:
        """Run the vision transformer and arrange its tokens, without the class token, as a grid."""
        patches = self.network.get_submodule("conv_proj")(images)
        batch, feature, rows, columns = patches.shape
        tokens = patches.flatten(2).transpose(1, 2)  # (batch, regions, feature)
        class_token = cast("Tensor", self.network.class_token).expand(batch, -1, -1)
        tokens = torch.cat([class_token, tokens], dim=1)
        tokens = cast("Tensor", self.network.get_submodule("encoder")(tokens))
        return tokens[:, 1:].transpose(1, 2).reshape(batch, feature, rows, columns)

    def _check_size(self, height: int, width: int) -> None:
        if self.image_size and (height, width) != (self.image_size, self.image_size):
            raise ValueError(
                f"{self.name} takes images of {self.image_size} x {self.image_size} pixels only, "
                f"got {height} x {width}. Set the transform's size to {self.image_size}."
            )
        smallest = _SMALLEST.get(self.family, 1)
        if min(height, width) < smallest:
            raise ValueError(
                f"{self.name} takes images of at least {smallest} x {smallest} pixels, "
                f"got {height} x {width}. Set the transform's size to {smallest} or more."
            )


def _family(name: str) -> str:
    """Find the family of a network in the table."""
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        close = difflib.get_close_matches(name, ["small", *known], n=3, cutoff=0.5)
        hint = f"Did you mean {' or '.join(close)}?" if close else 'Try "small" or "resnet18".'
        raise ValueError(
            f'No encoder is called "{name}": it must be "small" or a classification network of '
            f"torchvision. {hint}"
        )
    families = [family for family in _CHAINS if re.match(rf"{family}(_|\d|$)", name)]
    if not families:
        raise ValueError(
            f'torchvision\'s "{name}" belongs to a family whose last grid is not known here. '
            f"Choose one of {', '.join(sorted(_CHAINS))}."
        )
    return families[0]


def _network(name: str, family: str, image_size: int | None) -> nn.Module:
    options: dict[str, object] = {}
    if family in ("googlenet", "inception_v3"):
        # Their own initialisation takes a minute; the auxiliary heads are heads.
        options = {"aux_logits": False, "init_weights": False}
    if family == "vit":
        options = {"image_size": image_size}
    network: nn.Module = torchvision.models.get_model(name, weights=None, **options)
    return network


def _chain(network: nn.Module, family: str) -> list[str]:
    paths = []
    for link in _CHAINS[family].split():
        if link.endswith(".*"):
            parent = link.removesuffix(".*")
            children = network.get_submodule(parent).named_children()
            paths += [f"{parent}.{name}" for name, _ in children]
        else:
            paths.append(link)
    return paths


def _is_norm(module: nn.Module) -> bool:
    return isinstance(module, nn.BatchNorm2d | nn.LayerNorm)


def _download(name: str) -> dict[str, Tensor]:
    chosen = torchvision.models.get_model_weights(name).DEFAULT
    try:
        # OSError: no network; RuntimeError: the file came, but its checksum is wrong.
        weights: dict[str, Tensor] = chosen.get_state_dict(
            progress=False, check_hash=True, weights_only=True
        )
    except (OSError, RuntimeError) as error:
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        raise OSError(
            f"Could not download torchvision's weights of {name} ({error}). Copy "
            f"{chosen.url.split('/')[-1]} into {folder}, or set weights to the path of a "
            ".pth or .safetensors file."
        ) from error
    return weights


def _new_densenet_name(name: str) -> str:
    """Rename the layers of torchvision's oldest files: ``denselayer1.norm.1`` is ``norm1`` now."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.(\d)", r"\1\2", name)
