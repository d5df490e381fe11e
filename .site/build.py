"""Build the web edition from the stored notebooks; nothing is executed, and no network is needed.

    python .site/build.py OUT [BASE_URL]     write the site into the folder OUT; BASE_URL is where it will be
    python .site/build.py --readme           write the README's line about running it without installing

Each notebook and each Markdown file beside it becomes a page, and each entry of the field guide one more, C6.html, which
has the symptom as its title for those who come from a search engine. What the pages look like stands in page.html,
site.css and site.js; the search is MiniSearch (minisearch.js), with one record for each heading. nbconvert's Markdown and
ANSI filters do the rendering, so all that is needed comes with jupyter.
"""
import base64
import copy
import functools
import hashlib
import json
import posixpath
import re
import shutil
import sys
import tomllib
from dataclasses import dataclass, field
from html import escape, unescape
from pathlib import Path
from textwrap import shorten
from urllib.parse import quote, unquote

import jinja2
import nbformat
from bs4 import BeautifulSoup
from nbconvert.filters import Highlight2HTML, ansi2html
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
NOTEBOOKS = PROJECT / "notebooks"
SITE = "Where Did My Rows Go?"
SETTINGS = tomllib.loads((HERE / "settings.toml").read_text(encoding="utf-8"))
GROUPS = {"Lessons": r"(?!10)\d\d-", "Field guide": "10", "Companions": r"\d\db-", "Beside you": ""}  # the first that fits
README = (PROJECT / "README.md").read_text(encoding="utf-8")
NAMES = {file: name for name, file in re.findall(r"\[(\d\S+ [^\]]+)\]\(notebooks/([^)]+)\)", README)}
HEADING = re.compile(r"^h[1-6]$")
ENTRY = re.compile(r"([A-Z]\d{1,2}) (.+)")
UNTOUCHED = "not attempted yet"  # what an exercise says in the stored outputs
GIVEN = "What this code takes as given: the first cell of its page"
ASK = "What do you see? Type it into the field above, or begin with one of these:"
CHECKED = "Your answer is checked when you run this notebook."


@dataclass
class Page:
    """A page of the site: ``name`` is its file, ``cells`` are its cells in order, ``entries`` its part of the field guide."""

    name: str
    title: str = ""
    description: str = ""
    cells: list = field(default_factory=list)
    entries: list = field(default_factory=list)
    group: str = ""
    up: object = None
    previous: object = None
    next: object = None
    source: str = ""

    @property
    def label(self):
        """What the page is called in lists: as the README calls it, or as its file is called."""
        number, _, name = Path(self.source).stem.partition("-")
        if self.up or not number[:1].isdigit():
            return self.title
        return NAMES.get(self.source, f"{number} {name.replace('-', ' ').capitalize()}")

    @property
    def body(self):
        return coloured("\n".join(map(str, self.cells)))

    @property
    def sections(self):
        """The headings of the second level, as (id, words)."""
        return [(heading["id"], words(heading)) for cell in self.cells for heading in cell.find_all("h2")]


def words(soup):
    """Return the words of ``soup``, without the marks that link to a heading."""
    return " ".join("".join(text for text in soup.strings if text.parent.get("class") != ["anchor-link"]).split())


shortened = functools.partial(shorten, width=160, placeholder=" …")  # a search engine shows no more


# ---- from a cell to HTML -------------------------------------------------------------------------------------------

def cell_of(kind, identity, soup):
    """Return the ``soup`` in the frame of a cell, which has the anchor that links in the notebooks use."""
    soup.append(frame := soup.new_tag("div", attrs={"class": f"cell {kind}", "id": f"cell-id={identity}"}))
    for part in list(soup.contents)[:-1]:
        frame.append(part)
    return frame.extract()


class _Renderer(IPythonRenderer):
    """As nbconvert's, but code stays one piece of text, in a ``pre`` that coloured() finds, until a page is written."""

    def block_code(self, code, info=None):
        return f'<pre lang="{escape(info or "text")}">{escape(code)}</pre>\n'


def coloured(text):
    """Return the HTML ``text`` with colours in its code."""
    return re.sub(r'<pre lang="(\w+)">(.*?)</pre>', lambda found: _highlighted(unescape(found[2]), found[1]), text, flags=re.S)


@functools.cache
def _highlighted(code, language):
    return Highlight2HTML(pygments_lexer=language)(code.strip("\n")).strip()


