"""Fetching weights: resumed where they stopped, checked byte for byte, published whole or not at all.

The hub's files go where the hub's own client keeps them, so that every other program finds them too. (That client does not
go on with a download another process began, and does not compare checksums; hence this module.) Nothing here is called
unless a person asked for it.
"""

from __future__ import annotations

import hashlib
import http.client
import importlib.util
import json
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.encode.hubcache import PREFIX, folder_name, in_cache, tags, weight_files
from core.encode.reach import offline, reachable
from core.errors import EncoderError

BLOCK = 1 << 18
TIMEOUT_S = 30.0
TRIES = 5
"""Interruptions in a row without one byte between them, after which a download gives up."""
PAUSE_S = 1.0
_SPARE = 100_000_000
_HEX = re.compile(r"[0-9a-f]+")

Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Remote:
    """A file on a server, and where it goes.

    Attributes
    ----------
    url : str
    label : str
        For people.
    place : Path
        Where it will be. While it comes it is ``<place>.incomplete``.
    n_bytes : int or None
        What the server said.
    digest : str
        SHA-256 (64 hexadecimal characters, or the beginning of it), or git's SHA-1 of a blob (40); empty: unknown.
    etag : str
        For asking whether the rest still belongs to the same file.
    link : Path or None
        The name under which the hub's client looks for it.
    reference : tuple of (Path, str) or None
        The hub's note of which commit is the newest, written last.
    """

    url: str
    label: str
    place: Path
    n_bytes: int | None = None
    digest: str = ""
    etag: str = ""
    link: Path | None = None
    reference: tuple[Path, str] | None = None


def fetch(name: str, on_progress: Tell | None = None, check: Callable[[], None] | None = None) -> dict[str, object]:
    """Bring an open_clip model onto this computer, with its tokenizer where that has files of its own.

    Parameters
    ----------
    name : str
        ``openclip:<model>/<tag>``.
    on_progress : callable, optional
        Called with (bytes here, bytes in all).
    check : callable, optional
        Called often; what it raises ends the download, and what has arrived stays for the next time.

    Returns
    -------
    dict
        ``path``, ``bytes`` (fetched now), ``checked`` (whether there was a checksum to compare).

    Raises
    ------
    EncoderError
        No such model, no network, not enough room, or not the file that was published.
    """
    tell, look = on_progress or (lambda done, total: None), check or (lambda: None)
    model, _, tag = name.removeprefix(PREFIX).partition("/")
    hub = tags().get(f"{model}/{tag}")
    if not name.startswith(PREFIX) or hub is None:
        raise EncoderError(f"{name!r} cannot be fetched: only openclip:<model>/<tag> of open_clip's own list can.")
    weights = in_cache(hub)
    _see_that_the_hub_answers(name)
    remotes = [] if weights is not None else [_weights_of(name, hub)]
    remotes += _companions(model, name)
    total, before, checked = sum(remote.n_bytes or 0 for remote in remotes), 0, True
    for remote in remotes:
        n = download(remote, lambda done, _, before=before: tell(before + done, max(total, before + done)), look)
        checked = checked and bool(remote.digest)
        before += n
    found = in_cache(hub)
    if found is None:
        raise EncoderError(f"{name} was fetched and is not where the hub's client looks for it; set HF_HOME anew.")
    return {"encoder": name, "path": str(found), "bytes": before, "checked": checked}


# ---------------------------------------------------------------- what there is on the server


def _see_that_the_hub_answers(name: str) -> None:
    from huggingface_hub import constants

    if offline():
        raise EncoderError(f"{name} cannot be fetched while HF_HUB_OFFLINE is set: unset it, or use a weight file.")
    if not reachable(constants.ENDPOINT):
        raise EncoderError(
            f"There is no connection to {constants.ENDPOINT}, so {name} cannot be fetched. Nothing was changed; connect and"
            " try again, or use a weight file that you bring."
        )


def _weights_of(name: str, hub: str) -> Remote:
    repository, files = weight_files(hub)
    for file in files:
        remote = hub_file(repository, file, name)
        if remote is not None:
            return remote
    raise EncoderError(
        f"The hub has no weights of {name} any more ({repository}: none of {', '.join(files)}); use a weight file instead."
    )


_TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.json", "vocab.txt", "merges.txt",
    "sentencepiece.bpe.model", "config.json",
)  # fmt: skip


