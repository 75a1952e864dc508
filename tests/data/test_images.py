import contextlib
import inspect
import io
import os
import pickle
import struct
import zlib
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageOps

from multimodal.data import images
from multimodal.data.examples import ImageFile
from multimodal.data.images import ImageError, load_image

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
PICTURE = Image.fromarray(PIXELS)
EXPECTED = torch.from_numpy(PIXELS).permute(2, 0, 1)


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def zipped(folder: Path, name: str, data: bytes) -> ImageFile:
    with ZipFile(folder / "photos.zip", "w") as archive:
        archive.writestr(name, data)
    return ImageFile(folder / "photos.zip", name)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_claiming(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + data + chunk(b"IEND", b"")


# What a picture may come as.


def test_a_path_and_its_text_load_the_same(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(encode(PICTURE))
    torch.testing.assert_close(load_image(path), EXPECTED)
    torch.testing.assert_close(load_image(str(path)), EXPECTED)
    torch.testing.assert_close(load_image(ImageFile(path)), EXPECTED)


def test_a_zip_member_loads_in_place(tmp_path):
    image = zipped(tmp_path, "photos/picture.png", encode(PICTURE))
    torch.testing.assert_close(load_image(image), EXPECTED)


def test_bytes_a_pil_image_an_array_and_a_tensor_load_the_same():
    torch.testing.assert_close(load_image(encode(PICTURE)), EXPECTED)
    torch.testing.assert_close(load_image(PICTURE), EXPECTED)
    torch.testing.assert_close(load_image(PIXELS), EXPECTED)
    torch.testing.assert_close(load_image(EXPECTED), EXPECTED)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "TIFF", "PPM", "WEBP"])
def test_lossless_formats_keep_every_value(kind):
    picture = PICTURE.quantize(255) if kind == "GIF" else PICTURE
    options = {"lossless": True} if kind == "WEBP" else {}
    loaded = load_image(encode(picture, kind, **options))
    torch.testing.assert_close(
        loaded, torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)
    )


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=8)))
def test_floats_from_0_to_1_are_the_bytes_they_came_from(grey):
    expected = torch.from_numpy(grey).expand(3, -1, -1)
    torch.testing.assert_close(load_image(grey), expected)
    torch.testing.assert_close(load_image(grey.astype(np.float64) / 255), expected)
    torch.testing.assert_close(load_image(expected.float() / 255), expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_tensors_of_any_float_type_load(dtype):
    values = torch.tensor([0.0, 0.5, 1.0], dtype=dtype).reshape(1, 1, 3).expand(3, 1, 3)
    assert load_image(values)[0, 0].tolist() == [0, 128, 255]


def test_a_tensor_that_needs_a_gradient_loads():
    assert load_image(torch.ones(3, 1, 1, requires_grad=True)).unique().tolist() == [255]


def test_an_array_flipped_by_strides_loads():
    torch.testing.assert_close(load_image(PIXELS[:, :, ::-1]), EXPECTED.flip(0))


def test_the_result_shares_no_memory_with_its_source():
    array = PIXELS.copy()
    load_image(array).zero_()
    load_image(torch.from_numpy(array).permute(2, 0, 1)).zero_()
    assert np.array_equal(array, PIXELS)


def test_an_open_pil_image_is_left_as_it_was():
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.open(io.BytesIO(encode(PICTURE, exif=exif)))
    assert load_image(picture).shape == (3, 7, 5)
    assert picture.size == (7, 5)
    assert picture.getexif()[0x0112] == 6


# Orientation, channels and depths.


@pytest.mark.parametrize("orientation", [*range(1, 9), 99])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_cameras_orientation_is_applied(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(PICTURE, kind, exif=exif)
    expected = np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    torch.testing.assert_close(load_image(data), torch.from_numpy(expected).permute(2, 0, 1))


@pytest.mark.parametrize("exif", [b"Exif\0\0MM\0*garbage", b"Exif\0\0", b"\xff" * 50])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")
def test_a_broken_exif_block_does_not_hide_the_picture(exif):
    torch.testing.assert_close(load_image(encode(PICTURE, exif=exif)), EXPECTED)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_and_not_saturated(kind):
    grey = np.array([[0, 128, 129, 257, 32768, 65535]], dtype=np.uint16)
    loaded = load_image(encode(Image.fromarray(grey), kind))
    assert loaded[1, 0].tolist() == [0, 0, 1, 1, 128, 255]


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (Image.frombytes("I;16B", (2, 1), struct.pack(">HH", 0, 65535)), [0, 255]),
        (Image.fromarray(np.array([[0, 25700, 65535]], np.int32)), [0, 100, 255]),
        (Image.fromarray(np.array([[0.0, 0.2, 1.0]], np.float32)), [0, 51, 255]),
    ],
    ids=["I;16B", "I", "F"],
)
def test_other_depths_are_scaled_too(picture, expected):
    assert load_image(picture)[2, 0].tolist() == expected