def from_markdown(text, identity="text"):
    """Return the Markdown ``text`` as a cell of HTML; its headings have the anchors that JupyterLab gives them."""
    soup = BeautifulSoup(MarkdownWithMath(renderer=_Renderer(escape=False, anchor_link_text="#")).render(text), "html.parser")
    for heading in soup.find_all(HEADING):
        heading["id"] = unquote(heading["id"])
    for link in soup.find_all("a", class_="anchor-link"):
        link["aria-label"] = "Link to this section"
    for paragraph in soup.find_all("p"):
        first = paragraph.contents[0] if paragraph.contents else None
        label = words(first).strip(":").lower() if getattr(first, "name", "") == "strong" else ""
        if label in ("predict", "cure", "time", "you need"):
            paragraph["class"] = [label.replace(" ", "-")]
    _frame_tables(soup)
    for box in soup.find_all("input", type="checkbox"):  # of a task list: it cannot be ticked here
        box.replace_with("☐ ")
    for details in soup.find_all("details"):
        details["class"] = ["solution"]
    return cell_of("words", identity, soup)


def from_code(cell, pictures):
    """Return the code ``cell`` with its outputs as HTML; pictures go into the dict ``pictures``, from name to bytes."""
    outputs = [_from_output(output, pictures) for output in cell.outputs]
    code = f'<pre lang="python">{escape(cell.source)}</pre>' if cell.source else ""
    shown = f'<div class="output">{"".join(outputs)}</div>' if outputs else ""
    return cell_of("code", cell.id, BeautifulSoup(f"{code}\n{shown}", "html.parser"))


def _from_output(output, pictures):
    data = output.get("data", {})
    if "text/html" in data:
        return _from_html(data["text/html"], pictures)
    text = output.get("text", data.get("text/plain", "")).rstrip("\n")
    if text == UNTOUCHED:
        return f'<p class="checked">{CHECKED}</p>'
    measured = re.sub(r"^here:.*$", r'<span class="here">\g<0></span>', ansi2html(text), flags=re.M)
    return f"<pre>{measured}</pre>"


def _from_html(text, pictures):
    soup = BeautifulSoup(text, "html.parser")
    for style in soup.find_all("style"):
        style.decompose()
    for tag in soup.find_all(style=True):
        del tag["style"]
    for image in soup.find_all("img", src=re.compile("^data:image/")):
        kind, _, content = image["src"].partition(";base64,")
        content = base64.b64decode(content)
        name = f"pictures/{hashlib.sha256(content).hexdigest()[:16]}.{kind.rpartition('/')[2]}"
        pictures[name] = content
        image["src"], image["loading"] = name, "lazy"
        if content[:4] == b"\x89PNG":
            image["width"], image["height"] = (str(int.from_bytes(content[at:at + 4])) for at in (16, 20))
    _frame_tables(soup)
    return str(soup)


def _frame_tables(soup):
    """Let each table scroll in a frame of its own; an empty corner is no heading."""
    for table in soup.find_all("table"):
        del table["border"]
        for head in table.find_all("th"):
            if not words(head):
                head.name = "td"
        table.wrap(soup.new_tag("div", attrs={"class": "table"}))


# ---- from the project to pages -------------------------------------------------------------------------------------

def read_pages(pictures):
    """Return the pages of the notebooks and Markdown files, in reading order."""
    pages = []
    for path in sorted(NOTEBOOKS.glob("*.ipynb")) + sorted(NOTEBOOKS.glob("*.md"), reverse=True):
        page = Page(f"{path.stem}.html", source=path.name)
        page.group = next(group for group, pattern in GROUPS.items() if re.match(pattern, path.name))
        if path.suffix == ".md":
            page.cells = [from_markdown(path.read_text(encoding="utf-8"))]
        else:
            for cell in nbformat.read(path, as_version=4).cells:
                page.cells.append(from_markdown(cell.source, cell.id) if cell.cell_type == "markdown" else from_code(cell, pictures))
        page.title = next((words(cell.h1) for cell in page.cells if cell.h1), path.stem)
        page.entries = list(entries_of(page))
        paragraph = next((words(cell.p) for cell in page.cells if cell.p), "")
        page.description = shortened("; ".join(entry.title for entry in page.entries) or paragraph)
        pages.append(page)
    road = [page for page in pages if page.group != "Companions"]
    for page in pages:
        page.previous = next((one for one in reversed(road) if one.name < page.name and one.group != "Beside you"), None)
        page.next = next((one for one in road if one.name > page.name and one.group != "Beside you"), None)
    pages.sort(key=lambda page: list(GROUPS).index(page.group))
    return pages


