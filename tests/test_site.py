"""The web edition: every link leads somewhere, nothing of the notebooks is lost, and search engines get what they need."""
import gzip
import html
import json
import re
import runpy
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.support.exercises import exercises_in
from tests.support.notebook_files import PROJECT, code_cells, notebook_paths, read_notebook
from tests.support.web_edition import the_builder

BASE = "https://example.org/rows"
CODE = re.compile(r'<div class="[^"]*highlight[^"]*"><pre>(.*?)</pre>', re.S)
TAG = re.compile(r"<[^>]*>")


@pytest.fixture(scope="module")
def builder():
    return the_builder()


def built():
    """Build the site; return the bytes of its files, by their names."""
    folder = Path(tempfile.mkdtemp()) / "out"
    the_builder().build(folder, BASE)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}


pytestmark = pytest.mark.child(runs=built)


@pytest.fixture
def site(child):
    files, _ = child
    return files


@pytest.fixture
def pages(site):
    return {name: content.decode().replace("\r\n", "\n") for name, content in site.items() if name.endswith(".html")}


@pytest.fixture
def records(site):
    return json.loads(site["search.js"].decode().removeprefix("searchable(").removesuffix(");\n"))


def attribute(name, text):
    return {html.unescape(value) for _, value in re.findall(rf"""\s{name}=(["'])(.*?)\1""", text, re.S)}


def text_of(piece):
    return html.unescape(TAG.sub("", piece))


@pytest.mark.parametrize("name, group", [("03-meet.ipynb", "Lessons"), ("11-new.ipynb", "Lessons"), ("10-field-guide.ipynb", "Field guide"),
                                         ("10a-empty.ipynb", "Field guide"), ("01b-every.ipynb", "Companions"), ("cheat.md", "Beside you")])
def test_a_page_stands_in_its_group(builder, name, group):
    assert next(one for one, begins in builder.GROUPS.items() if re.match(begins, name)) == group


def test_every_link_leads_somewhere(site, pages):
    anchors = {name: attribute("id", text) for name, text in pages.items()}
    broken = []
    for name, text in pages.items():
        for link in attribute("href", text) | attribute("src", text):
            if re.match("https?://", link):
                continue
            file, _, anchor = link.partition("#")
            file = unquote(file) or name
            if file not in site or anchor and unquote(anchor) not in anchors[file]:
                broken.append(f"{name}: {link}")
    assert not broken, "\n".join(broken)


def test_every_record_of_the_search_leads_somewhere(pages, records):
    for address, *_ in records:
        file, _, anchor = address.partition("#")
        assert not anchor or unquote(anchor) in attribute("id", pages[file]), address


def test_a_page_asks_no_other_host_for_anything(site, pages):
    for name, text in pages.items():
        assert "default-src 'none'" in text, name
        assert not re.search(r"<(?:script|img|iframe|link)[^>]*\s(?:src|href)=\"(?:https?:)?//(?!example\.org/)", text), name
    for name in ("site.css", "site.js", "theme.js"):
        assert not re.search(r"url\(|@import|fetch\(|https?:", site[name].decode()), name


@pytest.mark.parametrize("path", notebook_paths(), ids=lambda path: path.stem)
def test_nothing_of_a_notebook_is_lost(pages, path):
    text = pages[f"{path.stem}.html"]
    code = {text_of(found).strip() for found in CODE.findall(text)}
    whole = text_of(text)
    alternatives = attribute("alt", text)
    for cell in read_notebook(path).cells:
        assert f"cell-id={cell.id}" in attribute("id", text), cell.id
        if cell.cell_type == "markdown":
            continue
        assert cell.source.strip() in code, cell.id
        for output in cell.outputs:
            shown = output.get("data", {}).get("text/html", "")
            assert attribute("alt", shown) <= alternatives, cell.id
            plain = output.get("text", "" if shown else output.get("data", {}).get("text/plain", "")).strip().replace("\r\n", "\n")
            assert plain in whole or plain == "not attempted yet", cell.id


def test_solutions_are_folded_and_no_search_tells_them(pages, records):
    found = "\n".join(" ".join(record[4:]) for record in records)
    for path in notebook_paths():
        notebook = read_notebook(path)
        folded = sum(cell.source.count("<details>") for cell in notebook.cells)
        assert pages[f"{path.stem}.html"].count('<details class="solution">') == folded
        for exercise in exercises_in(notebook):
            solution = " ".join(exercise.solution.split())
            shown = " ".join(" ".join(cell.source.split()) for cell in code_cells(notebook))
            assert solution in shown or solution not in found, exercise.name


def test_each_page_has_a_title_and_a_description_of_its_own_and_an_address(pages):
    titles, descriptions = {}, {}
    for name, text in pages.items():
        title = re.search("<title>(.*?)</title>", text)[1]
        description = re.search('<meta name="description" content="([^"]*)">', text)[1]
        assert 20 <= len(html.unescape(description)) <= 160, (name, description)
        assert titles.setdefault(title, name) == descriptions.setdefault(description, name) == name
        address = f"{BASE}/{'' if name == 'index.html' else name}"
        assert name == "404.html" or f'<link rel="canonical" href="{address}">' in text