def test_16_bit_colour_keeps_its_upper_bytes():
    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    row = b"\0" + struct.pack(">HHH", 65535, 257 * 100, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")
    assert load_image(b"\x89PNG\r\n\x1a\n" + data).flatten().tolist() == [255, 100, 0]


def test_values_beyond_16_bits_are_refused():
    picture = Image.fromarray(np.array([[-5, 70000]], dtype=np.int32))
    with pytest.raises(ImageError, match=r"values from -5 to 70,000, expected 16 bits"):
        load_image(picture)


def test_cmyk_becomes_rgb():
    ink = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    red, green, blue = load_image(encode(ink, "JPEG", quality=95)).float().mean((1, 2)).tolist()
    assert red > 250
    assert green < 5
    assert blue < 5


def test_a_palette_becomes_rgb():
    torch.testing.assert_close(
        load_image(encode(Image.new("RGB", (2, 2), (9, 200, 30)).quantize(4))),
        torch.tensor([9, 200, 30], dtype=torch.uint8).reshape(3, 1, 1).expand(3, 2, 2),
    )


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("RGBA", (0, 0, 0, 0), [255, 255, 255]),
        ("RGBA", (255, 0, 0, 255), [255, 0, 0]),
        ("RGBA", (0, 0, 0, 51), [204, 204, 204]),
        ("LA", (0, 51), [204, 204, 204]),
        ("L", 7, [7, 7, 7]),
        ("1", 1, [255, 255, 255]),
    ],
)
def test_transparency_is_put_on_white_and_grey_is_repeated(mode, colour, expected):
    picture = Image.new(mode, (1, 1), colour)
    assert load_image(picture).flatten().tolist() == expected
    assert load_image(encode(picture)).flatten().tolist() == expected


def test_a_transparent_palette_entry_becomes_white():
    picture = Image.new("P", (1, 1), 0)
    picture.putpalette([10, 20, 30])
    assert load_image(encode(picture, transparency=0)).flatten().tolist() == [255, 255, 255]


def test_a_transparent_array_is_put_on_white():
    array = np.array([[[0, 0, 0, 51]]], dtype=np.uint8)
    assert load_image(array).flatten().tolist() == [204, 204, 204]
    assert load_image(array / 255).flatten().tolist() == [204, 204, 204]


def test_one_pixel_is_a_picture():
    assert load_image(encode(Image.new("RGB", (1, 1), (1, 2, 3)))).flatten().tolist() == [1, 2, 3]


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_an_animation_shows_its_first_frame(kind):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("white", "black", "red")]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert load_image(data).unique().tolist() == [255]


# What is refused, and what the message says.


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (10_000, 6_000), (1, 50_000_001)])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_bomb_is_refused_by_its_header(tmp_path, width, height):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_claiming(width, height))
    with pytest.raises(ImageError, match=r"bomb\.png (has \d+ x \d+ pixels|has more pixels than)"):
        load_image(path)


@pytest.mark.filterwarnings("error::PIL.Image.DecompressionBombWarning")
def test_a_bomb_is_refused_where_warnings_are_errors():
    with pytest.raises(ImageError, match="more pixels than can be opened safely"):
        load_image(png_claiming(10_000, 10_000))


def test_the_limit_of_pixels_can_be_set():
    with pytest.raises(ImageError, match=r"7 x 5 pixels, the limit is 34; save it smaller"):
        load_image(PICTURE, max_pixels=34)
    with pytest.raises(ImageError, match=r"the array has 7 x 5 pixels, the limit is 34"):
        load_image(PIXELS, max_pixels=34)
    assert load_image(PICTURE, max_pixels=35).shape == (3, 5, 7)


def test_a_file_of_too_many_bytes_is_refused(tmp_path, monkeypatch):
    image = zipped(tmp_path, "huge.png", encode(PICTURE))
    (tmp_path / "huge.png").write_bytes(encode(PICTURE))
    monkeypatch.setattr(images, "MAX_BYTES", 10)
    with pytest.raises(ImageError, match=r"photos\.zip/huge\.png is \d+ bytes large"):
        load_image(image)
    with pytest.raises(ImageError, match=r"huge\.png is \d+ bytes large, the limit is 10; save"):
        load_image(tmp_path / "huge.png")


