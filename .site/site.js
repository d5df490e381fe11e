"use strict";
const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];

// ---- light and dark ----
document.querySelector(".theme").onclick = () => {
  const root = document.documentElement, dark = getComputedStyle(root).colorScheme === "dark" ||
    getComputedStyle(root).colorScheme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try { localStorage.theme = root.dataset.theme; } catch { /* it holds for this page */ }
};

// ---- code: copy it, and reach what is wider than the screen from the keyboard ----
for (const pre of all(".highlight pre")) {
  if (!navigator.clipboard) break;
  const button = Object.assign(document.createElement("button"), {className: "copy", type: "button", textContent: "Copy"});
  button.onclick = async () => {
    await navigator.clipboard.writeText(pre.textContent.trimEnd());
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  };
  pre.parentElement.append(button);
}
const wide = () => all("pre, .table").forEach(one => {
  if (one.scrollWidth > one.clientWidth) one.tabIndex = 0; else one.removeAttribute("tabindex");
});
addEventListener("resize", wide);
all("details").forEach(one => one.addEventListener("toggle", wide));
wide();

// ---- what is folded: unfolded for a link that leads into it, and for the printer ----
const unfold = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  target?.scrollIntoView();
};
addEventListener("hashchange", unfold);
if (location.hash) unfold();
let folded = [];
addEventListener("beforeprint", () => { folded = all("details:not([open])"); folded.forEach(one => { one.open = true; }); });
addEventListener("afterprint", () => folded.forEach(one => { one.open = false; }));

// ---- search: MiniSearch over the records of search.js, both fetched when the field gets the focus ----
const field = document.getElementById("q"), list = document.getElementById("found"), said = document.getElementById("said");
let index, records, asked;

const fetched = source => new Promise((done, failed) => document.head.append(
  Object.assign(document.createElement("script"), {src: source, onload: done, onerror: failed})));
const ready = () => asked ??= fetched("minisearch.js").then(() => fetched("search.js")).then(look);

// A word of a question counts least where it is most common; these say nothing at all.
const EMPTY = new Set("a an and are as at be but by can do does for from how i if in into is it its me my of on or so that the then there this to was what when why with you your".split(" "));
const term = word => { word = word.toLowerCase(); return EMPTY.has(word) ? null : word.length > 3 ? word.replace(/(?<=[^s])s$/, "") : word; };

window.searchable = given => {
  records = given;
  index = new MiniSearch({fields: ["title", "words", "page", "prose", "code"], processTerm: term, searchOptions: {
    boost: {title: 3, words: 3, page: 0.5, code: 0.5},
    prefix: word => word.length > 2,
    fuzzy: word => word.length > 4 ? 0.2 : false,
    weights: {prefix: 0.3, fuzzy: 0.15},
    boostDocument: id => /^[A-Z]\d+\.html$/.test(records[id][0]) ? 1.5 : records[id][0].startsWith("instructor") ? 0.5 : 1,
  }});
  index.addAll(given.map(([, title, page, words, prose, code], id) => ({id, title, page, words, prose, code})));
};

const marked = (text, pattern) => text.split(pattern).map((part, at) => at % 2 ? Object.assign(document.createElement("mark"), {textContent: part}) : part);

function look() {
  const asking = field.value.trim();
  list.replaceChildren();
  list.hidden = asking.length < 2 || !index;
  said.textContent = "";
  if (list.hidden) return;
  const hits = index.search(asking).slice(0, 12);
  for (const hit of hits) {
    const [address, title, page, , prose, code] = records[hit.id];
    const terms = Object.keys(hit.match).sort((a, b) => b.length - a.length).map(word => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    const pattern = new RegExp(`((?<![\\p{L}\\p{N}])(?:${terms.join("|")})s?(?![\\p{L}\\p{N}]))`, "iu");
    const text = pattern.test(prose) || !pattern.test(code) ? prose : code;
    const start = Math.max(0, text.search(pattern) - 60), from = start && text.indexOf(" ", start) + 1;
    const link = Object.assign(document.createElement("a"), {href: address});
    const parts = {b: marked(title, pattern), small: title === page ? [] : [page], span: marked(`${from ? "… " : ""}${text.slice(from, from + 190)} …`, pattern)};
    for (const [name, content] of Object.entries(parts)) {
      const part = document.createElement(name);
      part.append(...content);
      link.append(part);
    }
    list.append(link);
  }
  said.textContent = hits.length ? `${hits.length} found` : "";
  if (!hits.length) list.append(Object.assign(document.createElement("p"), {textContent: "Nothing has these words. Try fewer of them, or the words of the error message."}));
  list.scrollTop = 0;
}

const close = () => { list.hidden = true; };
field.addEventListener("focus", () => ready().then(look));
field.addEventListener("input", () => ready().then(look));
field.form.addEventListener("submit", event => { event.preventDefault(); ready().then(() => { look(); list.querySelector("a")?.click(); }); });
document.addEventListener("click", event => { if (!field.form.contains(event.target) || event.target.closest("#found a")) close(); });
document.addEventListener("keydown", event => {
  const links = all("a", list), at = links.indexOf(document.activeElement);
  if (event.key === "/" && !/INPUT|TEXTAREA/.test(document.activeElement.tagName)) { event.preventDefault(); field.focus(); }
  else if (event.key === "Escape" && !list.hidden) { close(); field.focus(); close(); }
  else if (field.form.contains(document.activeElement) && !list.hidden && ["ArrowDown", "ArrowUp"].includes(event.key)) {
    event.preventDefault();
    (links[at + (event.key === "ArrowDown" ? 1 : -1)] ?? field).focus();
  }
});
for (const example of all("[data-ask]")) example.onclick = () => { field.value = example.textContent; field.focus(); scrollTo(0, 0); ready().then(look); };
const given = new URLSearchParams(location.search).get("q");
if (given) { field.value = given; field.focus(); }
