"""Encoders as cards: what each is, whether it is here, how fast it is, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.encode.catalogue import Offer
from core.errors import LoupeError
from core.types import Job
from pages import _jobs
from pages._polling import polled
from pages._shared import megabytes

Choose = Callable[[Offer], None]
_INTRODUCTION = (
    "An encoder turns images and words into the numbers that are compared. Those on this computer work offline; nothing is"
    " downloaded unless you press the button."
)


def section() -> None:
    """Home's list of encoders."""
    st.subheader("Encoders", anchor=False)
    st.caption(_INTRODUCTION)
    cards("home")


def cards(
    key: str, *, choose: Choose | None = None, label: str = "Use this", images: int = 0, leave_out: tuple[str, ...] = ()
) -> None:
    """A card for every encoder, drawn again by itself while one is downloaded or measured.

    Parameters
    ----------
    key : str
        Of the place on the page.
    choose : callable, optional
        Called with the offer when the card's main button, which says `label`, is pressed.
    images : int
        How many it will have to encode; the button says how long that takes, where the speed is known.
    leave_out : tuple of str
        Encoders that are not shown.
    """
    busy = _busy()
    polled(_cards, 1.0 if busy else None)(key, busy, choose, label, images, leave_out)


def _busy() -> bool:
    return any(job.live for job in _jobs.encoder_jobs().values())


def _cards(
    key: str, busy: bool, choose: Choose | None, label: str, images: int, leave_out: tuple[str, ...]
) -> None:
    from core.workbench.encoders import offers

    if _busy() != busy:
        st.rerun()  # it begins or ends to look once a second
    jobs = _jobs.encoder_jobs()
    with st.grid("auto", min_column_width=250, gap="large", key=f"encoders_{key}") as grid:
        pass
    for offer in offers():
        if offer.name not in leave_out:
            with grid.container(key=f"encoder_{key}_{slug(offer.name)}", gap="xsmall"):
                _card(key, offer, jobs, choose, label, images)


def _card(
    key: str, offer: Offer, jobs: dict[tuple[str, str], Job], choose: Choose | None, label: str, images: int
) -> None:
    st.markdown(f"**{offer.title}**")
    st.caption(f"{'On this computer' if offer.here else 'To be downloaded'}{_size(offer)}", help=f"Its name: {offer.name}")
    st.markdown(offer.quality, help=f"From: {offer.source}" if offer.source else None)
    if offer.here:
        st.caption(_speed(offer), help=_how_measured(offer))
    if offer.commercial is False:
        st.badge("Not for commercial use", color="orange", help=offer.licence)
    else:
        st.caption(f"Licence: {offer.licence}")
    name = slug(offer.name)
    fetch, probe = jobs.get(("fetch", offer.name)), jobs.get(("probe", offer.name))
    for job in (fetch, probe):
        if job is not None and job.live:
            st.progress(_jobs.share(job), text=_jobs.sentence(job))
            st.button("Cancel", key=f"encoder_cancel_{key}_{name}", type="tertiary", on_click=_jobs.cancel,
                      args=(job.job_id,), help="What has arrived is kept, and downloading it again goes on from there.")
            return
    failed = probe if offer.here else fetch
    if failed is not None and failed.state == "failed":
        st.error(failed.message)
    with st.container(horizontal=True, gap="small"):
        if not offer.here:
            stopped = fetch is not None and fetch.state in ("failed", "cancelled") and fetch.done > 0
            st.button(f"{'Go on downloading' if stopped else 'Download'} {megabytes(offer.n_bytes)}",
                      key=f"encoder_fetch_{key}_{name}", on_click=_start, args=("fetch", offer.name),
                      help="Comes from the Hugging Face hub and goes into its cache; checked byte for byte.")  # fmt: skip
            return
        if choose is not None:
            if st.button(label, key=f"encoder_choose_{key}_{name}", type="primary", on_click=choose, args=(offer,),
                         help=_how_long(offer, images)):
                st.rerun()  # what was chosen is shown outside of this fragment
        st.button("Measure again" if offer.measured else "Measure", key=f"encoder_measure_{key}_{name}", type="tertiary",
                  on_click=_start, args=("probe", offer.name), help="Encodes generated images for three seconds.")


def _start(kind: str, name: str) -> None:
    from core.workbench.encoders import submit_fetch, submit_probe

    try:
        (submit_fetch if kind == "fetch" else submit_probe)(name)
    except LoupeError as error:
        st.toast(str(error))


def _size(offer: Offer) -> str:
    return f", {megabytes(offer.n_bytes)}" if offer.n_bytes else ", comes with Loupe"


def _speed(offer: Offer) -> str:
    if offer.measured is None or not offer.measured.images_per_s:
        return "Speed not measured here yet"
    return f"About {rate(offer.measured.images_per_s)} images/s here"


def _how_long(offer: Offer, images: int) -> str | None:
    if not images or offer.measured is None or not offer.measured.images_per_s:
        return None
    return f"About {_jobs.duration(images / offer.measured.images_per_s)} at the speed measured here."


def _how_measured(offer: Offer) -> str | None:
    found = offer.measured
    if found is None:
        return None
    said = f"Images in memory to vectors, {found.engine} in {found.precision}."
    if found.points_lost is not None:
        said += (f" In bfloat16 {rate(found.bf16_per_s)}/s, in float32 {rate(found.fp32_per_s)}/s; bfloat16 changes the share"
                 f" of names that find their drawing among the first ten by {-found.points_lost:+.1f} points"
                 f" ({found.recall_fp32:.1f} % before). It is used where it costs at most 0.5.")  # fmt: skip
    return said


def rate(per_s: float) -> str:
    """Images a second: ``85``, ``2.4``."""
    return f"{per_s:,.0f}" if per_s >= 10 else f"{per_s:,.1f}"


def slug(name: str) -> str:
    """An encoder's name as part of a widget's key."""
    return "".join(c if c.isalnum() else "-" for c in name).strip("-").lower()
