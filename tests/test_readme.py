"""What the README says is so."""
import re
import shutil
import subprocess

import launch
import pytest

from tests.support.notebook_files import NOTEBOOK_FOLDER, PROJECT, notebook_paths, read_notebook
from tests.tools import readme_picture

README = (PROJECT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (PROJECT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| \[(\d\d) ([^\]]+)\]\(notebooks/([^)]+)\) \| .+ \| (?:(\d+) min|reference) \| (?:(\d+) min)? ?\|$", re.M)
TIME = re.compile(r"\*\*Time:\*\* (\d+) minutes? reading, (\d+) minutes? exercises\.")


def lessons():
    """The notebooks of the table: all but the pages that the field guide (10) leads to."""
    return [path for path in notebook_paths() if re.match(r"\d\d-", path.name)]


def test_the_table_lists_every_notebook_once_in_order():
    assert [row[2] for row in ROW.findall(README)] == [path.name for path in lessons()], \
        "README's table must have a row for each notebook, in the form of the others"


def test_the_minutes_in_the_table_are_those_of_the_notebooks():
    for number, title, name, reading, exercises in ROW.findall(README):
        first = read_notebook(NOTEBOOK_FOLDER / name).cells[0].source
        assert name == f"{number}-{title.lower().replace(' ', '-')}.ipynb"
        if "**Time:** none" not in first:
            assert TIME.search(first), f"{name}: its first cell needs  **Time:** N minutes reading, N minutes exercises."
            assert TIME.search(first).groups() == (reading, exercises), f"{name}: README's row must have the minutes of its **Time:** line"


def markdown_links(text):
    """Return where the links of ``text`` lead: the inline ones, and those that stand below it as ``[A1]: address``."""
    found = re.findall(r"\[[^\]]*\](?:\(([^)\s]+)\)|: (\S+)$)", re.sub(r"```.*?```", "", text, flags=re.S), re.M)
    return [inline or below for inline, below in found]


def test_every_link_to_a_file_leads_somewhere():
    pages = {PROJECT / "README.md": README, PROJECT / ".github" / "CONTRIBUTING.md": CONTRIBUTING}
    pages[PROJECT / "data" / "README.md"] = (PROJECT / "data" / "README.md").read_text(encoding="utf-8")
    for page in NOTEBOOK_FOLDER.glob("*.md"):
        pages[page] = page.read_text(encoding="utf-8")
    for path in notebook_paths():
        pages[path] = "\n".join(cell.source for cell in read_notebook(path).cells if cell.cell_type == "markdown")
    cells = {path: {f"cell-id={cell.id}" for cell in read_notebook(path).cells} for path in notebook_paths()}
    broken = []
    for page, text in pages.items():
        for link in markdown_links(text):
            if link.startswith(("http://", "https://")):
                continue
            file, _, anchor = link.partition("#")
            target = (page.parent / file).resolve() if file else page
            if not target.exists() or anchor and anchor not in anchors(pages.get(target, "")) | cells.get(target, set()):
                broken.append(f"{page.name}: {link}")
    assert not broken, "\n".join(broken)


def anchors(text):
    """Return the anchors of the headings in ``text``, as JupyterLab makes them."""
    return {re.sub(r"[`*]", "", heading).strip().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", text, re.M)}


def test_the_commands_exist():
    commands = re.findall(r"^(?:python3|py) (notebooks|tests)$", README, re.M)
    assert commands == ["notebooks", "tests", "notebooks", "tests"]
    for folder in commands:
        assert (PROJECT / folder / "__main__.py").exists()
    guide = (NOTEBOOK_FOLDER / "instructor-guide.md").read_text(encoding="utf-8")
    for module in re.findall(r"-m (tests[.\w]+)", README + CONTRIBUTING + guide):
        assert (PROJECT / (module.replace(".", "/") + ".py")).exists(), module


@pytest.mark.parametrize("place, line", [
    ("README.md", r"^CPython 3\..* on Linux"),
    (".github/workflows/tests.yml", r"^ *python: \[.*"),
    ("notebooks/instructor-guide.md", r"Tick off: Windows 3\..*"),
])
def test_every_place_names_the_pythons_of_the_launcher(place, line):
    found = re.findall(line, (PROJECT / place).read_text(encoding="utf-8"), re.M)
    assert [re.findall(r"3\.\d+", each) for each in found] == [launch.supported()], f"{place} must name {launch.supported()}"


def test_the_nightly_run_asks_the_newest_python_and_the_one_after_it():
    workflow = (PROJECT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")
    newest = launch.NEWEST[1]
    assert re.findall(r'{python: "(3\.\d.*?)"', workflow) == [f"3.{newest}", f"3.{newest + 1}-dev"]


def test_the_map_of_the_first_notebook_has_a_row_for_each_of_the_others():
    first, *others = lessons()
    text = "\n".join(cell.source for cell in read_notebook(first).cells)
    assert re.findall(r"^\| \[\d\d [^\]]*\]\(([^)]*)\) \| [^|]* \|$", text, re.M) == [path.name for path in others], \
        "the map in 00-start-here.ipynb must have a row for each other notebook"


def test_the_picture_is_what_the_bug_gives_and_its_alt_text_says_so():
    svg, alt = readme_picture.make_picture()
    assert readme_picture.TARGET.read_text(encoding="utf-8") == svg, "run  python -m tests.tools.readme_picture"
    assert f"![{alt}](.github/the-bug.svg)" in README


def test_nothing_else_is_visible_at_the_top():
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    tracked = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, encoding="utf-8")
    if tracked.returncode:
        pytest.skip("this copy of the project is no git checkout")
    visible = {name.split("/")[0] for name in tracked.stdout.split("\n") if name and not name.startswith(".")}
    assert visible == {"README.md", "requirements.txt", "notebooks", "data", "tests"}, "put it into one of the rooms of CONTRIBUTING.md"
