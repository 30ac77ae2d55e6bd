"""Decoding: every format and colour mode upright in RGB, and hostile files refused with a reason."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import threading
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, features

from core.errors import ImageError
from core.ingest import exif as orientations
from core.ingest import formats
from core.ingest.images import item_id_of, load, open_image, probe, thumbnail
from tests.ingest.conftest import encoded, gradient, noisy

LOSSLESS = {
    "PNG": {},
    "BMP": {},
    "TIFF": {},
    "PPM": {},
    "WEBP": {"lossless": True},
    "JPEG2000": {"irreversible": False},
}
LOSSY = {"JPEG": {"quality": 95, "subsampling": 0}}
EVERY = {**LOSSLESS, **LOSSY, "GIF": {}}


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises `width` x `height` grey pixels and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_formats_keep_every_pixel(name):
    data = encoded(gradient(), name, **LOSSLESS[name])
    image = open_image(data)
    assert image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(image), np.asarray(gradient()))
    assert probe(data)[:3] == (name, 48, 32)


def test_jpeg_and_gif_are_close():
    for name, options, most in (("JPEG", LOSSY["JPEG"], 3), ("GIF", {}, 40)):
        got = np.asarray(open_image(encoded(gradient(), name, **options))).astype(int)
        assert np.abs(got - np.asarray(gradient())).mean() < most, name


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_avif():
    assert open_image(encoded(gradient(), "AVIF")).size == (48, 32)


def test_heic_without_its_extra_names_the_extra(monkeypatch):
    monkeypatch.setattr(formats, "heif_ready", lambda: False)
    with pytest.raises(ImageError, match="requirements-heif.txt"):
        open_image(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64))


def test_heic_with_its_extra():
    package = next((name for name in formats.HEIF_PACKAGES if formats.importlib.util.find_spec(name)), None)
    if package is None:
        pytest.skip("neither pi-heif nor pillow-heif is installed")
    assert formats.heif_ready()


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_file_cut_short_is_refused(name, share):
    data = encoded(noisy(64, 48), name, **EVERY[name])
    with pytest.raises(ImageError, match="cut short|damaged"):
        open_image(data[: int(len(data) * share)])


def test_a_cut_after_the_first_frame_is_refused_too():
    frames = [noisy(40, 30, seed) for seed in range(3)]
    for name in ("GIF", "PNG", "WEBP"):
        data = encoded(frames[0], name, save_all=True, append_images=frames[1:])
        open_image(data)
        with pytest.raises(ImageError, match="cut short"):
            open_image(data[: int(len(data) * 0.8)])
        with pytest.raises(ImageError, match="cut short"):
            open_image(data[: len(data) * 2 // 5])


def test_a_library_that_allows_half_pictures_changes_nothing(monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = encoded(noisy(64, 48), "JPEG")
    with pytest.raises(ImageError, match="cut short"):
        open_image(data[: len(data) // 2])


@pytest.mark.filterwarnings("ignore")
def test_pixels_are_counted_before_decoding_and_both_numbers_are_said():
    with pytest.raises(ImageError, match=r"20,000 x 20,000 = 400,000,000|400,000,000.*120,000,000"):
        open_image(png_header(20000, 20000))
    with pytest.raises(ImageError, match=r"12,000 x 12,000 = 144,000,000, and the most is 120,000,000"):
        open_image(png_header(12000, 12000))
    with pytest.raises(ImageError, match=r"48 x 32 = 1,536, and the most is 1,000"):
        open_image(encoded(gradient(), "PNG"), max_pixels=1000)
    with pytest.raises(ImageError, match=r"1,536, and the most is 1,000"):
        open_image(gradient(), max_pixels=1000)


def test_a_webp_canvas_is_checked_before_room_is_made_for_it(monkeypatch):
    size = (16383).to_bytes(3, "little")
    head = b"RIFF" + (22).to_bytes(4, "little") + b"WEBPVP8X" + (10).to_bytes(4, "little") + bytes(4) + size + size
    monkeypatch.setattr(Image, "open", lambda *a, **k: pytest.fail("Pillow was asked"))
    with pytest.raises(ImageError, match="16,384 x 16,384"):
        open_image(head + bytes(40))


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"save_all": True, "append_images": [gradient(70, 51)]}])
def test_webp_sizes_are_read_from_every_kind_of_header(options):
    assert formats.webp_size(encoded(gradient(70, 51), "WEBP", **options)[:64]) == (70, 51)


def test_bytes_are_counted(tmp_path):
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(20_000_001)
    for source in (path, bytes(20_000_001)):
        with pytest.raises(ImageError, match="20,000,001 bytes, and the most is 20,000,000"):
            open_image(source)
    with pytest.raises(ImageError, match="empty"):
        open_image(b"")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"This is only a text.", "text"),
        (b"<!doctype html><html>", "web page"),
        (b"<svg xmlns='x'/>", "SVG"),
        (b"%PDF-1.7 ....", "PDF"),
        (b"PK\x03\x04....", "zip"),
        (b"\0\0\0\x18ftypmp42....", "media"),
        (bytes(200), "zero bytes"),
        (b"\x01\x02\x03\x04" * 9, "no known"),
    ],
)
def test_what_is_no_picture_is_called_what_it_is(tmp_path, content, words):
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=words):
        load(path)


def test_a_file_that_is_two_things_is_opened_as_what_it_begins_as():
    jpeg, png = encoded(gradient(), "JPEG"), encoded(gradient(9, 9), "PNG")
    assert probe(jpeg + png)[:3] == ("JPEG", 48, 32)
    assert probe(jpeg + b"PK\x03\x04<script>")[:3] == ("JPEG", 48, 32)
    # A PNG signature before anything else is opened as PNG only, and fails as PNG.
    with pytest.raises(ImageError, match="PNG"):
        open_image(png[:8] + jpeg)


@pytest.mark.parametrize("name", ["EPS", "PCX", "ICO", "TGA", "DDS", "PSD", "SGI"])
def test_formats_that_are_not_on_the_list_are_never_opened(name):
    if name == "PSD":
        data = b"8BPS\0\1" + bytes(60)
    else:
        data = encoded(gradient(), name)
    with pytest.raises(ImageError, match="not a picture Loupe reads"):
        open_image(data)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied_once(name, orientation):
    upright = gradient(48, 32)
    # Store what a camera held that way would store: the inverse turn.
    inverse = {5: 5, 6: 8, 7: 7, 8: 6}.get(orientation, orientation)
    stored = upright if orientation == 1 else upright.transpose(orientations.TURNS[inverse])
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored, name, exif=exif, **({"quality": 95} if name == "JPEG" else {"lossless": True}))
    image = open_image(data)
    assert image.size == (48, 32)
    assert np.abs(np.asarray(image).astype(int) - np.asarray(upright)).max() < 24
    assert probe(data)[1:3] == (48, 32)
    loaded = load(data)
    assert (loaded.width, loaded.height) == (48, 32)
    # Whoever opens the result again must not turn it again.
    assert open_image(image).size == (48, 32)


@pytest.mark.filterwarnings("ignore")
def test_a_broken_exif_block_costs_only_the_exif():
    data = encoded(gradient(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert open_image(data).size == (48, 32)
    assert probe(data)[3] == ""


def test_the_date_is_when_the_picture_was_taken():
    exif = Image.Exif()
    exif[0x0132] = "2020:01:01 00:00:00"
    exif.get_ifd(0x8769)[0x9003] = "2019:05:06 07:08:09"
    assert load(encoded(gradient(), "JPEG", exif=exif)).date == "2019-05-06T07:08:09"
    nothing = Image.Exif()
    nothing.get_ifd(0x8769)[0x9003] = "0000:00:00 00:00:00"
    nothing[0x0132] = "2020:01:01 00:00:00"
    assert load(encoded(gradient(), "JPEG", exif=nothing)).date == "2020-01-01T00:00:00"
    assert load(encoded(gradient(), "JPEG")).date == ""


def test_without_exif_the_date_is_the_file_time(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(gradient(), "PNG"))
    os.utime(path, ns=(0, 1_000_000_000_500_000_000))
    loaded = load(path)
    assert (loaded.date, loaded.mtime_ns) == ("2001-09-09T01:46:40", 1_000_000_000_500_000_000)


def test_transparency_shows_white():
    image = Image.new("RGBA", (2, 1))
    image.putpixel((0, 0), (255, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 255, 0))
    assert list(open_image(encoded(image, "PNG")).get_flattened_data()) == [(255, 0, 0), (255, 255, 255)]
    half = Image.new("RGBA", (1, 1), (0, 0, 0, 128))
    assert open_image(encoded(half, "PNG")).getpixel((0, 0)) == (127, 127, 127)
    grey = Image.new("LA", (1, 1), (0, 0))
    assert open_image(encoded(grey, "PNG")).getpixel((0, 0)) == (255, 255, 255)


def test_palette_with_transparency():
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255] + [0] * 762)
    image.putpixel((1, 0), 1)
    for name in ("PNG", "GIF"):
        data = encoded(image, name, transparency=1)
        assert list(open_image(data).get_flattened_data()) == [(255, 0, 0), (255, 255, 255)], name


def test_a_colour_declared_transparent():
    image = Image.new("RGB", (2, 1), (10, 20, 30))
    image.putpixel((1, 0), (200, 0, 0))
    data = encoded(image, "PNG", transparency=(10, 20, 30))
    assert list(open_image(data).get_flattened_data()) == [(255, 255, 255), (200, 0, 0)]


def test_sixteen_bits_are_scaled_not_clipped():
    values = np.array([[0, 257, 32896, 65535]], np.uint16)
    for name in ("PNG", "TIFF"):
        image = open_image(encoded(Image.fromarray(values), name))
        assert [pixel[0] for pixel in image.get_flattened_data()] == [0, 1, 128, 255], name
    pgm = b"P5 4 1 65535\n" + values.astype(">u2").tobytes()
    assert [pixel[0] for pixel in open_image(pgm).get_flattened_data()] == [0, 1, 128, 255]


def test_floating_point_tiff():
    unit = Image.fromarray(np.array([[0, 0.5, 1]], np.float32))
    assert [pixel[0] for pixel in open_image(encoded(unit, "TIFF")).get_flattened_data()] == [0, 128, 255]
    wide = Image.fromarray(np.array([[-1000, 0, 1000]], np.float32))
    assert [pixel[0] for pixel in open_image(encoded(wide, "TIFF")).get_flattened_data()] == [0, 128, 255]
    broken = Image.fromarray(np.array([[np.nan, np.inf, 0.5]], np.float32))
    assert [pixel[0] for pixel in open_image(encoded(broken, "TIFF")).get_flattened_data()] == [0, 0, 128]


def test_cmyk_and_one_bit():
    cmyk = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    pixel = open_image(encoded(cmyk, "JPEG", quality=95)).getpixel((4, 4))
    assert pixel[0] > 240 and max(pixel[1:]) < 15
    one = Image.new("1", (3, 3), 1)
    assert open_image(encoded(one, "PPM")).getpixel((1, 1)) == (255, 255, 255)


def test_lab_tiff():
    data = encoded(Image.new("LAB", (4, 4), (255, 128, 128)), "TIFF")
    assert min(open_image(data).getpixel((1, 1))) > 240


def test_animations_give_their_first_frame():
    red, blue = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    for name in ("GIF", "WEBP", "PNG", "TIFF"):
        data = encoded(red, name, save_all=True, append_images=[blue])
        pixel = open_image(data).getpixel((4, 4))
        assert pixel[0] > 240 and pixel[2] < 15, name


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 2)])
def test_odd_sizes(size):
    for name in ("PNG", "JPEG"):
        loaded = load(encoded(Image.new("RGB", size, (9, 9, 9)), name), target_px=260)
        assert (loaded.width, loaded.height) == size
        assert loaded.image.size == size
        with Image.open(io.BytesIO(loaded.thumbnail)) as thumb:
            assert max(thumb.size) == min(max(size), 320) and min(thumb.size) >= 1


# ---------------------------------------------------------------- reduced decoding


@pytest.mark.parametrize("size", [(224, 224), (500, 375), (700, 1300), (1800, 1400), (3000, 330)])
@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_reduced_decoding_keeps_enough_and_the_same_geometry(name, size):
    options = {"quality": 90} if name == "JPEG" else {"compress_level": 1}
    data = encoded(noisy(*size), name, **options)
    full, loaded = open_image(data), load(data, target_px=224)
    assert full.size == size == (loaded.width, loaded.height)
    assert min(loaded.image.size) >= min(min(size), 448)
    assert max(loaded.image.size) >= min(max(size), 320)
    assert loaded.image.size[0] / loaded.image.size[1] == pytest.approx(size[0] / size[1], rel=0.01)
    one, other = (
        np.asarray(image.resize((64, 64), Image.Resampling.BICUBIC)).astype(float) for image in (full, loaded.image)
    )
    assert np.abs(one - other).mean() < 1.5
    if size == (1800, 1400):
        assert loaded.image.size == (900, 700)


def test_load_and_open_image_give_the_encoder_the_same_pixels(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    for name, data in (
        ("a.jpg", encoded(noisy(1200, 900), "JPEG", exif=exif)),
        ("b.png", encoded(noisy(1200, 900), "PNG", compress_level=1)),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        loaded = load(path, 260)
        np.testing.assert_array_equal(np.asarray(loaded.image), np.asarray(open_image(path, target_px=260)))
        np.testing.assert_array_equal(np.asarray(loaded.image), np.asarray(open_image(data, target_px=260)))
    assert (load(tmp_path / "a.jpg", 260).width, load(tmp_path / "a.jpg", 260).height) == (900, 1200)


def test_thumbnails():
    thumb = Image.open(io.BytesIO(thumbnail(noisy(1000, 500))))
    assert (thumb.format, thumb.size) == ("JPEG", (320, 160))
    assert Image.open(io.BytesIO(thumbnail(noisy(100, 50)))).size == (100, 50)


def test_thumbnails_keep_a_colour_profile_of_rgb_only():
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    kept = load(encoded(gradient(), "JPEG", icc_profile=profile))
    assert Image.open(io.BytesIO(kept.thumbnail)).info.get("icc_profile") == profile
    lying = load(encoded(gradient(), "JPEG", icc_profile=b"x" * 300))
    assert "icc_profile" not in Image.open(io.BytesIO(lying.thumbnail)).info


# ---------------------------------------------------------------- ids, paths, threads


def test_the_id_is_base32_of_the_hash_of_the_bytes():
    # SHA-256 of "" begins e3b0c44298fc1c149afb; RFC 4648 base32 of these ten bytes:
    assert item_id_of(b"") == ("i4oymiquy7qobjgx3", hashlib.sha256(b"").hexdigest())


def test_all_of_loaded(tmp_path):
    data = encoded(gradient(), "PNG")
    path = tmp_path / "x.bin"
    path.write_bytes(data)
    loaded = load(str(path), 224)
    assert (loaded.item_id, loaded.sha256) == item_id_of(data)
    assert (loaded.format, loaded.n_bytes, loaded.width, loaded.height) == ("PNG", len(data), 48, 32)


def test_paths_that_cannot_be_read(tmp_path):
    with pytest.raises(ImageError, match="not there any more"):
        load(tmp_path / "gone.jpg")
    with pytest.raises(ImageError, match="cannot be read|not a regular"):
        load(tmp_path)
    with pytest.raises(ImageError):
        load("a\0b.jpg")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(ImageError, match="not a regular file"):
        load(tmp_path / "pipe.jpg")


def test_many_threads_get_what_one_gets():
    files = [encoded(noisy(300 + 10 * i, 200, i), "JPEG") for i in range(8)]
    alone = [load(data, 100).thumbnail for data in files]
    together: list = [None] * len(files)

    def work(i: int) -> None:
        together[i] = load(files[i], 100).thumbnail

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(files))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def test_an_opened_picture_is_not_changed():
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    assert open_image(image).mode == "RGB"
    assert image.mode == "RGBA"
    own = gradient()
    assert open_image(own) is not own
    lazy = Image.open(io.BytesIO(encoded(noisy(1200, 900), "JPEG")))
    assert max(open_image(lazy, target_px=64).size) < 600
    assert lazy.size == (1200, 900)


# ---------------------------------------------------------------- anything at all

MAGICS = [
    b"\xff\xd8\xff\xe0",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
    b"RIFF\x24\0\0\0WEBPVP8 ",
    b"II*\0",
    b"MM\0*",
    b"P5 ",
    b"P3\n",
    b"BM" + bytes(12) + b"\x28\0\0\0",
    b"\xff\x4f\xff\x51",
    b"\0\0\0\x1cftypavif\0\0\0\0avifmif1",
    b"",
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(MAGICS), st.binary(max_size=300))
@pytest.mark.filterwarnings("ignore")
def test_any_bytes_give_a_picture_or_a_reason(magic, rest):
    try:
        assert open_image(magic + rest).mode == "RGB"
    except ImageError as error:
        assert 10 < len(str(error)) < 300 and "\n" not in str(error)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(EVERY)), st.data())
@pytest.mark.filterwarnings("ignore")
def test_a_flipped_byte_gives_a_picture_or_a_reason(name, data):
    content = bytearray(encoded(gradient(), name, **EVERY[name]))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert load(bytes(content), 224).image.mode == "RGB"
    except ImageError as error:
        assert len(str(error)) > 10


@pytest.mark.needs_data
def test_real_files_of_every_format(data_dir):
    folder = data_dir / "image_formats" / "images"
    read, refused = [], []
    for path in sorted(folder.iterdir()):
        try:
            loaded = load(path, 260)
            read.append(path.name)
            assert min(loaded.width, loaded.height) > 100
        except ImageError as error:
            refused.append((path.name, str(error)))
    assert len(read) == 22
    assert refused == [("not-an-image.txt", "not a picture Loupe reads: the content is text")]
