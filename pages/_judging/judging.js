// The judging screen: one large image (or a grid), a grade per key press.
//
// A press is shown at once and kept in `pending` until the server says that it is saved, so that fast
// typing loses nothing: the state value always carries every press that has not been acknowledged.

const WORDS = ["not relevant", "related", "relevant", "perfect"];
const DONE = { Disagreements: "looked at again", Adjudicate: "decided" };
const NAMED_AT_MOST = 5;   // queries with skipped images that are named

const several = (n, one, more = `${one}s`) => `${n} ${n === 1 ? one : more}`;

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;   // never innerHTML: names and captions are strangers' text
  return node;
}

// What a judge has done at a query outlives the element it was done in: a screen may be taken down and put up anew
// with any rerun, and presses on their way to the server, and what `u` takes back, must not go with it.
function state(data, key) {
  const all = (window.loupeJudging = window.loupeJudging || new Map());
  if (!all.has(key)) {
    const given = data.items.filter((item) => item.judged);
    const first = data.items.findIndex((item) => !item.judged);
    const history = given.sort((a, b) => a.order - b.order)
      .map((item) => ({ item: item.id }));   // judged in an earlier visit
    all.set(key, { position: first < 0 ? data.items.length : first, grades: {}, notes: {}, pending: [], history, serial: 0 });
  }
  return all.get(key);
}

function gradeText(grade) {
  if (grade === undefined) return "";
  return grade === null ? "can't tell" : `${grade} ${WORDS[grade]}`;
}

// What this judge said of an image before; nobody decides over their own grade without being told.
function ownText(item) {
  if (item.own !== undefined) return item.own === null ? "you said can't tell here" : `you gave ${item.own} here`;
  if (item.earlier !== undefined) return `you gave ${gradeText(item.earlier)}; another judge differs`;
  return "";
}

// Images that were skipped, by query; of a query that was never opened it is not known how many there are.
function skippedText(skipped) {
  const named = (some) => {
    const rest = some.length - NAMED_AT_MOST;
    return some.slice(0, NAMED_AT_MOST).join(", ") + (rest > 0 ? `, and in ${several(rest, "more query", "more queries")}` : "");
  };
  const known = skipped.filter((one) => one.n !== null);
  const closed = skipped.filter((one) => one.n === null);
  const n = known.reduce((sum, one) => sum + one.n, 0);
  const said = [];
  if (n) said.push(`${several(n, "image was", "images were")} skipped, without a grade and without can't tell: `
    + `${named(known.map((one) => `${one.n} in "${one.text}"`))}.`);
  if (closed.length) said.push(`Not opened yet: ${named(closed.map((one) => `"${one.text}"`))}.`);
  return said.join(" ");
}

