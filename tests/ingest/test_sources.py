"""Folders and tables as sources, and what belongs to what."""

from __future__ import annotations

import os
import unicodedata

import pytest

from core.errors import Cancelled, InputError
from core.ingest import scan
from core.ingest.folders import walk
from core.ingest.matching import FileIndex, attach_rows
from core.ingest.tables import read_table
from core.types import Column
from tests.ingest.conftest import encoded, gradient

PNG = encoded(gradient(), "PNG")


@pytest.fixture
def photos(tmp_path):
    """b.png, a.png, sub/c.JPG, sub/deep/d (no ending), and things that are no pictures."""
    root = tmp_path / "photos"
    (root / "sub" / "deep").mkdir(parents=True)
    for name in ("b.png", "a.png", "sub/c.JPG", "sub/deep/d"):
        (root / name).write_bytes(PNG)
    (root / "notes.txt").write_text("hello")
    (root / "list.csv").write_text("file\na.png\n")
    return root


def files(result):
    return [candidate.file for candidate in result.candidates]


def test_a_folder_is_searched_in_a_fixed_order(photos):
    result = scan(photos)
    assert files(result) == ["a.png", "b.png", "sub/c.JPG", "sub/deep/d"]
    assert [(skipped.file, skipped.reason) for skipped in result.skipped] == [
        ("notes.txt", "not a picture Loupe reads: the content is text")
    ]
    assert list(result.tables) == ["list.csv"]
    first = result.candidates[0]
    status = (photos / "a.png").stat()
    assert (first.path, first.root) == (photos / "a.png", str(photos))
    assert (first.n_bytes, first.mtime_ns) == (status.st_size, status.st_mtime_ns)
    assert (first.captions, dict(first.meta), first.item_id) == ((), {}, None)


def test_hidden_files_and_litter_are_left_out(photos):
    for name in (".x.png", "Thumbs.db", "sub/.cache/y.png", "__MACOSX/._a.png", ".git/z.png"):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_bytes(PNG)
    assert files(scan(photos)) == ["a.png", "b.png", "sub/c.JPG", "sub/deep/d"]


def test_links_that_go_round_end(photos):
    (photos / "sub" / "up").symlink_to(photos, target_is_directory=True)
    (photos / "sub" / "self").symlink_to(photos / "sub" / "self")
    (photos / "again").symlink_to(photos / "sub", target_is_directory=True)
    (photos / "gone.png").symlink_to(photos / "nothing.png")
    result = scan(photos)
    # "again" comes first in order and is the same folder as "sub", which is then not walked twice.
    assert files(result) == ["a.png", "again/c.JPG", "again/deep/d", "b.png"]
    reasons = {skipped.file: skipped.reason for skipped in result.skipped}
    assert "not there" in reasons["gone.png"]


