"use strict";
(() => {
  const CHUNK = 100;
  const OPEN_FIELDS = 4;
  const [KIND, SET, PLACE, ADDRESS, ID, FORMER, REASON, NOTE, SOURCE, FIELDS] = Array(10).keys();
  const [PATH, READING, BEFORE, AFTER] = Array(4).keys();

  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const rows = data.rows;
  const list = byId("rows");
  const more = byId("more");
  const count = byId("count");
  const search = byId("search");
  const selects = { kind: byId("kind"), set: byId("set"), place: byId("place") };
  const number = new Intl.NumberFormat("en-US");

  // Values only ever become text nodes: nothing here parses them.
  const make = (name, className, ...children) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    element.append(...children);
    return element;
  };

  const texts = new Array(rows.length);
  const textOf = (index) => {
    if (texts[index] === undefined) {
      const row = rows[index];
      const parts = [data.kinds[row[KIND]].word, row[ADDRESS], row[ID], row[FORMER]];
      parts.push(data.reasons[row[REASON]], row[NOTE], row[SOURCE], data.places[row[PLACE]]);
      for (const field of row[FIELDS]) parts.push(data.paths[field[PATH]], field[BEFORE], field[AFTER]);
      texts[index] = parts.filter(Boolean).join("\n").toLowerCase();
    }
    return texts[index];
  };

  const pieces = (before, after) => {
    const shortest = Math.min(before.length, after.length);
    let start = 0;
    while (start < shortest && before[start] === after[start]) start += 1;
    let end = 0;
    while (end < shortest - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
    const cut = (text) => [text.slice(0, start), text.slice(start, text.length - end), text.slice(text.length - end)];
    return [cut(before), cut(after)];
  };

  const marked = ([head, core, tail]) => {
    const code = make("code", "", head);
    if (core) code.append(make("mark", "", core));
    code.append(tail);
    return code;
  };

  const fieldRow = (field) => {
    const title = make("th", "", data.paths[field[PATH]]);
    title.scope = "row";
    const row = make("tr", "", title);
    const reading = field[READING];
    if (reading === "changed" || reading === "apart") {
      const [before, after] = pieces(field[BEFORE], field[AFTER]);
      row.append(make("td", `${reading} before`, marked(before)), make("td", `${reading} after`, marked(after)));
      return row;
    }
    const hidden = reading === "hidden";
    const cell = make("td", hidden ? "muted" : "", hidden ? data.hidden : make("code", "", field[BEFORE] || field[AFTER]));
    cell.colSpan = 2;
    row.append(cell);
    return row;
  };

  const fieldTable = (fields, beyond) => {
    const heads = ["Field", ...data.sides].map((word) => {
      const head = make("th", "", word);
      head.scope = "col";
      return head;
    });
    const body = make("tbody", "", ...fields.map(fieldRow));
    if (beyond) {
      const cell = make("td", "muted", `and ${number.format(beyond)} more`);
      cell.colSpan = 3;
      body.append(make("tr", "", cell));
    }
    const values = make("col");
    values.span = 2;
    const columns = make("colgroup", "", make("col", "names"), values);
    return make("table", "fields", columns, make("thead", "unseen", make("tr", "", ...heads)), body);
  };

  const folded = (fields, beyond) => {
    const total = fields.length + beyond;
    const details = make("details", "", make("summary", "", `${number.format(total)} fields`));
    details.addEventListener("toggle", () => {
      if (details.open && details.children.length === 1) details.append(fieldTable(fields, beyond));
    });
    return details;
  };

  const rowElement = (index) => {
    const row = rows[index];
    const kind = data.kinds[row[KIND]];
    const line = make("p", "line", make("span", "badge", kind.word), " ", make("code", "address", row[ADDRESS]));
    if (row[ID]) line.append(" ", make("code", "id", row[ID]));
    if (row[FORMER]) line.append(" ", make("span", "muted", "was ", make("code", "", row[FORMER])));
    if (row[SOURCE]) line.append(" ", make("span", "place", row[SOURCE]));
    const item = make("li", `change ${kind.kind}`, line);
    item.tabIndex = -1;
    if (row[NOTE]) item.append(make("p", "note", `Unlike the rest: ${row[NOTE]}`));
    if (data.reasons[row[REASON]]) item.append(make("p", "reason", data.reasons[row[REASON]]));
    const fields = row[FIELDS];
    const beyond = row[FIELDS + 1] || 0;
    if (fields.length > OPEN_FIELDS && kind.kind === "create") item.append(folded(fields, beyond));
    else if (fields.length) item.append(fieldTable(fields, beyond));
    return item;
  };

  let found = [];
  let shown = 0;

  const grow = () => {
    const next = found.slice(shown, shown + CHUNK).map(rowElement);
    list.append(...next);
    shown += next.length;
    const left = found.length - shown;
    more.hidden = left === 0;
    more.textContent = `Show ${number.format(Math.min(CHUNK, left))} more of ${number.format(left)}`;
    return next[0];
  };

  const filter = () => {
    const terms = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = Object.fromEntries(Object.entries(selects).map(([name, select]) => [name, select.value]));
    found = [];
    for (let index = 0; index < rows.length; index += 1) {
      const row = rows[index];
      if (wanted.kind && data.kinds[row[KIND]].kind !== wanted.kind) continue;
      if (wanted.set && data.sets[row[SET]] !== wanted.set) continue;
      if (wanted.place && data.places[row[PLACE]] !== wanted.place) continue;
      if (terms.length && !terms.every((term) => textOf(index).includes(term))) continue;
      found.push(index);
    }
    list.replaceChildren();
    shown = 0;
    grow();
    const of = found.length === rows.length ? "" : ` of ${number.format(rows.length)}`;
    count.textContent = `${number.format(found.length)}${of} shown.${data.uncounted ? ` ${data.uncounted}` : ""}`;
  };

  const fill = (select, all, options) => {
    select.append(new Option(all, ""), ...options.map(([value, word]) => new Option(word, value)));
  };

  const link = (cell) => {
    if (!data.kinds.some((kind) => kind.kind === cell.dataset.kind && kind.used) || !cell.textContent) return;
    const button = make("button", "", cell.textContent);
    button.type = "button";
    const word = data.kinds.find((kind) => kind.kind === cell.dataset.kind).word;
    button.setAttribute("aria-label", `${cell.textContent} ${word}, ${cell.dataset.set || "all sets"}: show them`);
    button.addEventListener("click", () => {
      byId("filters").reset();
      selects.kind.value = cell.dataset.kind;
      selects.set.value = cell.dataset.set;
      filter();
      byId("changes").scrollIntoView();
      selects.kind.focus({ preventScroll: true });
    });
    cell.replaceChildren(button);
  };

  fill(selects.kind, "all", data.kinds.filter((kind) => kind.used).map((kind) => [kind.kind, kind.word]));
  fill(selects.set, "all", data.sets.map((name) => [name, name]));
  fill(selects.place, "all", data.places.map((name) => [name, name]));
  byId("place-label").hidden = data.places.length < 2;
  document.querySelectorAll(".matrix td").forEach(link);

  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 120);
  });
  Object.values(selects).forEach((select) => select.addEventListener("change", filter));
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", () => setTimeout(filter, 0));
  more.addEventListener("click", () => grow()?.focus());
  new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && shown < found.length) grow();
  }, { rootMargin: "600px" }).observe(more);

  byId("filters").hidden = false;
  filter();
})();
