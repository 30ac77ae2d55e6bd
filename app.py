"""Loupe in the browser: on the server, the routes for pictures and uploads; in a session, the frame with a page in it.

``streamlit run app.py`` imports this file once for the server (it then finds `app`), and runs it as a script for every
visit.
"""

from __future__ import annotations

import streamlit as st

if __name__ == "__main__":
    from pages._frame import show

    show()
else:
    from pages import _server

    app = st.App(
        __file__,
        routes=_server.routes(),
        middleware=_server.middleware(),
        lifespan=_server.lifespan,
        on_script_error=_server.on_script_error,
    )
