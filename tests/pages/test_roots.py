"""Folders of this computer: which may be indexed, and how a typed path is completed."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import InputError
from pages import _roots


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "photos"
    for name in ("Pictures/2024", "Pictures/2025", "Pictures/.cache", "private"):
        (root / name).mkdir(parents=True)
    for name in ("Pictures/a.jpg", "Pictures/2024/b.PNG", "Pictures/2024/notes.txt", "Pictures/.cache/c.jpg"):
        (root / name).write_bytes(b"x")
    (tmp_path / "outside").mkdir()
    (root / "link").symlink_to(tmp_path / "outside")
    monkeypatch.setenv("LOUPE_ROOTS", str(root))
    return root.resolve()


def test_the_user_s_home_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOUPE_ROOTS", raising=False)
    assert _roots.roots() == (Path.home().resolve(),)


def test_paths_inside_are_given_back_resolved(root: Path) -> None:
    assert _roots.checked(f"{root}/Pictures/../Pictures/2024") == root / "Pictures" / "2024"


@pytest.mark.parametrize("typed", ["/etc", "{root}/../outside", "{root}/link", "{root}/missing", "relative", "\0"])
def test_outside_and_missing_are_the_same_refusal(root: Path, typed: str) -> None:
    with pytest.raises(InputError, match="There is nothing at"):
        _roots.checked(typed.format(root=root))


def test_completion_offers_folders_that_fit_and_hides_the_rest(root: Path) -> None:
    assert _roots.complete("") == [str(root / "Pictures"), str(root)]
    assert _roots.complete(f"{root}/") == [str(root / "Pictures"), str(root / "private")]
    assert _roots.complete(f"{root}/pIc") == [str(root / "Pictures")]
    assert _roots.complete(f"{root}/Pictures/20") == [str(root / "Pictures/2024"), str(root / "Pictures/2025")]
    assert _roots.complete("/etc/ss") == []


def test_a_glance_counts_pictures_by_name(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _roots.glance(root / "Pictures") == (2, False)
    monkeypatch.setattr(_roots, "GLANCE", 1)
    assert _roots.glance(root / "Pictures")[1] is True


def test_tables_that_name_pictures_are_found_and_others_left(root: Path) -> None:
    (root / "captions.csv").write_text("file,caption\na.jpg,a dog\n")
    (root / "prices.csv").write_text("thing,price\nx,3\n")
    (root / "broken.parquet").write_bytes(b"PAR1 not")
    assert _roots.tables(root) == ["captions.csv"]
