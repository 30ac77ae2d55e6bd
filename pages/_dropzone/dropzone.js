// Files are read from the disk and sent one by one, a few at a time. The upload lives outside the element, by address:
// when Streamlit draws the page again, or the visitor comes back to it, it is still running.
const uploads = new Map();
const AT_ONCE = 4;
const LITTER = new Set(["thumbs.db", "desktop.ini", "__macosx", "ehthumbs.db"]);
const MESSAGE = "Drop images, a folder, a zip or a table here";

const unwanted = (path) => path.split("/").some((part) => part.startsWith(".") || LITTER.has(part.toLowerCase()));
const ending = (path) => (path.match(/\.[^./]+$/) || [""])[0].toLowerCase();
const number = (n) => n.toLocaleString("en-US");
const megabytes = (n) => (n < 1e6 ? `${Math.max(1, Math.round(n / 1e3))} kB` : n < 1e9 ? `${(n / 1e6).toFixed(1)} MB` : `${(n / 1e9).toFixed(2)} GB`);
const duration = (s) => (s < 90 ? `${Math.max(1, Math.round(s))} s` : `${Math.round(s / 60)} min`);

async function entriesOf(dropped) {
  // Must be called before the first await of the drop handler gives the list back to the browser.
  const found = [];
  async function walk(entry, prefix) {
    if (unwanted(entry.name)) return;
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject)).catch(() => null);
      if (file) found.push({ file, path: prefix + entry.name });
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
      if (!some.length) return;
      for (const child of some) await walk(child, `${prefix}${entry.name}/`);
    }
  }
  for (const entry of dropped) await walk(entry, "");
  return found;
}

function begin(url, files, data, finished) {
  const wanted = files.filter(({ path }) => !unwanted(path));
  const up = {
    files: wanted, at: 0, done: 0, refused: 0, bytes: 0, moving: new Map(), failed: "", stopped: false,
    total: wanted.reduce((sum, { file }) => sum + file.size, 0), began: performance.now(), requests: new Set(),
  };
  uploads.set(url, up);
  const ask = (event) => { event.preventDefault(); event.returnValue = ""; };
  window.addEventListener("beforeunload", ask);

  const send = ({ file, path }) => new Promise((resolve) => {
    const most = data.limits[ending(path)];
    const hopeless = most === undefined || file.size > most;
    const request = new XMLHttpRequest();
    up.requests.add(request);
    request.open("POST", `${url}?name=${encodeURIComponent(path)}&size=${file.size}`);
    request.setRequestHeader("X-Loupe-Token", data.token);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => up.moving.set(path, event.loaded);
    request.onloadend = () => { up.requests.delete(request); up.moving.delete(path); resolve(request); };
    request.send(hopeless ? null : file); // the server says why; its bytes need not travel
  });

  async function one() {
    while (up.at < wanted.length && !up.failed && !up.stopped) {
      const item = wanted[up.at++];
      let request = await send(item);
      if (request.status === 0 && !up.stopped) request = await send(item); // a connection may break; once more
      if (up.stopped) return;
      if (request.status === 422) up.refused += 1;
      else if (request.status !== 200) {
        let said = "";
        try { said = JSON.parse(request.responseText).error; } catch { /* not from Loupe */ }
        up.failed = said || `The upload broke off at ${item.path}: the server does not answer. Is the app still running?`;
        return;
      }
      up.bytes += item.file.size;
      up.done += 1;
    }
  }
  Promise.all(Array.from({ length: AT_ONCE }, one)).then(() => {
    window.removeEventListener("beforeunload", ask);
    if (up.stopped || up.failed) return;
    uploads.delete(url);
    finished(wanted.length);
  });
  return up;
}

export default function ({ parentElement, data, setTriggerValue }) {
  const zone = parentElement.querySelector(".zone");
  const { url } = data;
  zone.report = (n) => setTriggerValue("done", { n });
  const discard = () => setTriggerValue("discard", { at: Date.now() }); // what came of an upload that was stopped goes away
  const start = (files) => { if (files.length) { begin(url, files, data, (n) => zone.report(n)); draw(); } };

  const element = (tag, className, text) => Object.assign(document.createElement(tag), { className, textContent: text || "" });
  function chooser(label, folder) {
    const input = Object.assign(document.createElement("input"), { type: "file", multiple: true, hidden: true });
    input.setAttribute("aria-label", label);
    if (folder) input.webkitdirectory = true;
    else input.accept = Object.keys(data.limits).join(",");
    input.onchange = () => start([...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
    const button = element("button", "", label);
    button.type = "button";
    button.onclick = () => input.click();
    return [button, input];
  }

  function draw() {
    clearTimeout(zone.timer);
    const up = uploads.get(url);
    if (!up) {
      if (zone.shows === `choose ${url}`) return;
      zone.shows = `choose ${url}`;
      const row = element("div", "row");
      row.append(...chooser("Choose files"), ...chooser("Choose a folder", true));
      zone.replaceChildren(element("p", "", MESSAGE), row);
      return;
    }
    if (up.failed || up.stopped) {
      zone.shows = "over";
      const again = element("button", "", "Choose again");
      again.onclick = () => { // no files may go to the old address while the page is getting a new one
        uploads.delete(url);
        zone.replaceChildren(element("p", "quiet", "One moment ..."));
        discard();
      };
      const row = element("div", "row");
      row.append(again);
      zone.replaceChildren(element("p", up.failed ? "bad" : "", up.failed || `Stopped after ${number(up.done)} of ${number(up.files.length)} files.`), row);
      return;
    }
    if (zone.shows !== `upload ${url}`) {
      zone.shows = `upload ${url}`;
      const bar = element("div", "bar");
      bar.setAttribute("role", "progressbar");
      bar.append(document.createElement("div"));
      const row = element("div", "row");
      const stop = element("button", "", "Cancel");
      stop.onclick = () => { up.stopped = true; up.requests.forEach((request) => request.abort()); draw(); };
      row.append(stop);
      zone.replaceChildren(element("p", "numbers"), bar, row);
    }
    const moved = up.bytes + [...up.moving.values()].reduce((a, b) => a + b, 0);
    const share = up.total ? Math.min(1, moved / up.total) : up.done / Math.max(1, up.files.length);
    const seconds = (performance.now() - up.began) / 1000;
    const left = share > 0.02 && seconds > 1 ? `, ${duration((seconds / share) * (1 - share))} left` : "";
    zone.querySelector(".numbers").textContent =
      `Receiving ${number(up.done)} of ${number(up.files.length)} files, ${megabytes(moved)} of ${megabytes(up.total)}${left}`;
    zone.querySelector(".bar > div").style.width = `${(100 * share).toFixed(1)}%`;
    zone.timer = setTimeout(draw, 200);
  }

  zone.ondragover = (event) => { event.preventDefault(); zone.classList.add("over"); };
  zone.ondragleave = (event) => { if (!zone.contains(event.relatedTarget)) zone.classList.remove("over"); };
  zone.ondrop = async (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    if (uploads.has(url)) return;
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const plain = [...event.dataTransfer.files].map((file) => ({ file, path: file.name }));
    start(entries.length ? await entriesOf(entries) : plain);
  };
  draw();
  return () => clearTimeout(zone.timer);
}