def entries_of(page):
    """Yield a Page for each entry of the field guide on ``page``: the cells from its heading to the next one."""
    set_up = next((cell for cell in page.cells if "code" in cell["class"]), None)
    for at, cell in enumerate(page.cells):
        found = cell.h3 and ENTRY.fullmatch(words(cell.h3))
        if not found or cell.find(True) is not cell.h3:
            continue
        end = at + 1
        while end < len(page.cells) and not page.cells[end].find(HEADING):
            end += 1
        entry = Page(f"{found[1]}.html", f"{found[1]} {found[2]}", up=page, cells=[copy.copy(one) for one in page.cells[at:end]])
        entry.description = shortened(f"{found[2]}. {words(cell.p) if cell.p else ''}")
        heading = entry.cells[0].h3
        heading.name = "h1"
        heading.find("a", class_="anchor-link").decompose()
        if set_up and len(entry.cells) > 1:
            note = BeautifulSoup(f"<details><summary>{GIVEN}</summary></details>", "html.parser")
            note.details.append(copy.copy(set_up))
            entry.cells[2:2] = [cell_of("given", "given", note)]
        cell.h3.find("a", class_="anchor-link").attrs.update({"href": entry.name, "aria-label": f"{found[1]} on a page of its own"})
        cell.h3.insert_before(BeautifulSoup(f'<span id="{found[1]}"></span>', "html.parser"))
        yield entry


def front_page(pages):
    """Return the first page of the site: the README, with questions to the search after its first paragraph."""
    soup = from_markdown(README)
    questions = "".join(f'<li><button type="button" data-ask>{escape(question)}</button></li>' for question in SETTINGS["questions"])
    soup.p.insert_after(BeautifulSoup(f'<div class="ask needs-script"><p>{ASK}</p><ul>{questions}</ul></div>', "html.parser"))
    page = Page("index.html", SITE, shortened(words(soup.p)), [soup], source="README.md")
    page.next = pages[0]
    return page


def lead_links(page, entries, files):
    """Let each link of ``page`` lead to a page of the site, or to a copy of a file, which goes into the dict ``files``.

    On the page of an entry, links to entries lead to their own pages.
    """
    room = PROJECT if page.source == "README.md" else NOTEBOOKS
    short = {entry.cells[0]["id"]: entry.name for entry in entries}
    for soup in page.cells:
        for tag in soup.find_all(["a", "img"]):
            attribute = "href" if tag.name == "a" else "src"
            address = tag[attribute]
            file, mark, anchor = address.partition("#")
            if re.match(r"[a-z]+:|pictures/", address) or file.endswith(".html"):
                continue
            if page.up and anchor in short:
                tag[attribute] = short[anchor]
            elif not file:
                tag[attribute] = (page.up.name if page.up else "") + mark + anchor
            else:
                target = Path(posixpath.normpath(posixpath.join(room.as_posix(), unquote(file))))
                if target.parent == NOTEBOOKS and target.suffix in (".ipynb", ".md"):
                    tag[attribute] = f"{target.stem}.html{mark}{anchor}"
                else:
                    name = f"files/{target.name or target.parent.name}"
                    files[name] = target
                    tag[attribute] = quote(name)


# ---- the search ----------------------------------------------------------------------------------------------------

def other_words(page, known):
    """Return the words and messages under which the index of the field guide lists each entry, as a dict from its number."""
    found = {number: [] for number in known}
    for item in (item for cell in page.cells for item in cell.find_all("li")):
        for part in re.split(" · ", item.decode_contents()):
            part = BeautifulSoup(part, "html.parser")
            linked = [entry.extract().get_text().split(" ")[0] for entry in part.find_all("a")]
            said = re.sub(r"^[\w–]+: |[\s:,;]+$", "", words(part))
            for number in linked:
                if number in found and said:
                    found[number].append(said)
    return found


def records(pages, entries):
    """Return what the search looks through: a record for each entry, and for each heading of the other pages.

    A record is [address, title, page, other words, prose, code]. Solutions are left out, and so are lists of entries.
    """
    known = {entry.title.split(" ")[0]: entry for entry in entries}
    index = next((page for page in pages if page.name == "10-field-guide.html"), Page(""))
    aliases = other_words(index, known)
    for number, entry in known.items():
        yield [entry.name, entry.title, entry.up.title, " · ".join(dict.fromkeys(aliases[number])), *_prose_and_code(
            [cell for cell in entry.cells if "given" not in cell["class"]])]
    for page in pages:
        of_entry = {cell["id"] for entry in page.entries for cell in entry.cells}
        section = [page.name, page.title, []]
        for cell in page.cells:
            if cell["id"] in of_entry:
                continue
            heading = cell.find(HEADING)
            if heading and heading.name != "h1":
                yield from _section(section, page)
                section = [f"{page.name}#{quote(heading['id'])}", words(heading), []]
            section[2].append(cell)
        yield from _section(section, page)


def _section(section, page):
    address, title, cells = section
    prose, code = _prose_and_code(cells)
    if prose or code:
        yield [address, title, page.title, "", prose, code]


