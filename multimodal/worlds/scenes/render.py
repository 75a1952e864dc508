"""Render scenes in whole numbers only, so that images are equal to the bit everywhere.

An object is painted through a coverage mask with 16 samples a pixel, cached for each (shape,
texture, radius, angle); blending, light and noise are a few 16-bit operations on channel planes.
"""

import math
from functools import lru_cache
from typing import Final

import numpy as np
from jaxtyping import Bool, UInt8, UInt16

from multimodal.worlds.draws import GOLDEN
from multimodal.worlds.scenes.graph import UNITS, Background, Lighting, Scene, Shape, Texture

MIN_PIXELS: Final = 48
MAX_PIXELS: Final = 256

_SUBPIXELS: Final = 4  # samples along each side of a pixel
_FINE: Final = 64  # geometry is computed in 1/64 of a pixel
_ONE: Final = 4096  # fixed-point 1.0 of sines and cosines
_BIAS: Final = 64  # keeps noise positive in unsigned arithmetic
_BANK: Final = 65536 + 3 * MAX_PIXELS**2
_DARK: Final = 10  # of 16: the shade of stripes and dots


def render_scene(scene: Scene, size: int) -> UInt8[np.ndarray, "{size} {size} 3"]:
    """Render a scene in RGB, as a square of 48 to 256 pixels a side.

    Its memory is one plane a channel, so that a ``(3, height, width)`` tensor of it copies nothing.

    Raises:
        ValueError: If the size is out of range, or an object (of a scene made by hand) crosses the
            border.

    Example:
        >>> from multimodal.worlds.scenes import sample_scene
        >>> picture = render_scene(sample_scene(0, 0, "train"), 64)
        >>> picture.shape, picture.dtype
        ((64, 64, 3), dtype('uint8'))
    """
    if not MIN_PIXELS <= size <= MAX_PIXELS:
        raise ValueError(
            f"`size` must be between {MIN_PIXELS} and {MAX_PIXELS} pixels, got {size}."
        )
    canvas = _paint_background(scene.background, size)
    for thing in scene.objects:
        keep, paint = _masks(
            thing.shape,
            thing.texture,
            int(thing.radius * UNITS) * size * _FINE // UNITS,
            thing.angle,
        )
        half = keep.shape[0] // 2
        column = (int(thing.x * UNITS) * size + UNITS // 2) // UNITS
        row = (int(thing.y * UNITS) * size + UNITS // 2) // UNITS
        if not (half <= column <= size - half and half <= row <= size - half):
            raise ValueError(
                f"Objects must lie inside the picture, got a {thing.name} at "
                f"({thing.x}, {thing.y}) with radius {thing.radius}. Keep its centre at least "
                f"{thing.radius + 2 / MIN_PIXELS:.3f} from every border."
            )
        patch = canvas[:, row - half : row + half, column - half : column + half]
        patch *= keep
        patch += np.array(thing.rgb, dtype=np.uint16).reshape(3, 1, 1) * paint
        patch >>= 8
    _light(canvas, scene.lighting)
    return canvas.astype(np.uint8).transpose(1, 2, 0)


@lru_cache(maxsize=512)
def _ramp(size: int) -> np.ndarray:
    """Run from -256 at one edge to 256 at the other."""
    steps = np.arange(size, dtype=np.int32)
    return (2 * steps + 1 - size) * 256 // size


def _paint_background(background: Background, size: int) -> UInt16[np.ndarray, "3 {size} {size}"]:
    start = np.array(background.start, dtype=np.int32).reshape(3, 1)
    end = np.array(background.end, dtype=np.int32).reshape(3, 1)
    blend = (start * (256 - _ramp(size)) + end * (256 + _ramp(size))) >> 9  # (3, size)
    canvas = np.empty((3, size, size), dtype=np.uint16)
    canvas[...] = blend[:, None, :] if background.direction == "right" else blend[:, :, None]
    return canvas


def _light(canvas: np.ndarray, lighting: Lighting) -> None:
    """Multiply by the light and add the noise, in place."""
    size = canvas.shape[1]
    ramp = _ramp(size)
    rows = (ramp * lighting.slope_y + lighting.brightness * 256).reshape(size, 1)
    canvas *= ((rows + ramp * lighting.slope_x) >> 8).astype(np.uint16)
    canvas >>= 7
    lowest, highest = _limits(size)
    if lighting.noise:
        begin = lighting.noise_offset
        canvas += _noise_bank(lighting.noise)[begin : begin + canvas.size].reshape(canvas.shape)
    else:
        canvas += lowest
    np.maximum(canvas, lowest, out=canvas)
    np.minimum(canvas, highest, out=canvas)
    canvas -= lowest


@lru_cache(maxsize=8)
def _limits(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Make arrays of `_BIAS` and of 255 above it: 4 times as fast as comparing with numbers."""
    shape = (3, size, size)
    return np.full(shape, _BIAS, np.uint16), np.full(shape, _BIAS + 255, np.uint16)


@lru_cache(maxsize=16)
def _noise_bank(deviation: int) -> UInt16[np.ndarray, " bank"]:
    """Make nearly normal noise around `_BIAS`: sums of the upper four bytes of mixed numbers."""
    state = np.arange(1, _BANK + 1, dtype=np.uint64) * np.uint64(GOLDEN)
    # SplitMix64 without its last step, which images were drawn with from the start.
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    total = np.zeros(_BANK, dtype=np.int32)
    for byte in range(4):
        total += ((state >> np.uint64(32 + 8 * byte)) & np.uint64(255)).astype(np.int32)
    # Four uniform bytes sum to 510 with a standard deviation of 147.8.
    bank = (_BIAS + (total - 510) * deviation // 148).astype(np.uint16)
    bank.flags.writeable = False
    return bank


@lru_cache(maxsize=2048)
def _masks(
    shape: Shape, texture: Texture, radius: int, angle: float
) -> tuple[UInt16[np.ndarray, "side side"], UInt16[np.ndarray, "side side"]]:
    """Compute the weights of the canvas and of the paint, of 256; `radius` is in 1/64 pixel."""
    half = -(-radius // _FINE)
    samples = 2 * half * _SUBPIXELS
    step = _FINE // _SUBPIXELS
    axis = np.arange(samples, dtype=np.int32) * step + step // 2 - half * _FINE
    inside = _inside(shape, axis, radius, angle)
    # The rim stays bright: else stripes cut the outline, and a small square looks like a cross.
    dark = _dark(texture, axis, radius, angle) & _inside(shape, axis, radius * 13 // 16, angle)
    shade = np.where(dark, _DARK, 16) * inside
    blocks = (2 * half, _SUBPIXELS, 2 * half, _SUBPIXELS)
    keep = 256 - inside.reshape(blocks).sum(axis=(1, 3)) * 16
    paint = shade.reshape(blocks).sum(axis=(1, 3))
    masks = keep.astype(np.uint16), paint.astype(np.uint16)
    for mask in masks:
        mask.flags.writeable = False
    return masks


def _turn(angle: float) -> tuple[int, int]:
    """Compute cosine and sine in fixed point, rounded so that no platform's last bit matters."""
    radians = math.radians(angle)
    return round(math.cos(radians) * _ONE), round(math.sin(radians) * _ONE)


def _inside(
    shape: Shape, axis: np.ndarray, radius: int, angle: float
) -> Bool[np.ndarray, "samples samples"]:
    """Mark the samples inside the shape, by crossing numbers in whole numbers."""
    if shape in {"circle", "ring"}:
        squares: np.ndarray = axis[:, None] ** 2 + axis[None, :] ** 2
        hole = (radius * 9 // 16) ** 2 if shape == "ring" else 0
        disc: np.ndarray = (squares >= hole) & (squares <= radius**2)
        return disc
    corners = _corners(shape, radius, angle)
    inside = np.zeros((len(axis), len(axis)), dtype=bool)
    for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
        rows = np.flatnonzero((axis >= min(y1, y2)) & (axis < max(y1, y2)))
        if len(rows):
            band = slice(rows[0], rows[-1] + 1)
            side = (x2 - x1) * (axis[band, None] - y1) - (y2 - y1) * (axis[None, :] - x1)
            inside[band] ^= side > 0 if y2 > y1 else side < 0
    return inside


def _corners(shape: Shape, radius: int, angle: float) -> list[tuple[int, int]]:
    """Compute corners in 1/64 pixel from (degrees, share of the radius in 1/64)."""
    polar = {
        "square": [(45 + 90 * k, 64) for k in range(4)],
        "triangle": [(120 * k - 90, 64) for k in range(3)],
        "star": [(36 * k - 90, 28 if k % 2 else 64) for k in range(10)],
        # The arms' tips at 19 degrees off the axes, the notches between at 45.
        "cross": [(90 * k + d, 64 if d != 45 else 29) for k in range(4) for d in (-19, 19, 45)],
    }[shape]
    corners = []
    for degrees, share in polar:
        cosine, sine = _turn(degrees + angle)
        reach = radius * share
        corners.append((reach * cosine // (64 * _ONE), reach * sine // (64 * _ONE)))
    return corners


def _dark(
    texture: Texture, axis: np.ndarray, radius: int, angle: float
) -> Bool[np.ndarray, "samples samples"]:
    """Mark the samples on a dark stripe or dot; the pattern turns with the object."""
    if texture == "solid":
        return np.zeros((len(axis), len(axis)), dtype=bool)
    cosine, sine = _turn(angle)
    period = max(1, radius * 5 // 8)
    along = (axis[None, :] * cosine + axis[:, None] * sine) // _ONE
    if texture == "striped":
        stripes: np.ndarray = (along + period // 4) % period < period // 2
        return stripes
    across = (axis[:, None] * cosine - axis[None, :] * sine) // _ONE
    right = (along + period // 2) % period - period // 2
    down = (across + period // 2) % period - period // 2
    dots: np.ndarray = right**2 + down**2 < (period * 5 // 16) ** 2
    return dots
