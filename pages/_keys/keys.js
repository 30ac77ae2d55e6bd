const typingIn = (event) => event.composedPath().some(
  (node) => node.tagName === "INPUT" || node.tagName === "TEXTAREA" || node.tagName === "SELECT" || node.isContentEditable);
const queryBox = () => document.querySelector(".st-key-search_box input");

function goToQuery(tries) {
  const box = queryBox();
  if (box) { box.focus(); box.select(); return; }
  if (tries === 0) {
    const link = [...document.querySelectorAll('[data-testid="stSidebarNav"] a')].find((a) => /\/search$/.test(a.pathname));
    if (!link) return;
    link.click();
  }
  if (tries < 40) setTimeout(() => goToQuery(tries + 1), 150); // the page is being drawn
}

export default function ({ parentElement, data }) {
  const dialog = parentElement.querySelector("dialog");
  const make = (tag, text) => Object.assign(document.createElement(tag), { textContent: text || "" });
  const parts = [];
  for (const [title, rows] of data.sections) {
    const list = make("dl");
    for (const [key, meaning] of rows) {
      const term = make("dt");
      term.append(make("kbd", key));
      list.append(term, make("dd", meaning));
    }
    parts.push(make("h2", title), list);
  }
  const form = make("form");
  form.method = "dialog";
  form.append(make("button", "Close"));
  dialog.replaceChildren(...parts, form);
  dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };

  const show = () => { if (!dialog.open) dialog.showModal(); };
  parentElement.querySelector(".open").onclick = show;
  const onKey = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typingIn(event)) return;
    if (event.key === "?") show();
    else if (event.key === "/") goToQuery(0);
    else return;
    event.preventDefault();
  };
  // This function runs again whenever the theme changes, and cleans up only once: so one listener, replaced.
  document.removeEventListener("keydown", parentElement.loupeKeys);
  parentElement.loupeKeys = onKey;
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", parentElement.loupeKeys);
}
