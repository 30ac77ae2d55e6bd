// The judging screen: one large image (or a grid), a grade per key press.
//
// A press is shown at once and kept in `pending` until the server says that it is saved, so that fast
// typing loses nothing: the state value always carries every press that has not been acknowledged.

const WORDS = ["not relevant", "related", "relevant", "perfect"];

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;   // never innerHTML: names and captions are strangers' text
  return node;
}

// What a judge has done at a query outlives the element it was done in: a screen may be taken down and put up anew
// with any rerun, and presses on their way to the server, and what `u` takes back, must not go with it.
function state(data) {
  const all = (window.loupeJudging = window.loupeJudging || new Map());
  const key = JSON.stringify([data.collection, data.query.id, data.judge, data.queue, data.pool]);
  if (!all.has(key)) {
    const given = data.items.filter((item) => item.judged);
    const first = data.items.findIndex((item) => !item.judged);
    const history = given.sort((a, b) => a.order - b.order)
      .map((item) => ({ item: item.id, position: data.items.indexOf(item) }));   // judged in an earlier visit
    all.set(key, { position: first < 0 ? data.items.length : first, grades: {}, notes: {}, pending: [], history, serial: 0 });
  }
  return all.get(key);
}

function gradeText(grade) {
  if (grade === undefined) return "";
  return grade === null ? "can't tell" : `${grade} ${WORDS[grade]}`;
}

export default function (component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component;
  const root = parentElement.querySelector(".judging");
  const s = state(data);
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
    s.history.push({ item: item.id, before: s.grades[item.id], position: s.position });
    s.grades[item.id] = grade;
    send({ item: item.id, grade, note: s.notes[item.id] || "", ms: Math.round(performance.now() - s.shownAt) });
    const rest = items.findIndex((it, i) => i > s.position && s.grades[it.id] === undefined);
    const any = items.findIndex((it) => s.grades[it.id] === undefined);
    s.position = rest >= 0 ? rest : any >= 0 ? any : items.length;
    draw();
  }

  function undo() {
    const last = s.history.pop();
    if (!last) return;
    if (last.before === undefined) delete s.grades[last.item];
    else s.grades[last.item] = last.before;
    if (last.noteBefore !== undefined) s.notes[last.item] = last.noteBefore;
    s.position = last.position;
    send({ item: last.item, undo: true });
    draw();
  }

  function move(step) {
    s.position = Math.min(Math.max(s.position + step, 0), items.length);
    draw();
  }

  // A note goes with the next grade; one on an image that has a grade is saved with the same grade again.
  function keepNote(item, text) {
    const noteBefore = s.notes[item.id] || "";
    if (drawing || text === noteBefore) return;
    s.notes[item.id] = text;
    if (s.grades[item.id] === undefined) return;
    s.history.push({ item: item.id, before: s.grades[item.id], position: s.position, noteBefore });
    send({ item: item.id, grade: s.grades[item.id], note: text });
    draw();
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
    field.onkeydown = (event) => {
      event.stopPropagation();
      if (event.key === "Enter") { keepNote(item, field.value.trim()); root.focus(); }
      if (event.key === "Escape") { field.value = s.notes[item.id] || ""; root.focus(); }
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
    return bar;
  }

  // What stands there when the last image is graded.
  function drawDone(stage) {
    const done = make("div", "done");
    const left = items.length - judgedCount();
    const all = items.length === 1 ? "The one image of this query is judged." : `All ${items.length} images of this query are judged.`;
    done.append(make("p", "", left ? `${left} of ${items.length} images of this query are left; j k go back to them.` : all));
    if (data.hasNext) {
      const next = make("button", "primary", "Next query");
      next.onclick = () => setTriggerValue("go", "next");
      done.append(next, make("p", "hint", "or press n"));
    } else {
      done.append(make("p", "hint", "This was the last query."));
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
    if (item.earlier !== undefined) notes.push(`you gave ${gradeText(item.earlier)}; another judge differs`);
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
      tile.onclick = () => { s.position = i; draw(); };
      grid.append(tile);
    });
    stage.append(grid);
    if (!items[s.position]) drawDone(stage);
  }

  function draw() {
    const shown = items[s.position] && items[s.position].id;
    const field = root.querySelector(".note input");
    // A note that is being written while an answer comes in is not taken from under the hand.
    const writing = field && shown === s.shown && root.getRootNode().activeElement === field
      ? { text: field.value, start: field.selectionStart, end: field.selectionEnd } : null;
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
    const count = make("div", "count", `${judgedCount()} of ${items.length}`);
    count.dataset.testid = "judged";
    head.append(words, count);
    const bar = make("div", "bar");
    const fill = make("div", "fill");
    fill.style.width = `${items.length ? (100 * judgedCount()) / items.length : 0}%`;
    bar.append(fill);
    const stage = make("div", "stage");
    (data.mode === "grid" ? drawGrid : drawOne)(stage);
    root.append(head, bar, stage, gradeButtons());
    if (items[s.position]) root.append(noteField());
    const foot = make("div", "foot hint", s.pending.length ? "saving…" : judgedCount() ? "saved" : "");
    foot.dataset.testid = "saved";
    root.append(foot);
    const here = moved && root.querySelector(".tile.here");
    if (here) here.scrollIntoView({ block: "nearest" });
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
    if (typing || elsewhere || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    if ("0123".includes(key) && key.length === 1) press(Number(key));
    else if (key === "x") press(null);
    else if (key === "u") undo();
    else if (key === "m" && root.querySelector(".note input")) root.querySelector(".note input").focus();
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
  };
}