export default function (component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component;
  const root = parentElement.querySelector(".judging");
  const key = JSON.stringify([data.collection, data.query.id, data.judge, data.queue, data.pool]);
  const s = state(data, key);
  const items = data.items;

  const acked = new Set(data.acked);
  s.pending = s.pending.filter((press) => !acked.has(press.uid));
  const waiting = new Set(s.pending.map((press) => press.item));
  for (const item of items) {
    if (waiting.has(item.id)) continue;                // the server does not know of these presses yet
    if (item.judged) s.grades[item.id] = item.grade;
    else delete s.grades[item.id];
    if (item.judged && s.notes[item.id] === undefined) s.notes[item.id] = item.note;
  }
  const placeOf = (id) => items.findIndex((item) => item.id === id);
  const firstLeft = () => {
    const at = items.findIndex((item) => s.grades[item.id] === undefined);
    return at < 0 ? items.length : at;
  };
  // The same images may come in another order, as when a judge is not blind any more: the image stays, not its place.
  const listed = items.map((item) => item.id).sort().join(" ");
  if (placeOf(s.shown) >= 0) s.position = placeOf(s.shown);
  else if (s.listed !== undefined && s.listed !== listed) s.position = firstLeft();
  if (s.listed !== listed) s.history = s.history.filter((one) => placeOf(one.item) >= 0);
  s.listed = listed;
  if (window.loupeJudgingToSkipped === data.query.id) {
    s.position = firstLeft();
    delete window.loupeJudgingToSkipped;
  }
  // The time between taking a screen down and putting it up anew is no time of judging.
  if (s.leftAt !== undefined) s.shownAt += performance.now() - s.leftAt;
  delete s.leftAt;

  let drawing = false;
  const judgedCount = () => items.filter((item) => s.grades[item.id] !== undefined).length;

  function send(press) {
    s.serial += 1;
    s.pending.push({ uid: `${performance.timeOrigin}-${Date.now()}-${s.serial}`, query: data.query.id, judge: data.judge, ...press });
    setStateValue("presses", s.pending.slice());
  }

  function press(grade) {
    const item = items[s.position];
    if (!item) return;
    s.history.push({ item: item.id, before: s.grades[item.id] });
    s.grades[item.id] = grade;
    send({ item: item.id, grade, note: s.notes[item.id] || "", ms: Math.round(performance.now() - s.shownAt) });
    const rest = items.findIndex((it, i) => i > s.position && s.grades[it.id] === undefined);
    goTo(rest >= 0 ? rest : firstLeft());
  }

  function goTo(position) {
    Object.assign(s, { position, noteFrom: undefined, message: "" });
    draw();
  }

  function undo() {
    const last = s.history.pop();
    if (!last) return;
    if (last.before === undefined) delete s.grades[last.item];
    else s.grades[last.item] = last.before;
    if (last.noteBefore !== undefined) s.notes[last.item] = last.noteBefore;
    send({ item: last.item, undo: true });
    goTo(Math.max(placeOf(last.item), 0));
  }

  function move(step) {
    goTo(Math.min(Math.max(s.position + step, 0), items.length));
  }

  // To the first image without a word of this judge, here or in another query.
  function goToSkipped(query) {
    if (query === data.query.id) {
      goTo(firstLeft());
      return;
    }
    window.loupeJudgingToSkipped = query;
    setTriggerValue("go", { to: query });
  }

  // A note goes with the next grade; one on an image that has a grade is saved with the same grade again.
  function keepNote(item, text) {
    const noteBefore = s.notes[item.id] || "";
    if (drawing || text === noteBefore) return;
    s.notes[item.id] = text;
    if (s.grades[item.id] === undefined) return;
    s.history.push({ item: item.id, before: s.grades[item.id], noteBefore });
    send({ item: item.id, grade: s.grades[item.id], note: text });
    draw();
  }

  // Behind the last image it is the note of the image judged last.
  function openNote() {
    const last = s.history.length ? placeOf(s.history[s.history.length - 1].item) : -1;
    if (!items[s.position] && last >= 0) {
      const noteFrom = s.position;
      goTo(last);
      s.noteFrom = noteFrom;
    }
    const field = root.querySelector(".note input");
    if (field) {
      field.focus();
      return;
    }
    s.message = "There is no image to note: none is open and none is judged yet. Go back to one first (k).";
    draw();
  }

  // From a note back to where it was opened.
  function leaveNote() {
    s.writing = null;
    if (s.noteFrom !== undefined) goTo(s.noteFrom);
    root.focus({ preventScroll: true });
  }

  function noteField() {
    const item = items[s.position];
    const line = make("label", "note");
    const field = make("input", "");
    field.type = "text";
    field.maxLength = 1000;
    field.placeholder = "Note (optional)";
    field.value = s.notes[item.id] || "";
    line.append(make("kbd", "", "m"), field);
    field.onchange = () => keepNote(item, field.value.trim());
    const write = () => { s.writing = { item: item.id, text: field.value, start: field.selectionStart, end: field.selectionEnd }; };
    field.onfocus = write;
    field.oninput = write;
    // A field that is taken down with its screen was not left by the judge.
    field.onblur = () => setTimeout(() => { if (field.isConnected && s.writing && s.writing.item === item.id) s.writing = null; });
    field.onkeydown = (event) => {
      event.stopPropagation();
      if (event.key === "Enter") { keepNote(item, field.value.trim()); leaveNote(); }
      if (event.key === "Escape") { field.value = s.notes[item.id] || ""; leaveNote(); }
    };
    return line;
  }

  function givenLine(item) {
    const line = make("div", "given");
    line.append(make("span", "hint", "Grades given:"));
    for (const one of item.given || []) {
      const said = `${one.name ? `${one.name}: ` : ""}${gradeText(one.grade)}${one.note ? ` (${one.note})` : ""}`;
      line.append(make("span", "said", said));
    }
    if (ownText(item)) line.append(make("strong", "own", ownText(item)));
    return line;
  }

  function gradeButtons() {
    const bar = make("div", "grades");
    WORDS.forEach((word, grade) => {
      const button = make("button", "grade");
      button.dataset.grade = String(grade);
      button.append(make("kbd", "", String(grade)), make("span", "", word));
      button.setAttribute("aria-pressed", String(items[s.position] && s.grades[items[s.position].id] === grade));
      button.onclick = () => press(grade);
      bar.append(button);
    });
    const unsure = make("button", "grade");
    unsure.dataset.grade = "x";
    unsure.append(make("kbd", "", "x"), make("span", "", "can't tell"));
    unsure.setAttribute("aria-pressed", String(items[s.position] !== undefined && s.grades[items[s.position].id] === null));
    unsure.onclick = () => press(null);
    const back = make("button", "quiet");
    back.append(make("kbd", "", "u"), make("span", "", "undo"));
    back.disabled = s.history.length === 0;
    back.onclick = undo;
    bar.append(unsure, back);
    for (const [key, word, step, stuck] of [["k", "back", -1, s.position <= 0], ["j", "skip", 1, s.position >= items.length]]) {
      const go = make("button", "quiet");
      go.append(make("kbd", "", key), make("span", "", word));
      go.disabled = stuck;
      go.onclick = () => move(step);
      bar.append(go);
    }
    return bar;
  }

  // What stands there behind the last image: the way on, or at the end what was skipped, or that all is judged.
  function drawDone(stage) {
    const done = make("div", "done");
    const here = items.length - judgedCount();
    const others = data.left ? data.left.others : [];
    const end = !data.hasNext || (data.left && !others.some((one) => one.after));
    const word = DONE[data.queue] || "judged";
    if (end) {
      const skipped = others.filter((one) => !one.after);
      if (here) skipped.push({ id: data.query.id, text: data.query.text, n: here });
      skipped.push(...others.filter((one) => one.after));
      if (skipped.length) {
        const first = make("button", "primary", skipped.some((one) => one.n) ? "Go to the first one skipped" : "Go to the first one not opened");
        const target = skipped.find((one) => one.n) || skipped[0];
        first.onclick = () => goToSkipped(target.id);
        done.append(make("p", "", skippedText(skipped)), first);
      } else {
        const images = items.length + (data.left ? data.left.images : 0);
        const queries = 1 + (data.left ? data.left.queries : 0);
        if (images) done.append(make("p", "", `All is ${word}: ${several(images, "image")} in ${several(queries, "query", "queries")}.`));
      }
    } else if (items.length) {
      const all = items.length === 1 ? `The one image of this query is ${word}.` : `All ${items.length} images of this query are ${word}.`;
      done.append(make("p", "", here ? `${here} of ${items.length} images of this query are left; back (k) leads to them.` : all));
    }
    if (data.hasNext) {
      const next = make("button", end ? "" : "primary", "Next query");
      next.onclick = () => setTriggerValue("go", "next");
      done.append(next, make("p", "hint", "or press n"));
    } else {
      done.append(make("p", "hint", "This was the last query."));
    }
    if (s.message) {
      const message = make("p", "message", s.message);
      message.setAttribute("role", "status");
      done.append(message);
    }
    stage.append(done);
  }

  function drawOne(stage) {
    const item = items[s.position];
    if (!item) {
      drawDone(stage);
      return;
    }
    const figure = make("figure", "large");
    const image = make("img");
    image.alt = item.title || `image ${s.position + 1}`;
    image.src = item.full;
    image.onerror = () => { if (image.src !== item.thumb) image.src = item.thumb; };
    figure.append(image);
    const notes = [];
    if (item.found) notes.push(item.found);
    if (item.copies) notes.push(`its grade goes to ${item.copies} near-duplicate${item.copies === 1 ? "" : "s"}`);
    if (item.outside) notes.push("this image is not in the pool; its grade counts for the query all the same");
    if (!item.given && ownText(item)) notes.push(ownText(item));
    if (s.grades[item.id] !== undefined) notes.push(`judged: ${gradeText(s.grades[item.id])}`);
    const caption = make("figcaption");
    caption.append(make("span", "title", item.title || ""), make("span", "hint", notes.join(" · ")));
    figure.append(caption);
    if (item.given) figure.append(givenLine(item));
    stage.append(figure);
    for (const ahead of items.slice(s.position + 1, s.position + 3)) new Image().src = ahead.full;   // so that a press feels instant
  }

  function drawGrid(stage) {
    const grid = make("div", "tiles");
    items.forEach((item, i) => {
      const tile = make("button", i === s.position ? "tile here" : "tile");
      const image = make("img");
      image.alt = item.title || `image ${i + 1}`;
      image.src = item.thumb;
      image.loading = "lazy";
      tile.append(image, make("span", "hint", gradeText(s.grades[item.id]) || item.found || "\u00a0"));
      if (item.given) tile.append(make("span", "hint", `given ${item.given.map((one) => one.grade ?? "x").join(" ")}`));
      if (ownText(item)) tile.append(make("span", "hint own", ownText(item)));
      if (item.outside) tile.append(make("span", "hint", "not in the pool"));
      tile.onclick = () => goTo(i);
      grid.append(tile);
    });
    stage.append(grid);
    if (!items[s.position]) drawDone(stage);
  }

  // Where a judge has scrolled down, the next image, or the words at the end, would lie behind the query.
  function bringIntoView(head) {
    const here = root.querySelector(".tile.here") || root.querySelector(".done");
    if (here) here.scrollIntoView({ block: "nearest" });
    const large = root.querySelector(".large");
    if (!large || large.getBoundingClientRect().top >= head.getBoundingClientRect().bottom - 1) return;
    large.style.scrollMarginTop = `${head.offsetHeight + (parseFloat(getComputedStyle(head).top) || 0) + 8}px`;
    large.scrollIntoView();
  }

  function draw() {
    const shown = items[s.position] && items[s.position].id;
    const field = root.querySelector(".note input");
    // A note that is being written while an answer comes in is not taken from under the hand.
    // Nor when the whole screen was put up anew meanwhile: the letters that follow would be commands.
    const under = field && root.getRootNode().activeElement === field
      ? { item: s.shown, text: field.value, start: field.selectionStart, end: field.selectionEnd } : !field && s.writing;
    const writing = under && under.item === shown ? under : null;
    const moved = s.shown !== undefined && shown !== s.shown;
    if (shown !== s.shown) Object.assign(s, { shown, shownAt: performance.now() });
    drawing = true;
    root.replaceChildren();
    drawing = false;
    const head = make("div", "head");
    const words = make("div", "words");
    words.append(make("h2", "query", data.query.text));
    if (data.query.pictures.length) {
      const strip = make("div", "asked");
      for (const one of data.query.pictures) {
        const picture = make("img", one.minus ? "minus" : "");
        picture.src = one.src;
        picture.alt = one.minus ? "less like this" : "like this";
        picture.title = picture.alt;
        strip.append(picture);
      }
      words.append(strip);
    }
    if (data.query.guideline) words.append(make("p", "guideline", data.query.guideline));
    const count = make("div", "count", items.length ? `${judgedCount()} of ${items.length}` : "");
    count.dataset.testid = "judged";
    head.append(words, count);
    const bar = make("div", "bar");
    const fill = make("div", "fill");
    fill.style.width = `${items.length ? (100 * judgedCount()) / items.length : 0}%`;
    bar.append(fill);
    const stage = make("div", items.length ? "stage" : "");   // a query that finds nothing has its keys, and its way on
    (data.mode === "grid" ? drawGrid : drawOne)(stage);
    root.append(head, bar, stage);
    if (items.length) root.append(gradeButtons());
    if (items[s.position]) root.append(noteField());
    const foot = make("div", "foot hint", s.pending.length ? "saving…" : judgedCount() ? "saved" : "");
    foot.dataset.testid = "saved";
    root.append(foot);
    // What was chosen in a list brought this here; the list keeps the keys otherwise.
    const chosen = window.loupeJudgingAt !== key ? document.activeElement : null;
    if (chosen && chosen.getAttribute("role") === "combobox") chosen.blur();
    if (moved || window.loupeJudgingAt !== key) bringIntoView(head);
    window.loupeJudgingAt = key;
    if (writing) {
      const again = root.querySelector(".note input");
      again.value = writing.text;
      again.focus();
      again.setSelectionRange(writing.start, writing.end);
    }
  }

  function onKey(event) {
    const path = event.composedPath();
    const typing = path.some((n) => n.tagName === "INPUT" || n.tagName === "TEXTAREA" || n.isContentEditable);
    const elsewhere = document.querySelector('[role="dialog"]') !== null || !root.isConnected;
    // A slider or a list has arrow keys of its own.
    const own = path.some((n) => n.getAttribute && ["slider", "listbox", "combobox"].includes(n.getAttribute("role")));
    if (typing || own || elsewhere || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    if (event.repeat && !["j", "k", "arrowright", "arrowleft"].includes(key)) return;   // a key held down grades one image, not all
    if ("0123".includes(key) && key.length === 1) press(Number(key));
    else if (key === "x") press(null);
    else if (key === "u") undo();
    else if (key === "m") openNote();
    else if (key === "j" || key === "arrowright") move(1);
    else if (key === "k" || key === "arrowleft") move(-1);
    else if (key === "n" && data.hasNext) setTriggerValue("go", "next");
    else if (key === "p" && data.hasPrevious) setTriggerValue("go", "previous");
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Time away from the window is no time of judging.
  function onSeen() {
    if (!document.hidden) s.shownAt = performance.now();
  }

  draw();
  // This function runs again with every rerun of the page, and a screen may be put up anew while the one before is
  // still being taken down: there is one handler in the whole window, or one press would count several times.
  if (window.loupeJudgingKeys) document.removeEventListener("keydown", window.loupeJudgingKeys, true);
  if (window.loupeJudgingSeen) document.removeEventListener("visibilitychange", window.loupeJudgingSeen);
  window.loupeJudgingKeys = onKey;
  window.loupeJudgingSeen = onSeen;
  document.addEventListener("keydown", onKey, true);
  document.addEventListener("visibilitychange", onSeen);
  return () => {
    document.removeEventListener("keydown", onKey, true);
    document.removeEventListener("visibilitychange", onSeen);
    if (window.loupeJudgingKeys === onKey) s.leftAt = performance.now();
  };
}
