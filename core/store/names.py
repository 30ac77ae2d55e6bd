"""Names that people give and names that files get."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from core.errors import InputError

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,79}")
_ITEM_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def tidy_name(name: str) -> str:
    """A name as collections keep it: NFC, no space around it."""
    return unicodedata.normalize("NFC", str(name)).strip()


def check_name(name: str, of: str = "collection") -> str:
    """A name as it is kept: NFC, no space around it; `of` is what has it, for messages.

    Raises
    ------
    InputError
        Empty, longer than 80 characters, or with a slash, a backslash or a control character.
    """
    kept = tidy_name(name)
    if not kept:
        raise InputError(f"The {of}'s name is empty; give it 1 to 80 characters.")
    if len(kept) > 80:
        raise InputError(f"The {of}'s name has {len(kept)} characters; give it 80 at most.")
    bad = next((c for c in kept if c in "/\\" or unicodedata.category(c) == "Cc"), None)
    if bad is not None:
        raise InputError(
            f"The {of}'s name contains {bad!r}; leave out slashes, backslashes and control characters."
        )
    return kept


def slug(name: str) -> str:
    """A folder name made from a collection's name: ``a-z 0-9 -``, 40 characters at most."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "collection"


def check_id(text: str, what: str) -> str:
    """An id that becomes part of a file name (a vector set's, an artifact's kind)."""
    if not _ID.fullmatch(text):
        raise InputError(
            f"{text!r} cannot be the id of a {what}; use 1 to 80 letters, digits, '.', '_' and '-', "
            "not beginning with '.' or '-'."
        )
    return text


def check_item_id(text: str) -> str:
    """An item's id: 1 to 64 of ``A-Z a-z 0-9 . _ : -``."""
    if not isinstance(text, str) or not _ITEM_ID.fullmatch(text):
        raise InputError(f"{text!r} cannot be an item's id; use 1 to 64 letters, digits, '.', '_', ':' and '-'.")
    return text


def hashed_name(item_id: str) -> str:
    """A file name for any item id: the same on file systems that ignore case or forbid colons."""
    return hashlib.sha256(item_id.encode()).hexdigest()[:32]