def test_confined_to_the_folder(photos, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.png").write_bytes(PNG)
    (photos / "dir").symlink_to(outside, target_is_directory=True)
    (photos / "file.png").symlink_to(outside / "secret.png")
    assert "dir/secret.png" in files(scan(photos)) and "file.png" in files(scan(photos))
    confined = scan(photos, confine=True)
    assert files(confined) == ["a.png", "b.png", "sub/c.JPG", "sub/deep/d"]
    assert sum("leads outside" in skipped.reason for skipped in confined.skipped) == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_reported_not_read(photos):
    os.mkfifo(photos / "pipe.png")
    assert ("pipe.png", "not a regular file") in [(s.file, s.reason) for s in scan(photos).skipped]


def test_a_name_that_is_no_unicode_is_reported(photos):
    try:
        with open(os.fsencode(photos) + b"/bad\xff.png", "wb") as file:
            file.write(PNG)
    except OSError:
        pytest.skip("this file system takes no such names")
    result = scan(photos)
    assert len(result.candidates) == 4
    assert any("not valid Unicode" in skipped.reason for skipped in result.skipped)
    assert all(skipped.file.encode() for skipped in result.skipped)


def test_very_deep_folders(tmp_path):
    folder = tmp_path / "deep"
    folder.mkdir()
    here = os.open(folder, os.O_RDONLY)
    try:
        for _ in range(300):
            os.mkdir("d", dir_fd=here)
            deeper = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = deeper
        with open(os.open("x.png", os.O_CREAT | os.O_WRONLY, dir_fd=here), "wb") as file:
            file.write(PNG)
    finally:
        os.close(here)
    assert files(scan(folder)) == ["d/" * 300 + "x.png"]


def test_walking_is_a_stream_with_progress(photos):
    for i in range(1100):
        (photos / f"{i:04d}.png").touch()
    told = []
    stream = walk(photos, on_progress=told.append)
    assert next(stream).file == "0000.png"
    assert told == []
    list(stream)
    assert told == [500, 1000, 1106]


def test_cancelling_a_scan(photos):
    with pytest.raises(Cancelled):
        scan(photos, cancelled=lambda: True)


def test_one_picture(photos):
    result = scan(str(photos / "b.png"))
    assert files(result) == ["b.png"] and result.candidates[0].root == str(photos)
    assert files(scan(photos / "sub" / "deep" / "d")) == ["d"]


def test_what_cannot_be_a_source(photos, tmp_path):
    for name, words in (("nothing", "nothing at"), ("notes.txt", "content is text"), ("v.npy", "holds vectors")):
        if name == "v.npy":
            (photos / name).write_bytes(b"\x93NUMPY")
        with pytest.raises(InputError, match=words):
            scan(photos / name)
    with pytest.raises(InputError, match="table already"):
        scan(photos / "list.csv", captions=photos / "list.csv")
    with pytest.raises(InputError, match="no table at"):
        scan(photos, captions=photos / "absent.csv")


def test_a_picture_that_pretends_to_be_a_zip_is_a_zip_by_content(tmp_path):
    path = tmp_path / "photos.zip"
    path.write_bytes(PNG)
    with pytest.raises(InputError, match="no zip"):
        scan(path, spool=tmp_path / "spool")


# ---------------------------------------------------------------- captions


def test_captions_are_matched_and_both_sides_reported(photos):
    table = photos / "list.csv"
    table.write_text(
        "file,caption,colour,year\na.png,first,red,2001\na.png,second,blue,\n"
        "sub/c.JPG,third,green,2003\nzzz.png,none,x,1\n"
    )
    result = scan(photos, captions=table)
    assert [(c.file, c.captions, dict(c.meta)) for c in result.candidates] == [
        ("a.png", ("first", "second"), {"colour": "red", "year": 2001}),
        ("b.png", (), {}),
        ("sub/c.JPG", ("third",), {"colour": "green", "year": 2003}),
        ("sub/deep/d", (), {}),
    ]
    assert [(s.file, s.reason) for s in result.unmatched_rows] == [("zzz.png", "row 5: no picture 'zzz.png' was found")]
    assert result.unmatched_files == ("b.png", "sub/deep/d")
    assert result.columns == (Column("colour", "text"), Column("year", "number"))


@pytest.mark.parametrize(
    "cell",
    ["sub/c.JPG", "./sub/c.JPG", "sub\\c.JPG", "c.JPG", "c.jpg", "photos/sub/c.JPG", "/data/photos/sub/c.JPG", "c"],
)
def test_ways_to_name_a_file(photos, cell):
    table = photos / "list.csv"
    table.write_text(f"file,caption\n{cell},yes\n")
    assert [c.file for c in scan(photos, captions=table).candidates if c.captions] == ["sub/c.JPG"]


def test_a_table_beside_the_folder(photos, tmp_path):
    table = tmp_path / "captions.jsonl"
    table.write_text('{"file": "photos/a.png", "caption": "yes"}\n{"file": "photos/sub/a.png", "caption": "no"}\n')
    result = scan(photos, captions=table)
    assert [c.file for c in result.candidates if c.captions] == ["a.png"]
    assert len(result.unmatched_rows) == 1


def test_a_cell_that_fits_several_files_is_not_guessed():
    index = FileIndex(["x/a.png", "y/a.png"])
    assert index.find("a.png") == (None, "2 files fit 'a.png'; name the folder too")
    assert index.find("y/a.png") == ("y/a.png", "")
    assert index.find("ya.png")[0] is None
    # A folder that is not the root is not waved through.
    assert FileIndex(["a.png"], ["photos"]).find("sub/a.png")[0] is None
    assert FileIndex(["a.png"], ["photos"]).find("my/photos/a.png")[0] == "a.png"


def test_accents_written_in_two_ways():
    index = FileIndex([unicodedata.normalize("NFD", "Übung.png")])
    assert index.find(unicodedata.normalize("NFC", "Übung.png"))[0] is not None


def test_urls_are_never_fetched(photos):
    table = photos / "list.csv"
    table.write_text(
        "file,caption\na.png,yes\nb.png,yes\nhttp://example.org/a.png,no\n//example.org/b.png,no\ndata:x,no\n"
    )
    for result in (scan(photos, captions=table), scan(table)):
        assert [s.reason.split(":")[1].split(";")[0] for s in result.unmatched_rows] == [" a URL"] * 3
        assert sum(bool(c.captions) for c in result.candidates) == 2


def test_a_table_without_files_is_joined_by_id_and_name(photos):
    table = photos / "list.csv"
    table.write_text("id,caption\nb,the b\nc,the c\nq,none\n")
    result = scan(photos, captions=table)
    assert [(c.file, c.item_id, c.captions) for c in result.candidates if c.captions] == [
        ("b.png", "b", ("the b",)),
        ("sub/c.JPG", "c", ("the c",)),
    ]
    assert len(result.unmatched_rows) == 1
    table.write_text("colour,size\nred,1\n")
    with pytest.raises(InputError, match="colour, size"):
        scan(photos, captions=table)


# ---------------------------------------------------------------- a table as the source


def test_a_table_brings_its_pictures(photos):
    table = photos / "list.csv"
    table.write_text("id,file,caption\nx:1,b.png,bee\nx:2,sub/c.JPG,sea\nx:1,b.png,bee again\nx:3,no.png,gone\n")
    result = scan(table)
    assert [(c.item_id, c.file, c.captions) for c in result.candidates] == [
        ("x:1", "b.png", ("bee", "bee again")),
        ("x:2", "sub/c.JPG", ("sea",)),
    ]
    assert result.candidates[0].path == photos / "b.png" and result.candidates[0].n_bytes == len(PNG)
    assert [s.reason for s in result.skipped] == ["row 5: there is no file 'no.png' beside the table"]
    assert result.unmatched_rows == result.skipped


@pytest.mark.parametrize("cell", ["../secret.png", "/etc/hosts", "sub/../../secret.png", "out/secret.png", "link.png"])
def test_a_table_stays_under_its_folder(photos, tmp_path, cell):
    outside = tmp_path / "outside"
    outside.mkdir()
    for place in (tmp_path / "secret.png", outside / "secret.png"):
        place.write_bytes(PNG)
    (photos / "out").symlink_to(outside, target_is_directory=True)
    (photos / "link.png").symlink_to(tmp_path / "secret.png")
    table = photos / "list.csv"
    table.write_text(f"file\n{cell}\na.png\n")
    result = scan(table)
    assert files(result) == ["a.png"]
    assert "leads outside the folder" in result.skipped[0].reason


def test_odd_cells_of_a_table(photos):
    table = photos / "list.csv"
    table.write_text("file,n\n,1\nsub,2\n" + "x" * 5000 + ",3\n./a.png,4\nsub\\c.JPG,5\nsub/../b.png,6\n")
    result = scan(table)
    assert files(result) == ["a.png", "sub/c.JPG", "b.png"]
    assert len(result.skipped) == 3
    assert all(len(s.reason) < 300 for s in result.skipped)


def test_an_id_for_two_pictures_is_an_error(photos):
    table = photos / "list.csv"
    table.write_text("id,file\n7,a.png\n7,b.png\n")
    with pytest.raises(InputError, match=r"the id '7' is given to two pictures, a.png \(row 2\) and b.png \(row 3\)"):
        scan(table)
    table.write_text("id,file\n7,a.png\n8,a.png\n")
    result = scan(table)
    assert [c.item_id for c in result.candidates] == ["7"]
    assert result.skipped[0].reason == "row 3: the id '8', but row 2 calls this file '7'"


def test_ids_that_break_the_rule(photos):
    table = photos / "list.csv"
    long = "x" * 65
    table.write_text(f"id,file\nfine.A-1_:2,a.png\nhas space,b.png\n{long},sub/c.JPG\n,sub/deep/d\n")
    result = scan(table)
    assert [(c.file, c.item_id) for c in result.candidates] == [("a.png", "fine.A-1_:2"), ("sub/deep/d", None)]
    assert [s.reason[:22] for s in result.skipped] == ["row 3: the id 'has spa", f"row 4: the id '{long[:7]}"]


# ---------------------------------------------------------------- a table for items that are there


def test_attaching_by_id_and_by_file(tmp_path):
    path = tmp_path / "more.csv"
    known = {"a.png": "i1", "sub/b.png": "i2", "c.png": "i3"}
    path.write_text("id,price\ni2,5\ni9,6\nc,7\n")
    attached = attach_rows(read_table(path), known, list(known.values()))
    assert attached.updates == (("i2", (), {"price": 5}), ("i3", (), {"price": 7}))
    assert [s.reason for s in attached.unmatched_rows] == ["row 3: no item has the id 'i9'"]
    assert attached.unmatched_items == ("i1",)
    path.write_text("file,caption,price\nb.png,bee,5\nb.png,two,6\nnope.png,x,7\n")
    attached = attach_rows(read_table(path), known, list(known.values()))
    assert attached.updates == (("i2", ("bee", "two"), {"price": 5}),)
    assert len(attached.unmatched_rows) == 1
    path.write_text("price\n1\n")
    with pytest.raises(InputError, match="no column of picture files"):
        attach_rows(read_table(path), known, list(known.values()))


@pytest.mark.needs_data
def test_a_real_captions_table(data_dir):
    table = data_dir / "web_alt_text" / "captions.csv"
    result = scan(data_dir / "web_alt_text", captions=table)
    assert len(result.candidates) == 380
    assert result.unmatched_rows == () and result.unmatched_files == ()
    assert all(candidate.captions for candidate in result.candidates)