def _companions(model: str, name: str) -> list[Remote]:
    """Files beside the weights that open_clip would otherwise ask the network for when the model is loaded."""
    text, found = _config_of(model).get("text_cfg", {}), []
    for repository in dict.fromkeys(text.get(key) for key in ("hf_tokenizer_name", "hf_model_name")):
        if not repository:
            continue
        there = {file: hub_file(repository, file, name) for file in _TOKENIZER_FILES}
        commit = next((remote.reference[1] for remote in there.values() if remote and remote.reference), None)
        if commit is not None:
            _note_absent(repository, commit, [file for file, remote in there.items() if remote is None])
        found += [remote for remote in there.values() if remote and not (remote.link and remote.link.exists())]
    return found


def _note_absent(repository: str, commit: str, files: list[str]) -> None:
    """Note, as the hub's client does, which files a repository has not: else transformers, offline, thinks they are missing."""
    from huggingface_hub import constants

    for file in files:
        mark = Path(constants.HF_HUB_CACHE) / folder_name(repository) / ".no_exist" / commit / file
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def _config_of(model: str) -> dict:
    """open_clip's description of a model, read from its file: importing open_clip takes seconds."""
    spec = importlib.util.find_spec("open_clip")
    folder = Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else Path()
    try:
        return json.loads((folder / "model_configs" / f"{model}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        import open_clip

        return open_clip.get_model_config(model) or {}


def hub_file(repository: str, file: str, name: str = "") -> Remote | None:
    """Ask the hub for one file: size, checksum, commit. None where it has none of this name.

    Raises
    ------
    EncoderError
        The hub cannot be asked.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, RepositoryNotFoundError

    what, endpoint = name or repository, constants.ENDPOINT
    url = hf_hub_url(repository, file, endpoint=endpoint)
    try:
        # No token: everything that is offered is public, and nobody's key has to travel.
        said = get_hf_file_metadata(url, token=False, endpoint=endpoint)
    except EntryNotFoundError:
        return None
    except (RepositoryNotFoundError, HfHubHTTPError) as error:
        status = getattr(getattr(error, "response", None), "status_code", "")
        raise EncoderError(f"The hub does not give {repository} away ({status or type(error).__name__}); "
                           "it may have moved or ask for an account.") from error  # fmt: skip
    except Exception as error:  # the hub's client raises those of its HTTP library
        raise EncoderError(f"Asking the hub for {what} failed ({type(error).__name__}); try again.") from error
    etag, commit = said.etag or "", said.commit_hash or "main"
    if not etag or not re.fullmatch(r"[\w.-]+", etag):
        raise EncoderError(f"The server names no checksum for {repository}/{file}, so it is not fetched.")
    folder = Path(constants.HF_HUB_CACHE) / folder_name(repository)
    return Remote(
        url=url, label=what, place=folder / "blobs" / etag, n_bytes=said.size,
        digest=etag if _HEX.fullmatch(etag) and len(etag) in (40, 64) else "",
        etag=etag, link=folder / "snapshots" / commit / file, reference=(folder / "refs" / "main", commit),
    )  # fmt: skip


# ---------------------------------------------------------------- one file


def download(remote: Remote, tell: Tell, check: Callable[[], None]) -> int:
    """Fetch one file, going on where an earlier attempt stopped; the bytes of the whole file.

    Raises
    ------
    EncoderError
        The server has no such file, the connection was lost for good, the disk is full, or the checksum is wrong.
    """
    unfinished = remote.place.with_name(remote.place.name + ".incomplete")
    if not remote.place.is_file():
        remote.place.parent.mkdir(parents=True, exist_ok=True)
        _room_for(remote, unfinished)
        _receive(remote, unfinished, tell, check)
        _verify(remote, unfinished, check)
        with open(unfinished, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(unfinished, remote.place)
    _publish(remote)
    n_bytes = remote.place.stat().st_size
    tell(n_bytes, n_bytes)
    return n_bytes


def _receive(remote: Remote, unfinished: Path, tell: Tell, check: Callable[[], None]) -> None:
    failures = 0
    while True:
        check()
        have = unfinished.stat().st_size if unfinished.exists() else 0
        if remote.n_bytes is not None and have > remote.n_bytes:
            unfinished.unlink()
            have = 0
        if remote.n_bytes is not None and have == remote.n_bytes:
            return
        try:
            if _receive_once(remote, unfinished, have, tell, check):
                return
            reason = "the connection was closed"
        except urllib.error.HTTPError as error:
            if error.code == 416:  # the server has less than is here: begin again
                unfinished.unlink(missing_ok=True)
            elif error.code < 500 and error.code not in (408, 429):
                raise EncoderError(f"The server answers {error.code} for {remote.label} ({error.reason}).") from error
            reason = f"the server answered {error.code}"
        except (OSError, http.client.HTTPException) as error:
            if getattr(error, "filename", None):  # of the disk, not of the network
                raise
            reason = str(getattr(error, "reason", "") or error) or type(error).__name__
        failures = 0 if unfinished.exists() and unfinished.stat().st_size > have else failures + 1
        if failures >= TRIES:
            arrived = unfinished.stat().st_size if unfinished.exists() else 0
            raise EncoderError(
                f"The download of {remote.label} stopped after {arrived / 1e6:,.0f} MB ({reason}). What has arrived is kept:"
                " starting it again goes on from there."
            )
        _pause(PAUSE_S * 2**failures if failures else PAUSE_S, check)


def _receive_once(remote: Remote, unfinished: Path, have: int, tell: Tell, check: Callable[[], None]) -> bool:
    """One request; True when the whole file is here."""
    headers = {"Accept-Encoding": "identity", "User-Agent": "loupe"}
    if have:
        headers["Range"] = f"bytes={have}-"
        # Without the file's own mark the rest of another file might be glued on; the checksum would tell only at the end.
        if remote.etag:
            headers["If-Range"] = f'"{remote.etag}"'
    with urllib.request.urlopen(urllib.request.Request(remote.url, headers=headers), timeout=TIMEOUT_S) as answer:
        goes_on = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        have = have if goes_on else 0
        length = answer.headers.get("Content-Length")
        total = remote.n_bytes or (have + int(length) if length else 0)
        with open(unfinished, "ab" if goes_on else "wb") as file:
            tell(have, total)
            while block := answer.read(BLOCK):
                file.write(block)
                have += len(block)
                tell(have, total)
                check()
    return have >= total if total else True


def _verify(remote: Remote, unfinished: Path, check: Callable[[], None]) -> None:
    n_bytes = unfinished.stat().st_size
    wrong = remote.n_bytes is not None and n_bytes != remote.n_bytes
    if not wrong and remote.digest:
        wrong = not _digest_of(unfinished, remote.digest, n_bytes, check).startswith(remote.digest)
    if wrong:
        unfinished.unlink(missing_ok=True)
        raise EncoderError(
            f"What arrived as {remote.label} is not the file that was published (wrong checksum), so it was thrown away."
            " Try again; if it happens twice, something between here and the server changes files."
        )


def _digest_of(path: Path, like: str, n_bytes: int, check: Callable[[], None]) -> str:
    """SHA-256, or git's SHA-1 of a blob where the digest to compare with has its 40 characters."""
    digest = hashlib.sha1(b"blob %d\0" % n_bytes, usedforsecurity=False) if len(like) == 40 else hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
            check()
    return digest.hexdigest()


def _publish(remote: Remote) -> None:
    """Give the file the name the hub's client knows it by, and last of all say that this commit is the newest."""
    if remote.link is not None and not remote.link.exists():
        remote.link.parent.mkdir(parents=True, exist_ok=True)
        remote.link.unlink(missing_ok=True)  # a link to a file that is gone
        try:
            remote.link.symlink_to(os.path.relpath(remote.place, remote.link.parent))
        except OSError:  # Windows without the right to make links
            shutil.copyfile(remote.place, remote.link)
    if remote.reference is not None:
        path, commit = remote.reference
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        beside.write_text(commit)
        os.replace(beside, path)


def _room_for(remote: Remote, unfinished: Path) -> None:
    have = unfinished.stat().st_size if unfinished.exists() else 0
    needed = max(0, (remote.n_bytes or 0) - have)
    free = shutil.disk_usage(remote.place.parent).free
    if needed + _SPARE > free:
        raise EncoderError(
            f"{remote.label} needs {needed / 1e6:,.0f} MB more and the disk of {remote.place.parent} has {free / 1e6:,.0f} MB"
            " free; make room, or point HF_HOME to another disk."
        )


def _pause(seconds: float, check: Callable[[], None]) -> None:
    until = time.monotonic() + min(seconds, 30.0)
    while time.monotonic() < until:
        check()
        time.sleep(min(0.2, seconds))