def _prose_and_code(cells):
    prose, code = [], []
    for cell in cells:
        soup = copy.copy(cell)
        for part in soup.select('details.solution, li:has(a[href*="cell-id="])'):
            if not part.decomposed:
                part.decompose()
        for part in soup.find_all(HEADING) + soup.find_all("p", class_="checked"):
            part.decompose()
        for part in soup.find_all("pre"):
            code.append(" ".join(part.extract().get_text().split()))
        for image in soup.find_all("img"):
            prose.append(image.get("alt", ""))
        for part in soup.find_all(["p", "li", "td", "th", "summary"]):
            part.append(" ")
        prose.append(words(soup))
    return " ".join(" ".join(prose).split()), " ".join(code)


# ---- the site ------------------------------------------------------------------------------------------------------

def without_installing(settings=SETTINGS):
    """Return the README's line about running it without installing, or "" while no address is known."""
    repository, site = settings["repository"].rstrip("/"), settings["site"].rstrip("/")
    ways = [f"[read it on the web]({site}/)"] if site else []
    if repository:
        name = repository.partition("github.com/")[2]
        ways += [f"[run it in Binder](https://mybinder.org/v2/gh/{name}/HEAD?urlpath=lab/tree/notebooks/00-start-here.ipynb)",
                 f"[open it in Codespaces](https://codespaces.new/{name})"]
    listed = " or ".join(filter(None, [", ".join(ways[:-1]), *ways[-1:]]))
    return f"**Without installing anything:** {listed}." if listed else ""


def readme_with(line, readme):
    """Return the text of the ``readme`` with ``line`` as first paragraph under its heading Start, in place of an old one."""
    readme = re.sub(r"^\*\*Without installing anything:\*\*.*\n\n", "", readme, flags=re.M)
    return readme.replace("## Start\n\n", f"## Start\n\n{line}\n\n", 1) if line else readme


def build(out, base=""):
    """Write the site into the folder ``out``, which is emptied first; ``base`` is the address that it will have."""
    out, base = Path(out), (base or SETTINGS["site"]).rstrip("/")
    if out.exists() and any(out.iterdir()) and not (out / "sitemap.xml").exists() and not (out / "search.js").exists():
        sys.exit(f"{out} holds something that is no site: give a new folder.")
    shutil.rmtree(out, ignore_errors=True)
    pictures, files = {}, {}
    pages = read_pages(pictures)
    entries = [entry for page in pages for entry in page.entries]
    for page in pages:
        for before, after in zip(page.entries, page.entries[1:]):
            before.next, after.previous = after, before
    front = front_page(pages)
    found = list(records(pages, entries))
    lost = Page("404.html", "This page is not here", "The page that you asked for is not part of this site.", [from_markdown(
        "# This page is not here\n\nIt may have moved. Search for it above, look it up in the [field guide](10-field-guide.html), "
        "or begin at the [first page](index.html).")])
    everything = [front, *pages, *entries]
    for page in [*everything, lost]:
        lead_links(page, entries, files)

    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.get_template("page.html")
    common = {"site": SITE, "base": base, "repository": SETTINGS["repository"].rstrip("/"),
              "groups": {group: [page for page in pages if page.group == group] for group in GROUPS}}
    common["name"] = common["repository"].partition("github.com/")[2]
    out.mkdir(parents=True)
    texts = {page.name: template.render(page=page, **common) for page in [*everything, lost]}
    texts["search.js"] = "searchable(" + json.dumps(found, ensure_ascii=False, separators=(",", ":")) + ");\n"
    texts["robots.txt"] = "User-agent: *\nAllow: /\n" + (f"Sitemap: {base}/sitemap.xml\n" if base else "")
    addresses = "".join(f"<url><loc>{base}/{'' if page is front else page.name}</loc></url>\n" for page in everything)
    texts["sitemap.xml"] = ('<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
                            f"{addresses}</urlset>\n")
    for name in ("site.css", "site.js", "theme.js", "minisearch.js", "icon.svg"):
        texts[name] = (HERE / name).read_text(encoding="utf-8")
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8", newline="\n")
    for name, content in pictures.items():
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_bytes(content)
    for name, source in files.items():
        if source.is_file():
            (out / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(source, out / name)
    return everything


if __name__ == "__main__":
    if sys.argv[1:] == ["--readme"]:
        (PROJECT / "README.md").write_text(readme_with(without_installing(), README), encoding="utf-8", newline="\n")
    elif len(sys.argv) in (2, 3) and not sys.argv[1].startswith("-"):
        print(f"{len(build(*sys.argv[1:]))} pages in {sys.argv[1]}")
    else:
        sys.exit(__doc__)