@pytest.mark.parametrize("kind", ["JPEG", "progressive", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("part", [0.3, 0.5, 0.9])
def test_a_truncated_picture_is_named(tmp_path, kind, part):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    kind, options = ("JPEG", {"progressive": True}) if kind == "progressive" else (kind, {})
    data = encode(Image.fromarray(noise), kind, **options)
    path = tmp_path / "cut.img"
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(ImageError, match=r"cut\.img is (damaged or cut short|not a picture)"):
        load_image(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"is empty \(0 bytes\); copy or download it again"),
        (b"\n<!DOCTYPE html><html>", "is a web page, XML or SVG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is a web page, XML or SVG"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer.*git lfs pull"),
        (b"just words", r"not a picture in a format read here \(JPEG, PNG.*convert it"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture in a format"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 20, "is not a picture|is damaged"),
    ],
)
def test_a_file_of_another_kind_is_named_with_a_fix(tmp_path, data, message):
    (tmp_path / "dog.jpg").write_bytes(data)
    with pytest.raises(ImageError, match=rf"dog\.jpg .*({message})"):
        load_image(tmp_path / "dog.jpg")


@given(st.binary(max_size=200), st.integers(0, 400))
def test_any_damage_ends_in_a_picture_or_an_image_error(noise, place):
    data = encode(PICTURE, "JPEG")
    data = data[:place] + noise + data[place + len(noise) :]
    with contextlib.suppress(ImageError):
        assert load_image(data).dtype == torch.uint8


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No picture .*none\.jpg\. Check the path"):
        load_image(tmp_path / "none.jpg")
    with pytest.raises(FileNotFoundError, match=r"No archive .*none\.zip"):
        load_image(ImageFile(tmp_path / "none.zip", "a.jpg"))


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ImageError, match="is a folder, not a picture; name the pictures in it"):
        load_image(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the platform has no pipes in folders")
def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(ImageError, match=r"pipe\.jpg is not a regular file"):
        load_image(tmp_path / "pipe.jpg")


def test_a_name_no_file_can_have_is_refused():
    with pytest.raises(ImageError, match=r"'xxxxx+' cannot be read"):
        load_image("x" * 5000)
    with pytest.raises(ImageError, match="cannot be read: embedded null byte"):
        load_image("dog\0.jpg")


def test_a_broken_archive_is_an_image_error(tmp_path):
    (tmp_path / "photos.zip").write_bytes(b"no zip")
    with pytest.raises(ImageError, match=r"photos\.zip is not a zip archive"):
        load_image(ImageFile(tmp_path / "photos.zip", "a.jpg"))


def test_a_pil_image_without_pixels_is_refused():
    with pytest.raises(ImageError, match=r"the RGB PIL image has no pixels \(0 x 3\)"):
        load_image(Image.new("RGB", (0, 3)))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (
            np.zeros((3, 8, 9), np.uint8),
            r"must be \(height, width\) or .*got \(3, 8, 9\).*channels",
        ),
        (np.zeros((2, 8, 9, 3), np.uint8), r"got \(2, 8, 9, 3\). Give one picture at a time"),
        (np.zeros((4, 4), np.int64), r"the array has int64 values, expected uint8"),
        (np.zeros((4, 4), bool), r"the array has bool values"),
        (np.full((4, 4), 200.0), r"float values from 200 to 200, expected 0 to 1; divide by 255"),
        (np.full((4, 4), -0.5), r"float values from -0.5"),
        (np.full((4, 4), np.nan), r"float values from nan to nan"),
        (np.zeros((0, 4), np.uint8), r"the array has no pixels \(4 x 0\)"),
    ],
)
def test_an_array_of_another_kind_is_refused(array, message):
    with pytest.raises(ImageError, match=message):
        load_image(array)


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (
            torch.zeros(8, 9, 3),
            r"must be \(3, height, width\), got \(8, 9, 3\).*permute\(2, 0, 1\)",
        ),
        (torch.zeros(2, 3, 8, 9), r"got \(2, 3, 8, 9\). Give one picture at a time"),
        (torch.zeros(3, 4, 4, dtype=torch.int64), "the tensor has int64 values"),
        (torch.full((3, 4, 4), 255.0), "float values from 255 to 255"),
    ],
)
def test_a_tensor_of_another_kind_is_refused(tensor, message):
    with pytest.raises(ImageError, match=message):
        load_image(tensor)


def test_anything_else_is_a_type_error():
    with pytest.raises(TypeError, match=r"load_image takes a path, .*or a tensor, got list"):
        inspect.unwrap(load_image)([1, 2])


def test_an_image_error_travels_between_processes():
    error = pickle.loads(pickle.dumps(ImageError("dog.jpg is empty.")))
    assert isinstance(error, ValueError)
    assert str(error) == "dog.jpg is empty."


def test_the_samples_show_their_colours():
    red = load_image(Path(__file__).parents[2] / "data/samples/csv/images/red_square.png")
    assert red[:, 32, 32].tolist() == [255, 0, 0]
    assert red[:, 2, 2].tolist() == [255, 255, 255]


@pytest.mark.data
def test_photos_of_flickr8k_load_from_their_zip():
    archive = Path(os.environ["MULTIMODAL_DATA"], "flickr8k", "Flicker8k_Dataset_dev.zip")
    photo = load_image(ImageFile(archive, "Flicker8k_Dataset/1022454332_6af2c1449a.jpg"))
    assert photo.shape == (3, 224, 224)
    assert 20 < photo.float().mean() < 235
