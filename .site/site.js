"use strict";
const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];

// ---- light and dark ----
document.querySelector(".theme").onclick = () => {
  const root = document.documentElement, dark = getComputedStyle(root).colorScheme === "dark" ||
    getComputedStyle(root).colorScheme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try { localStorage.theme = root.dataset.theme; } catch { /* it holds for this page */ }
};

// ---- the list of pages: the one that is open stands in sight, and no line is cut in two at the upper edge ----
const list_of_pages = document.getElementById("pages"), current = list_of_pages.querySelector("[aria-current]");
const scroll_to_current = () => {
  const last = list_of_pages.scrollHeight - list_of_pages.clientHeight, wanted = Math.min(current.offsetTop - 120, last);
  if (wanted <= 0) return;
  const first = all("h2, a", list_of_pages).find(one => one.offsetTop >= wanted).offsetTop - 4;
  if (first > last) list_of_pages.style.paddingBottom = `${parseFloat(getComputedStyle(list_of_pages).paddingBottom) + first - last}px`;
  list_of_pages.scrollTop = first;
};
if (current) {
  scroll_to_current();
  list_of_pages.addEventListener("toggle", scroll_to_current);
}
list_of_pages.addEventListener("click", event => {
  if (event.target.closest("a") && list_of_pages.matches(":popover-open")) list_of_pages.hidePopover();
});

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
const wide = () => all("pre, .table, figure, main p:has(> img)").forEach(one => {
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

// Words that say nothing by themselves, and words that people use for one another: each group is one word for the search.
const EMPTY = new Set("a actually after all also although am an and any anyone anyway are aren as at be because been but by can could couldn did didn do does doesn doing don etc even for from going had has hasn have haven he hello hence her hi his how however i if im in instead into is isn it its just ll maybe me my no not of on or our perhaps please re really seem seems she shouldn so some somebody someone still such than thank thanks that the their them then there these they this those though thus to too up upon us ve very via was wasn we what when where whereas whether which while why will with within won would wouldn you your".split(" "));
const SAME = new Map(`write wrote written writing writer | gone lost lose loses losing loss missing miss vanish disappear drop |
  cut truncate truncated partial incomplete | 0 zero |
  kill killed sigkill oom | garbled broken mojibake weird corrupt corrupted umlaut accent | folder directory dir | delete remove unlink cleanup |
  duplicate twice repeat double | power outage | line row | byte kb | crash die died | cron crontab | temporary temp tmp tempfile | letter character char | close closed closing |
  begin start front leading first | wait sleep delay | thread pool worker | pod docker kubernetes |
  merge merged mixed glued | overwrite overwritten overwrote clobber clobbered | parallel concurrent simultaneous | finish finished complete completely completed |
  machine server host`.split("|").flatMap(group => {
    const [first, ...others] = group.trim().split(/\s+/);
    return others.map(word => [word, first]);
  }));
const stem = word => word.length < 5 ? word.replace(/(?<=..[^s])s$/, "") : word.replace(/(?<=ic)ally$/, "").replace(/(?:ies|y)$/, "i").replace(/(?<=[^s])s$/, "")
  .replace(/(?<=.{3})(?:ing|ed|e)$/, "").replace(/([^aeioul])\1$/, "$1");

// UTF-8 that was read as cp1252, Ã¼ â€™ ðŸ˜€, is one word however it looks; ï»¿, the mark at the start of a file, is another.
const HIGH = "[\\u0080-¿€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]", GARBLED = `[Â-ß]${HIGH}|[à-ï]${HIGH}{2}|[ð-ô]${HIGH}{3}`;
const garbled = new RegExp(`^(?:${GARBLED})`, "u");

const terms = new Map();
const term = word => {
  if (garbled.test(word)) return word.startsWith("ï»¿") ? "ï»¿" : "Ã";
  if (!terms.has(word)) {
    const small = word.toLowerCase().replace("-", "");
    terms.set(word, EMPTY.has(small) ? null : stem(SAME.get(small) ?? SAME.get(small.replace(/s$/, "")) ?? small));
  }
  return terms.get(word);
};

// Names and numbers are words: load_file, BytesIO, utf-8, 3.14, A14. Words that stand side by side are a pair, and so are those
// within a name: "permission error" finds PermissionError, but "error" does not. A message differs from its words by its pairs.
const LETTER = `(?:(?!${GARBLED})[\\p{L}\\p{N}])`;
const WORD = new RegExp(`(?:${GARBLED})+|�|\\p{N}+(?:\\.\\p{N}+)+|${LETTER}+(?:_+${LETTER}+)*(?:(?<=\\p{L})-\\p{N}+)?`, "gu");
const words = text => text.match(WORD) ?? [];
const parts = word => word.match(/\p{Lu}+\p{N}*(?!\p{Ll})|\p{Lu}?\p{Ll}+\p{N}*/gu) ?? [];  // of S3Hook: S3, Hook
const pairs = text => words(text).flatMap(word => parts(word).length > 1 ? parts(word) : word).map(term).filter(Boolean)
  .flatMap((one, at, all) => at ? `${all[at - 1]} ${one}` : []);
const known = new Set();

// What is looked up for a word of a question. One that stands nowhere is tried without its ending, truncation as truncate, then in
// its parts; what is left of it is half a word, or a slip.
const ENDINGS = "ally all al ly ness er or able ment ation ion ful less".split(" ");
const asked_for = word => {
  if (!term(word) || known.has(term(word))) return [term(word)];
  const one = word.toLowerCase().replace(/s$/, ""), rest = ENDINGS.filter(ending => one.endsWith(ending)).map(ending => one.slice(0, -ending.length));
  const root = rest.filter(word => word.length > 3).flatMap(word => [term(word), term(`${word}e`)]).find(word => known.has(word));
  return root ? [root] : [term(word), ...parts(word).map(term).filter(part => known.has(part))];
};

// The words of a question that stand on no page: a reader of ten answers should know that none of them has these.
const nowhere = asking => words(asking).filter((word, at, all) => term(word) && !asked_for(word).some(one => known.has(one)) &&
  !(at === all.length - 1 && [...known].some(one => one.startsWith(term(word)))));

window.searchable = given => {
  records = given;
  index = new MiniSearch({
    fields: ["title", "words", "page", "prose", "code", "pairs"],
    tokenize: (text, field) => field === "pairs" ? pairs(text) : words(text),
    processTerm: (word, field) => {
      const one = field === "pairs" ? word : term(word);
      if (one) known.add(one);
      return one;
    },
    searchOptions: {
      tokenize: text => [...pairs(text).filter(one => known.has(one)), ...words(text)],
      processTerm: word => word.includes(" ") ? word : asked_for(word),
      boost: {title: 2, words: 1.5, page: 0.6, code: 0.4},
      prefix: word => word.length > 2 && !known.has(word),  // what stands nowhere is half a word, or a slip
      fuzzy: word => word.length > 4 && !known.has(word) ? 0.25 : false,
      weights: {prefix: 0.3, fuzzy: 0.3},
      boostDocument: id => /^[A-Z]\d+\.html$/.test(records[id][0]) ? 1.4 : records[id][0].startsWith("instructor") ? 0.5 : 1,
    },
  });
  index.addAll(given.map(([, title, page, words, prose, code], id) => ({id, title, page, words, prose, code, pairs: [title, words, prose, code].join("\n")})));
};

const marked = (text, terms) => text.split(new RegExp(`(${WORD.source})`, "u")).map((word, at) =>
  at % 2 && [term(word), ...pairs(word)].some(one => terms.has(one)) ? Object.assign(document.createElement("mark"), {textContent: word}) : word);

// The piece of a text, at most 190 characters long, that has most of the words of a question.
const excerpt = (text, terms) => {
  let best = "", most = -1;
  for (const {index: start} of text.matchAll(/(?<=[.?!:] |^)\S/g)) {
    const piece = text.length > start + 190 ? text.slice(start, start + 190).replace(/\s+\S*$/, " …") : text.slice(start);
    const here = new Set(words(piece).map(term)), count = [...terms].filter(one => here.has(one)).length;
    if (count > most) [best, most] = [(start ? "… " : "") + piece, count];
  }
  return [best, most];
};

function look() {
  const asking = field.value.trim();
  list.replaceChildren();
  list.hidden = !/..|[^\0-\x7f]/u.test(asking) || !index;  // one letter is no word yet, but é may be all that is seen
  said.textContent = "";
  if (list.hidden) return;
  const all_hits = index.search(asking);  // ten at most, and none that is far behind the best, but for the first three
  const hits = all_hits.filter((hit, at) => at < 3 || hit.score > all_hits[0].score / 5).slice(0, 10);
  for (const hit of hits) {
    const [address, title, page, others, prose, code] = records[hit.id];
    const terms = new Set(hit.terms), pieces = [prose, code, others].map(text => excerpt(text, terms));
    const [piece] = pieces.find(([, count]) => count > 0) ?? pieces[0];
    const link = Object.assign(document.createElement("a"), {href: address});
    const parts = {b: marked(title, terms), small: title === page ? [] : [page], span: marked(piece, terms)};
    for (const [name, content] of Object.entries(parts)) {
      const part = document.createElement(name);
      part.append(...content);
      link.append(part);
    }
    list.append(link);
  }
  const lacking = [...new Set(nowhere(asking))], rest = words(asking).some(word => term(word) && !lacking.includes(word));
  const not_found = lacking.length === 0 ? "" : `Not found anywhere: ${lacking.slice(0, 4).join(", ")}. These have ${rest ? "the other words" : "similar words"}.`;
  const note = hits.length ? not_found : "Nothing has these words. Try fewer of them, or the words of the error message.";
  said.textContent = hits.length ? `${hits.length} found. ${note}` : note;
  if (note) list.prepend(Object.assign(document.createElement("p"), {textContent: note}));
  list.scrollTop = 0;
}

const close = () => { list.hidden = true; };
const open = () => ready().then(look);

// The words stay in the address, for the way back from a result and for a link to it. Browsers refuse it when it comes too often.
let later;
const remember = () => {
  const address = new URL(location);
  if (field.value.trim()) address.searchParams.set("q", field.value); else address.searchParams.delete("q");
  try { history.replaceState(history.state, "", address); } catch { /* the words are lost on the way back, and no more */ }
};
field.addEventListener("focus", open);
field.addEventListener("input", () => { open(); clearTimeout(later); later = setTimeout(remember, 400); });
list.addEventListener("click", remember);
field.form.addEventListener("submit", event => { event.preventDefault(); open().then(() => list.querySelector("a")?.click()); });
document.addEventListener("click", event => { if (!field.form.contains(event.target) || event.target.closest("#found a")) close(); });
document.addEventListener("keydown", event => {
  const links = all("a", list), at = links.indexOf(document.activeElement);
  if (event.key === "/" && !/INPUT|TEXTAREA/.test(document.activeElement.tagName)) { event.preventDefault(); field.focus(); }
  else if (event.key === "Escape" && !list.hidden) { event.preventDefault(); field.focus(); ready().then(close); }  // a second one empties the field
  else if (event.key === "Escape" && document.activeElement === field) { field.value = ""; remember(); }
  else if (field.form.contains(document.activeElement) && !list.hidden && ["ArrowDown", "ArrowUp"].includes(event.key)) {
    event.preventDefault();
    (links[at + (event.key === "ArrowDown" ? 1 : -1)] ?? field).focus();
  }
});
for (const example of all("[data-ask]")) example.onclick = () => { field.value = example.textContent; field.focus(); scrollTo(0, 0); open(); remember(); };
addEventListener("pageshow", ({persisted}) => {
  if (!persisted) field.value ||= new URLSearchParams(location.search).get("q") ?? "";
  if (field.value) { field.focus(); open(); }
});
