"""From an image to the bytes the network is trained on, and from bytes to numbers on the device."""

import numpy
import torch

from problems import Problem, optional

# Pillow is needed where images are decoded or resized, torchvision where they are cropped at random, erased or recoloured.
Image = optional("PIL.Image")
transforms = optional("torchvision.transforms")


class Preparation:
    """
    How images become input, by a data config (docs/datasets.md of mdp): first resize, central crop, stretch to the network's size.
    Training images are varied in its place, or after it.
    """

    def __init__(self, config, shape, recipe=None):
        self.config = config
        nhwc = config.get("layout") == "nhwc"
        channels, height, width = (shape[3], shape[1], shape[2]) if nhwc else shape[1:4]
        size = pair(config.get("size")) or (height, width)
        if not all(isinstance(extent, int) for extent in size):
            size = pair(config.get("crop")) or (224, 224)
        fixed = [(given, wanted) for given, wanted in zip(size, (height, width)) if isinstance(wanted, int)]
        if any(given != wanted for given, wanted in fixed):
            raise Problem(
                f"the data config brings images to {size[0]} x {size[1]}, the network wants {height} x {width} (height x width).",
                "Change 'size' in the data config, or give another one with --data-config.",
            )
        self.height, self.width = size
        self.channels = channels if isinstance(channels, int) else 3
        self.augment = "none" if recipe is None else recipe.augment
        if self.augment == "auto":
            self.augment = "resized-crop" if min(self.height, self.width) >= 96 else "shift"
        # Grey images are mostly digits, which have no mirror image.
        self.flip = recipe is not None and recipe.flip and self.channels > 1
        self.erase = 0.0 if recipe is None else recipe.erase
        self.policy = None
        if recipe is not None and (self.augment == "resized-crop" or self.erase > 0):
            # A missing torchvision is said before the first epoch.
            transforms.RandomResizedCrop
        if recipe is not None and recipe.rand_augment > 0 and self.channels == 3:
            self.policy = transforms.RandAugment(num_ops=2, magnitude=recipe.rand_augment)

    def evaluated(self, image, name):
        """channels x height x width, bytes."""
        return as_tensor(self.fitted(self.in_colours(image), name))

    def trained(self, image, name, seed):
        """As `evaluated`, varied at random; the seed alone decides how."""
        with torch.random.fork_rng(devices=[]):
            # Of the CPU alone: GPUs draw on from where they were.
            torch.default_generator.manual_seed(seed)
            return self.varied(self.in_colours(image), name)

    def varied(self, image, name):
        if self.augment == "resized-crop":
            crop = transforms.RandomResizedCrop.get_params(image, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3))
            top, left, height, width = crop
            box = (left, top, left + width, top + height)
            image = image.resize((self.width, self.height), Image.BILINEAR, box=box)
        else:
            image = self.fitted(image, name)
        if self.flip and torch.rand(()).item() < 0.5:
            image = image.transpose(Image.FLIP_LEFT_RIGHT)
        if self.policy is not None:
            image = self.policy(image)
        tensor = as_tensor(image)
        if self.augment == "shift":
            tensor = shifted(tensor, max(1, min(self.height, self.width) // 8))
        if self.erase > 0 and torch.rand(()).item() < self.erase:
            tensor = erased(tensor)
        return tensor

    def in_colours(self, image):
        if isinstance(image, numpy.ndarray):
            image = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            # A transparent pixel is as if on black.
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
        return image.convert("L" if self.channels == 1 else "RGB")

    def fitted(self, image, name):
        resize, crop = self.config.get("resize"), pair(self.config.get("crop"))
        if resize is not None:
            shorter = min(image.size)
            size = tuple(max(resize, int(extent * resize / shorter + 0.5)) for extent in image.size)
            image = image.resize(size, Image.BILINEAR)
        if crop is not None:
            height, width = crop
            if image.height < height or image.width < width:
                raise Problem(
                    f"'{name}' is {image.height} x {image.width} (height x width), smaller than the crop of {height} x {width}.",
                    "Set 'resize' in the data config to the crop's shorter side at least.",
                )
            top, left = (image.height - height) // 2, (image.width - width) // 2
            image = image.crop((left, top, left + width, top + height))
        if image.size != (self.width, self.height):
            image = image.resize((self.width, self.height), Image.BILINEAR)
        return image


class Normaliser:
    """(byte * scale - mean) / std per channel, on the device."""

    def __init__(self, config, channels, device, channels_last):
        self.bgr = config.get("channels") == "bgr"
        self.nhwc = config.get("layout") == "nhwc"
        self.channels_last = channels_last
        if "range" in config and config["range"] is not None:
            low, high = config["range"]
            factor, offset = [(high - low) / 255] * channels, [low] * channels
        else:
            scale = config.get("scale") or 1 / 255
            mean = per_channel(config.get("mean") or [0.0], channels)
            std = per_channel(config.get("std") or [1.0], channels)
            factor = [scale / deviation for deviation in std]
            offset = [-middle / deviation for middle, deviation in zip(mean, std)]
        self.device = device
        self.factor = torch.tensor(factor, device=device).reshape(1, channels, 1, 1)
        self.offset = torch.tensor(offset, device=device).reshape(1, channels, 1, 1)

    def __call__(self, images):
        """`images`: batch x channels x height x width, bytes in RGB."""
        images = images.to(self.device, non_blocking=True)
        if self.bgr:
            images = images.flip(1)
        numbers = images.float() * self.factor + self.offset
        if self.nhwc:
            return numbers.permute(0, 2, 3, 1).contiguous()
        return numbers.contiguous(memory_format=torch.channels_last) if self.channels_last else numbers


def as_tensor(image):
    pixels = numpy.array(image, dtype=numpy.uint8)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())


def shifted(tensor, most):
    """Moved by up to `most` pixels in each direction; what comes into view repeats the border."""
    down, right = (int(torch.randint(-most, most + 1, ())) for _ in range(2))
    _, height, width = tensor.shape
    rows = torch.arange(height).sub(down).clamp(0, height - 1)
    columns = torch.arange(width).sub(right).clamp(0, width - 1)
    return tensor[:, rows][:, :, columns]


def erased(tensor):
    """A rectangle of 2 to 33 % of the image becomes noise (Zhong et al., 1708.04896)."""
    _, height, width = tensor.shape
    top, left, high, wide, _ = transforms.RandomErasing.get_params(tensor, (0.02, 0.33), (0.3, 3.3), [0.0])
    tensor[:, top : top + high, left : left + wide] = torch.randint(0, 256, tensor[:, top : top + high, left : left + wide].shape, dtype=torch.uint8)
    return tensor


def pair(size):
    if size is None:
        return None
    return (size, size) if isinstance(size, int) else tuple(size)


def per_channel(numbers, channels):
    numbers = numbers if isinstance(numbers, list) else [numbers]
    return numbers * channels if len(numbers) == 1 else numbers


