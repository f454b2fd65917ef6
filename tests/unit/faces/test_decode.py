"""Pictures of every kind, and files that are none."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from ferkit.errors import DataError
from ferkit.faces.decode import DecodeError, decode_image, to_grey, to_rgb


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def gradient(height=20, width=30):
    return np.add.outer(np.arange(height) * 3, np.arange(width) * 5).astype(np.uint8)


def colours():
    return np.dstack([gradient(), gradient()[::-1], gradient()[:, ::-1]])


def png_header(width, height):
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body
    return start + struct.pack(">I", zlib.crc32(body)) + b"\x00\x00\x00\x00IDAT5\xaf\x06\x1e"


def test_grey_and_rgb_stay_as_they_are():
    assert np.array_equal(decode_image(encoded(Image.fromarray(gradient()))), gradient())
    assert np.array_equal(decode_image(encoded(Image.fromarray(colours()))), colours())


def test_a_file_is_read_as_its_bytes_are(tmp_path):
    path = tmp_path / "face.png"
    path.write_bytes(encoded(Image.fromarray(colours())))
    assert np.array_equal(decode_image(path), decode_image(path.read_bytes()))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "WEBP", "GIF", "JPEG"])
def test_every_format_is_read(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    image = decode_image(encoded(Image.fromarray(colours()), kind, **options))
    assert image.shape == (20, 30, 3)
    assert image.dtype == np.uint8
    lossy = {"JPEG": 40, "GIF": 40}
    assert np.abs(image.astype(int) - colours()).mean() <= lossy.get(kind, 0)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_span_the_whole_range(kind):
    deep = np.array([[0, 257 * 100, 65535], [128, 129, 65535 // 2]], dtype=np.uint16)
    wanted = [[0, 100, 255], [0, 1, 127]]
    assert decode_image(encoded(Image.fromarray(deep), kind)).tolist() == wanted


def test_floating_point_pictures_are_refused_with_their_range():
    image = Image.fromarray(np.array([[0.0, 0.5]], dtype=np.float32))
    with pytest.raises(DecodeError, match=r"float32 values from 0 to 0\.5"):
        decode_image(encoded(image, "TIFF"))


def test_a_palette_becomes_its_colours():
    image = Image.fromarray(colours()).quantize(64)
    assert np.array_equal(decode_image(encoded(image)), np.asarray(image.convert("RGB")))


def test_one_bit_is_black_and_white():
    image = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)).convert("1")
    assert decode_image(encoded(image)).tolist() == [[0, 255], [255, 0]]


def test_cmyk_becomes_rgb():
    red = Image.new("RGB", (16, 16), (255, 0, 0)).convert("CMYK")
    pixel = decode_image(encoded(red, "JPEG"))[8, 8].astype(int)
    assert pixel[0] > 240
    assert pixel[1:].max() < 15


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pixels_are_laid_over_white(mode):
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    decoded = to_grey(decode_image(encoded(image.convert(mode))))
    assert decoded.tolist() == [[0, 255]]


def test_grey_with_alpha_stays_grey():
    assert decode_image(encoded(Image.new("LA", (3, 2), (9, 255)))).shape == (2, 3)


def test_a_single_pixel():
    assert decode_image(encoded(Image.new("L", (1, 1), 7))).tolist() == [[7]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright(orientation):
    upright = np.zeros((16, 32), np.uint8)
    upright[:8, :8] = 250
    tag = Image.Exif()
    tag[0x0112] = orientation
    undo = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE"}
    undo |= {6: "ROTATE_90", 7: "TRANSVERSE", 8: "ROTATE_270"}
    stored = Image.fromarray(upright)
    if orientation > 1:
        stored = stored.transpose(Image.Transpose[undo[orientation]])
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        decoded = to_grey(decode_image(encoded(stored, kind, exif=tag)))
        assert decoded.shape == upright.shape
        assert np.abs(decoded.astype(int) - upright).mean() < 10


def test_a_bomb_is_refused_with_its_size_before_decoding():
    with pytest.raises(DecodeError, match="20,000 x 20,000"):
        decode_image(png_header(20_000, 20_000))
    with pytest.raises(DecodeError, match="10,001 x 12,000"):
        decode_image(png_header(10_001, 12_000))
    with pytest.raises(DecodeError, match="30 x 20"):
        decode_image(encoded(Image.fromarray(gradient())), max_pixels=599)
    assert decode_image(encoded(Image.fromarray(gradient())), max_pixels=600).shape == (20, 30)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF", "WEBP"])
def test_a_truncated_file_is_never_taken_for_whole(kind):
    noise = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    for share in (0.3, 0.6, 0.9, 0.98):
        with pytest.raises(DecodeError):
            decode_image(data[: int(len(data) * share)])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"hello, this is no picture\n", "holds text"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 5\n", "git lfs pull"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "holds text"),
        (bytes(range(256)), "unknown or damaged"),
    ],
)
def test_what_is_no_picture_is_said_in_a_sentence(tmp_path, data, words):
    path = tmp_path / "face.jpg"
    path.write_bytes(data)
    with pytest.raises(DataError, match=words) as caught:
        decode_image(path)
    assert "face.jpg" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder(tmp_path):
    for path in (tmp_path / "none.jpg", tmp_path):
        with pytest.raises(DecodeError, match="cannot be read"):
            decode_image(path)


def mutated(data, rng):
    data = bytearray(data)
    match rng.integers(4):
        case 0:  # bits flipped anywhere
            for place in rng.integers(0, len(data), rng.integers(1, 20)):
                data[place] ^= 1 << int(rng.integers(8))
        case 1:  # bits flipped in the header
            for place in rng.integers(0, min(64, len(data)), rng.integers(1, 6)):
                data[place] = int(rng.integers(256))
        case 2:  # cut
            data = data[: int(rng.integers(0, len(data)))]
        case 3:  # a piece moved
            start, end = sorted(rng.integers(0, len(data), 2))
            data = data[end:] + data[start:end] + data[:start]
    return bytes(data)


def seeds():
    exif = Image.Exif()
    exif[0x0112] = 6
    grey, colour = Image.fromarray(gradient()), Image.fromarray(colours())
    deep = Image.fromarray(gradient().astype(np.uint16) * 257)
    return [
        *(encoded(grey, kind) for kind in ("JPEG", "PNG", "BMP", "TIFF", "GIF", "PPM", "WEBP")),
        encoded(colour, "JPEG", exif=exif),
        encoded(colour, "JPEG", progressive=True),
        encoded(colour, "TIFF", compression="tiff_lzw"),
        encoded(colour, "TIFF", compression="jpeg"),
        encoded(colour.convert("CMYK"), "JPEG"),
        encoded(colour.convert("RGBA"), "PNG"),
        encoded(colour.quantize(9), "PNG"),
        encoded(deep, "PNG"),
    ]


@pytest.mark.filterwarnings("error")
def test_a_thousand_mutated_files_raise_nothing_but_decode_errors():
    rng = np.random.default_rng(4)
    files = seeds()
    refused = 0
    for number in range(1000):
        kind = number % len(files)
        data = mutated(files[kind], rng)
        if rng.random() < 0.1:  # one format's header before another's body
            data = files[int(rng.integers(len(files)))][:24] + data[24:]
        try:
            image = decode_image(data, max_pixels=10_000_000)
        except DecodeError as error:
            refused += 1
            assert "\n" not in str(error)
        else:
            assert image.dtype == np.uint8
            assert image.ndim == 2 or image.shape[2] == 3
    assert 300 < refused < 1000


def test_grey_and_rgb_of_each_other():
    assert to_rgb(gradient()).shape == (20, 30, 3)
    assert np.array_equal(to_grey(to_rgb(gradient())), gradient())
    assert to_rgb(colours()) is not None
    batch = np.stack([colours(), colours()[::-1]])
    assert np.array_equal(to_grey(batch)[1], to_grey(colours()[::-1]))
    weights = colours() @ np.array([0.299, 0.587, 0.114])
    assert np.abs(to_grey(colours()) - weights).max() < 1
