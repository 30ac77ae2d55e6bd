"""Zips: only pictures and tables come out, only into the spool, and never without end."""

from __future__ import annotations

import io
import stat
import struct
import zipfile

import pytest

from core.errors import Cancelled, InputError
from core.ingest import archive, load, scan
from tests.ingest.conftest import encoded, gradient

PNG = encoded(gradient(), "PNG")


def zipped(path, entries, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in entries:
            file.writestr(name, content)
    return path


def reasons(result):
    return {skipped.file: skipped.reason for skipped in result.skipped}


def test_pictures_and_tables_come_out_under_numbers(tmp_path):
    path = zipped(
        tmp_path / "a.zip",
        [
            ("b/two.png", PNG),
            ("a/one.png", PNG),
            ("no ending", PNG),
            ("t.csv", "file,caption\nx,y\n"),
            ("r.txt", "hello"),
        ],
    )
    result = scan(path, spool=tmp_path / "spool")
    assert [candidate.file for candidate in result.candidates] == ["a/one.png", "b/two.png", "no ending"]
    assert all(candidate.path.parent == tmp_path / "spool" for candidate in result.candidates)
    assert all(load(candidate.path).format == "PNG" for candidate in result.candidates)
    assert result.candidates[0].root == "a.zip"
    assert list(result.tables) == ["t.csv"] and result.tables["t.csv"].is_file()
    assert reasons(result) == {"r.txt": "not a picture Loupe reads: the content is text"}
    # What is of no use does not stay on the disk.
    assert len(list((tmp_path / "spool").iterdir())) == 4


def test_names_that_lead_out_are_refused_and_nothing_is_written_there(tmp_path):
    names = ["../up.png", "a/../../up.png", "/abs.png", "C:\\win.png", "..\\up.png", "\\\\host\\share\\x.png"]
    path = zipped(tmp_path / "slip.zip", [(name, PNG) for name in names] + [("good.png", PNG)])
    before = set(tmp_path.rglob("*"))
    result = scan(path, spool=tmp_path / "in" / "spool")
    assert [candidate.file for candidate in result.candidates] == ["good.png"]
    assert len(result.skipped) == len(names)
    assert {skipped.reason for skipped in result.skipped} == {"its name leads out of the zip"}
    written = set(tmp_path.rglob("*")) - before - {tmp_path / "in", tmp_path / "in" / "spool"}
    assert [file.parent for file in written] == [tmp_path / "in" / "spool"]


def test_links_are_not_followed(tmp_path):
    link = zipfile.ZipInfo("link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = tmp_path / "link.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(link, "/etc/passwd")
        file.writestr("good.png", PNG)
    result = scan(path, spool=tmp_path / "spool")
    assert "link" in reasons(result)["link.png"]
    assert not any(file.is_symlink() for file in (tmp_path / "spool").iterdir())


def test_litter_is_left_out_without_a_word(tmp_path):
    names = ["__MACOSX/._a.png", ".hidden.png", "a/.git/x.png", "Thumbs.db", "a/desktop.ini", "a/.DS_Store"]
    path = zipped(tmp_path / "mac.zip", [(name, PNG) for name in names] + [("a/a.png", PNG)])
    result = scan(path, spool=tmp_path / "spool")
    assert [candidate.file for candidate in result.candidates] == ["a/a.png"]
    assert result.skipped == ()


def test_an_archive_inside_is_not_opened(tmp_path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as file:
        file.writestr("a.png", PNG)
    packed = inner.getvalue()
    path = zipped(tmp_path / "n.zip", [("inner.zip", packed), ("renamed.bin", packed), ("a.png", PNG)])
    result = scan(path, spool=tmp_path / "spool")
    assert "not opened" in reasons(result)["inner.zip"]
    assert "zip archive" in reasons(result)["renamed.bin"]


def test_one_file_that_is_too_large_is_named_with_both_numbers(tmp_path):
    path = zipped(tmp_path / "l.zip", [("large.bmp", b"BM" + bytes(20_000_000)), ("a.png", PNG)])
    result = scan(path, spool=tmp_path / "spool")
    assert reasons(result)["large.bmp"] == "too large: 20,000,002 bytes, and the most is 20,000,000"
    assert len(result.candidates) == 1


def test_a_size_that_lies_is_found_out_while_unpacking(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_BYTES", 1000)
    path = zipped(tmp_path / "lie.zip", [("a.png", bytes(5000)), ("b.png", b"x")])
    data = bytearray(path.read_bytes())
    # In the directory: 5000 becomes 10.
    at = data.index(b"PK\x01\x02") + 24
    assert struct.unpack_from("<I", data, at)[0] == 5000
    struct.pack_into("<I", data, at, 10)
    path.write_bytes(data)
    result = scan(path, spool=tmp_path / "spool")
    assert "damaged" in reasons(result)["a.png"] or "too large" in reasons(result)["a.png"]
    assert not (tmp_path / "spool" / "000001.png").exists()


def test_a_bomb_of_many_small_files_ends_the_whole_zip(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "_RATIO_FLOOR", 1_000_000)
    path = zipped(tmp_path / "bomb.zip", [(f"{i}.bmp", bytes(300_000)) for i in range(20)])
    n_bytes = path.stat().st_size
    budget = max(n_bytes * archive.MAX_RATIO, 1_000_000)
    with pytest.raises(InputError, match=f"bomb: {n_bytes:,} bytes unpack to more than {budget:,}"):
        scan(path, spool=tmp_path / "spool")
    assert sum(file.stat().st_size for file in (tmp_path / "spool").iterdir()) <= budget


def test_a_zip_that_is_too_large_is_not_even_opened(tmp_path):
    path = tmp_path / "huge.zip"
    with path.open("wb") as file:
        file.write(b"PK\x03\x04")
        file.truncate(1_000_000_001)
    with pytest.raises(InputError, match="1,000,000,001 bytes, and the most for a zip is 1,000,000,000"):
        scan(path, spool=tmp_path / "spool")


def test_a_directory_that_would_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "_MAX_DIRECTORY_BYTES", 1000)
    path = zipped(tmp_path / "many.zip", [(f"{i}.png", b"") for i in range(100)])
    with pytest.raises(InputError, match="the most is 1,000"):
        scan(path, spool=tmp_path / "spool")


def test_too_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_ENTRIES", 3)
    path = zipped(tmp_path / "m.zip", [(f"{i}.png", PNG) for i in range(5)])
    with pytest.raises(InputError, match="5 files, and the most is 3"):
        scan(path, spool=tmp_path / "spool")


def encrypt_flags(path, only=None):
    """Set the "encrypted" bit as a password would."""
    data = bytearray(path.read_bytes())
    for magic, flag_at, name_at in ((b"PK\x03\x04", 6, 30), (b"PK\x01\x02", 8, 46)):
        at = data.find(magic)
        while at >= 0:
            if only is None or data[at + name_at : at + name_at + len(only)] == only:
                data[at + flag_at] |= 1
            at = data.find(magic, at + 4)
    path.write_bytes(data)


def test_passwords(tmp_path):
    path = zipped(tmp_path / "p.zip", [("a.png", PNG), ("b.png", PNG)])
    encrypt_flags(path, only=b"a.png")
    result = scan(path, spool=tmp_path / "spool")
    assert reasons(result) == {"a.png": "protected by a password"}
    assert len(result.candidates) == 1
    encrypt_flags(path)
    with pytest.raises(InputError, match="password"):
        scan(path, spool=tmp_path / "spool2")


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.99])
def test_a_zip_cut_short(tmp_path, keep):
    path = zipped(tmp_path / "cut.zip", [(f"{i}.png", PNG) for i in range(10)])
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(InputError, match="cut short|no sound zip"):
        scan(path, spool=tmp_path / "spool")


def test_a_damaged_entry_is_named_and_the_rest_comes_out(tmp_path):
    path = zipped(tmp_path / "d.zip", [("a.png", PNG), ("b.png", PNG)], zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    result = scan(path, spool=tmp_path / "spool")
    assert "damaged in the zip" in reasons(result)["a.png"]
    assert [candidate.file for candidate in result.candidates] == ["b.png"]


def test_odd_packing_methods_are_named(tmp_path):
    path = zipped(tmp_path / "x.zip", [("a.png", PNG)], zipfile.ZIP_LZMA)
    assert "method" in reasons(scan(path, spool=tmp_path / "spool"))["a.png"]


def test_the_same_name_twice(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"):
        path = zipped(tmp_path / "t.zip", [("a.png", PNG), ("a.png", PNG)])
    result = scan(path, spool=tmp_path / "spool")
    assert len(result.candidates) == 1
    assert "stands in the zip before" in reasons(result)["a.png"]


def test_names_without_the_utf8_flag(tmp_path):
    path = zipped(tmp_path / "u.zip", [("Grüße.png", PNG)])
    data = bytearray(path.read_bytes())
    for magic, at in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
        data[data.find(magic) + at] &= ~0x08
    path.write_bytes(data)
    assert scan(path, spool=tmp_path / "spool").candidates[0].file == "Grüße.png"


def test_captions_find_the_files_of_a_zip(tmp_path):
    captions = "file,caption\nimg/a.png,an a\n"
    path = zipped(
        tmp_path / "c.zip", [("set/img/a.png", PNG), ("set/img/b.png", PNG), ("set/c.csv", captions)]
    )
    result = scan(path, spool=tmp_path / "spool")
    again = scan(path, spool=tmp_path / "spool", captions=result.tables["set/c.csv"])
    assert [candidate.captions for candidate in again.candidates] == [("an a",), ()]
    assert again.unmatched_files == ("set/img/b.png",)


def test_an_empty_zip_and_a_missing_spool(tmp_path):
    path = zipped(tmp_path / "e.zip", [])
    assert scan(path, spool=tmp_path / "spool").candidates == ()
    with pytest.raises(InputError, match="no folder"):
        scan(path)


def test_cancelling(tmp_path):
    path = zipped(tmp_path / "k.zip", [("a.png", PNG)])
    with pytest.raises(Cancelled):
        scan(path, spool=tmp_path / "spool", cancelled=lambda: True)