def test_each_entry_of_the_field_guide_has_a_page_with_its_symptom_as_title(pages):
    from tests.support.links import entries
    known = entries({path.name: read_notebook(path) for path in notebook_paths()})
    assert len(known) > 100
    for number, entry in known.items():
        title = text_of(re.search("<title>(.*?)</title>", pages[f"{number}.html"])[1])
        assert title == f"{number} {re.sub('[`*]', '', entry.title)} · Where Did My Rows Go?"
        assert f'id="{number}"' in pages[entry.file.replace(".ipynb", ".html")]


def turns(pages, name):
    return dict(re.findall('rel="(prev|next)" href="([^"]+)"', pages[name]))


def test_previous_and_next_lead_from_lesson_to_lesson_and_on_through_the_field_guide(pages):
    road = [f"{path.stem}.html" for path in notebook_paths() if re.match(r"0\d-|10", path.name)]
    expected = {name: {} for name in road}
    for before, after in zip(road, road[1:]):
        expected[before]["next"], expected[after]["prev"] = after, before
    assert {name: turns(pages, name) for name in road} == expected
    for beside in ("instructor-guide.html", "words-and-cheat-sheet.html"):
        assert turns(pages, beside) == {"prev": road[-1]}, "what stands beside the road is no step of it"
    assert turns(pages, "01b-every-tool-of-tempfile.html") == {"prev": road[1], "next": road[2]}


def test_the_page_of_an_entry_folds_the_first_code_of_the_page_that_it_is_from(pages, builder):
    folded = re.search(f"<summary>{builder.GIVEN}</summary>(.*?)</details>", pages["C6.html"], re.DOTALL)[1]
    setup = next(iter(code_cells(read_notebook(PROJECT / "notebooks" / "10c-temporary-files.ipynb"))))
    assert [text_of(code).strip() for code in CODE.findall(folded)] == [setup.source.strip()]


@pytest.mark.parametrize("label", ["Predict", "Cure", "Time", "You need"])
def test_what_a_reader_looks_for_on_a_page_is_marked(pages, label):
    for name, text in pages.items():
        begun = re.findall(rf"<p(?: class=\"([\w-]+)\")?><strong>{label}:?</strong>", text)
        assert set(begun) <= {label.lower().replace(" ", "-")}, name


def test_a_wide_table_scrolls_in_a_frame_of_its_own(pages):
    tables = sum(text.count("<table") for text in pages.values())
    assert tables == sum(len(re.findall(r'<div class="table">\s*<table', text)) for text in pages.values()) > 20


def test_the_sitemap_names_every_page(site, pages):
    listed = set(re.findall("<loc>(.*?)</loc>", site["sitemap.xml"].decode()))
    assert listed == {f"{BASE}/{'' if name == 'index.html' else name}" for name in pages if name != "404.html"}
    assert f"Sitemap: {BASE}/sitemap.xml" in site["robots.txt"].decode()


def test_a_page_weighs_little(site, pages):
    def packed(name):
        return len(gzip.compress(site[name]))
    around = sum(packed(name) for name in ("site.css", "site.js", "theme.js", "icon.svg"))
    for name, text in pages.items():
        assert len(text.encode()) < 1_000_000, name
        first_pictures = re.findall('src="(pictures/[^"]+)"', text)[:2]
        assert packed(name) + around + sum(len(site[picture]) for picture in first_pictures) < 300_000, name


def test_a_folder_that_holds_something_else_is_left_alone(builder, tmp_path):
    (tmp_path / "thesis.txt").write_text("three years of work")
    with pytest.raises(SystemExit, match="give a new folder"):
        builder.build(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_the_readme_says_how_to_run_it_without_installing_once_an_address_is_known(builder):
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert builder.readme_with(builder.without_installing(), readme) == readme, "run  python .site/build.py --readme"
    line = builder.without_installing({"repository": "https://github.com/someone/rows", "site": "https://someone.example/rows/"})
    assert "(https://mybinder.org/v2/gh/someone/rows/HEAD?" in line and "(https://codespaces.new/someone/rows)" in line
    known = builder.readme_with(line, readme)
    assert known.count(line) == 1 and builder.readme_with(line, known) == known
    assert line not in builder.readme_with("", known)


def test_binder_and_dev_containers_take_the_requirements_and_the_guard():
    assert (PROJECT / ".binder" / "requirements.txt").read_text(encoding="utf-8").split("\n")[-2] == "-r ../requirements.txt"
    container = json.loads((PROJECT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert container["postCreateCommand"] == "python -m pip install -r requirements.txt"
    for told in (container["containerEnv"]["PYTHONSTARTUP"], (PROJECT / ".binder" / "start").read_text(encoding="utf-8")):
        assert "/notebooks/kernel_start.py" in told


def test_the_command_says_what_it_needs(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["build.py"])
    with pytest.raises(SystemExit, match=r"python .site/build.py OUT \[BASE_URL\]"):
        runpy.run_path(str(PROJECT / ".site" / "build.py"), run_name="__main__")
