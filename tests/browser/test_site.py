"""Somebody reads the web edition in Chromium: every page, both themes, phone to projector, the search, and on paper."""
import functools
import http.server
import threading
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import expect

from tests.support.notebook_files import NOTEBOOK_FOLDER, code_cells, notebook_paths, read_notebook
from tests.support.web_edition import the_builder

PAGES = ["index", "404", *sorted(path.stem for pattern in ("*.ipynb", "*.md") for path in NOTEBOOK_FOLDER.glob(pattern))]
EVERY_PAGE = pytest.mark.parametrize("name", PAGES)
# The program that looks in a page for what somebody could not use
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
A4 = {"width": 718, "height": 1047}  # what is left of the paper between its margins, in CSS pixels

QUESTIONS = [line.split(" | ", 1) for line in (Path(__file__).parent / "questions.txt").read_text(encoding="utf-8").splitlines()
             if not line.startswith("#")]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "out"
    the_builder().build(folder)
    return folder


@pytest.fixture(scope="module")
def address(folder):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def reader(browser):
    """One page for the tests that only look: opening a new one takes longer than they do."""
    page = browser.new_page()
    page.set_default_timeout(60_000)
    yield page
    page.close()


@pytest.fixture
def complaints(page, address):
    """What the console says, what fails, and every request to another host, while a test uses ``page``."""
    found = []
    page.on("console", lambda message: found.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: found.append(f"error: {error}"))
    page.on("request", lambda request: request.url.startswith((address, "file:", "data:")) or found.append(f"asked for {request.url}"))
    page.on("response", lambda response: response.ok or response.status == 304 or found.append(f"{response.status}: {response.url}"))
    return found


@pytest.fixture(scope="module")
def answers(address, browser):
    """A function that says which records answer a question, the best first, as the search of one page has them."""
    page = browser.new_page()
    page.goto(f"{address}index.html")
    page.fill("#q", "empty file")
    page.locator("#found a").first.wait_for()
    yield lambda question: page.evaluate("asked => index.search(asked).map(hit => records[hit.id][0].replace('.html', ''))", question)
    page.close()


def test_no_page_complains_or_asks_another_host(folder, address, page, complaints):
    for path in sorted(folder.glob("*.html")):
        page.goto(address + path.name)
    assert not complaints


@EVERY_PAGE
def test_axe_finds_nothing_in_either_theme(address, reader, name):
    reader.goto(f"{address}{name}.html")
    reader.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    reader.evaluate(AXE)
    for theme, rules in ("light", "{}"), ("dark", "{runOnly: ['color-contrast']}"):  # the colours are all that a theme changes
        reader.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        found = reader.evaluate(f"axe.run({{resultTypes: ['violations'], elementRef: false, ...{rules}}})")
        assert not [f"{theme}: {v['id']}: {v['help']}: {v['nodes'][0]['html'][:200]}" for v in found["violations"]]


@pytest.mark.parametrize("name", ["A1", "C6", "T12"])
def test_axe_finds_nothing_on_the_page_of_an_entry_with_the_search_open(address, reader, name):
    reader.goto(f"{address}{name}.html")
    reader.fill("#q", "empty file")
    reader.locator("#found a").first.wait_for()
    assert not [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in reader.evaluate(AXE + "\naxe.run()")["violations"]]


@EVERY_PAGE
def test_no_page_scrolls_sideways_and_every_picture_shows(address, reader, name):
    reader.goto(f"{address}{name}.html")
    for width in (390, 1280, 1920):
        reader.set_viewport_size({"width": width, "height": 900})
        assert reader.evaluate("document.documentElement.scrollWidth") <= width
    shown = reader.evaluate("""Promise.all([...document.querySelectorAll('main img')].map(async image => {
        image.loading = 'eager'; await image.decode(); return image.naturalWidth > 300 && image.alt.length > 40; }))""")
    assert all(shown)


@EVERY_PAGE
def test_on_paper_no_code_is_cut_and_solutions_are_printed(address, reader, name):
    reader.goto(f"{address}{name}.html")
    reader.set_viewport_size(A4)
    reader.emulate_media(media="print")
    reader.evaluate("dispatchEvent(new Event('beforeprint'))")
    cut = reader.evaluate("""[...document.querySelectorAll('main pre, main code, main td, main img')].filter(one => one.offsetWidth && (
        one.scrollWidth > one.clientWidth + 1 && one.clientWidth || one.getBoundingClientRect().right > innerWidth + 1))
        .map(one => one.innerText || one.alt)""")
    assert not cut
    assert reader.evaluate("[...document.querySelectorAll('details pre')].every(one => one.checkVisibility({contentVisibilityAuto: true}))")
    reader.evaluate("dispatchEvent(new Event('afterprint'))")
    assert reader.locator("details[open]").count() == 0
    reader.emulate_media(media="screen")


def test_the_list_shows_what_the_search_found_in_its_order(address, page, complaints, answers):
    symptom = "pandas.errors.EmptyDataError: No columns to parse from file"
    page.goto(f"{address}index.html")
    page.fill("#q", symptom)
    page.locator("#found a").first.wait_for()
    shown = [link.get_attribute("href").replace(".html", "") for link in page.locator("#found a").all()]
    assert shown == answers(symptom)[:len(shown)] and not complaints


@pytest.mark.parametrize("entries, question", QUESTIONS)
def test_what_readers_asked_is_answered_first_or_second(answers, entries, question):
    found = answers(question)[:2]
    assert set(entries.split()) & set(found), found


def test_a_number_is_no_number_of_an_entry_and_a_number_of_an_entry_is(answers):
    for question, others in {"utf-8": {"B8", "I8", "C8"}, "3.14": {"A14", "E14"}, "[Errno 13]": {"C13", "A13", "O13"}}.items():
        assert not others & set(answers(question)[:10]), question
    assert answers("B8")[0] == "B8"


@pytest.mark.parametrize("asked, unmarked", [("empty csv", "EmptyDataError"), ("0 bytes", "BytesIO"), ("last records", "row")])
def test_a_word_is_not_found_inside_a_name(address, page, asked, unmarked):
    page.goto(f"{address}index.html")
    page.fill("#q", asked)
    page.locator("#found a").first.wait_for()
    marks = page.locator("#found mark").all_inner_texts()
    assert marks and not [mark for mark in marks if unmarked in mark]


def test_the_words_of_a_name_find_it_when_they_are_typed_apart(answers):
    assert answers("permission error opened by name")[0] == answers("PermissionError opened by name")[0] == "C6"
    assert "I6" in answers("bad zip file")[:2]
    assert "A1" in answers("load_file uploads nothing")[:2]


def test_the_endings_of_a_word_make_no_difference_and_one_that_stands_nowhere_is_tried_without_its_ending(answers):
    assert "H5" in answers("atomically")[:2] and set(answers("atomically")) == set(answers("atomic"))
    assert set(answers("truncation")) == set(answers("truncated"))


def test_letters_that_were_read_in_a_wrong_encoding_are_words_and_whole_ones_beside_them_are_found(answers):
    for garbled in "Ã¼", "Ã©", "â€™", "ÃŸ", "MÃ¼ller", "Ã¼ instead of ü":
        assert answers(garbled)[0] == "F1", garbled


@pytest.mark.parametrize("asked, note", [
    ("the file is empty though I don't close it", None),
    ("qqxxzz though", "Nothing has these words. Try fewer of them, or the words of the error message."),
    ("zzqqy vqqanishhed", "Not found anywhere: zzqqy, vqqanishhed. These have similar words.")])
def test_words_that_say_nothing_are_not_reported_and_slips_are(address, reader, asked, note):
    reader.goto(f"{address}index.html")
    reader.fill("#q", asked)
    reader.locator("#found > *").first.wait_for()
    assert reader.locator("#found p").all_inner_texts() == ([note] if note else [])


def test_results_far_behind_the_best_are_left_out(address, reader, answers):
    question = "size mismatch in put StringIO"
    reader.goto(f"{address}index.html")
    reader.fill("#q", question)
    reader.locator("#found a").first.wait_for()
    assert reader.locator("#found a").count() == 3 < len(answers(question))


def test_the_way_back_from_a_result_keeps_the_words_and_the_list(address, page):
    page.goto(f"{address}C6.html")
    page.fill("#q", "blank line between rows")
    page.locator("#found a").nth(2).click()
    expect(page.locator("#found")).to_be_hidden()
    page.go_back()
    for _ in range(2):
        expect(page.locator("#q")).to_have_value("blank line between rows")
        expect(page.locator("#found a").first).to_contain_text("D1")
        page.reload()
    assert page.url.endswith("/C6.html?q=blank+line+between+rows")
    page.fill("#q", "")
    page.wait_for_url("**/C6.html")


def test_the_first_escape_closes_the_list_and_the_second_empties_the_field(address, page):
    page.goto(f"{address}index.html")
    page.fill("#q", "empty file")
    page.locator("#found a").first.wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    expect(page.locator("#found")).to_be_hidden()
    expect(page.locator("#q")).to_be_focused()
    expect(page.locator("#q")).to_have_value("empty file")
    page.keyboard.press("Escape")
    expect(page.locator("#q")).to_have_value("")


def test_without_scripts_a_sentence_stands_where_the_search_was(address, browser):
    page = browser.new_page(java_script_enabled=False)
    page.goto(f"{address}index.html")
    expect(page.locator("noscript p")).to_be_visible()
    expect(page.locator("#q")).to_be_hidden()
    page.close()


def test_on_a_phone_pictures_can_be_read_and_tables_break_no_name(address, reader):
    reader.set_viewport_size({"width": 390, "height": 800})
    reader.goto(f"{address}04-count-the-missing-rows.html")
    for picture in reader.locator("figure:visible").all():
        assert picture.evaluate("one => one.firstElementChild.offsetWidth > 600 && one.tabIndex === 0")
    blended = "document.querySelector('figure > img') && getComputedStyle(document.querySelector('figure > img')).mixBlendMode"
    assert reader.evaluate(blended) == "multiply"  # the shadow at the side where a picture goes on lies under it
    covered = """[...document.querySelectorAll('.copy')].filter(one => {
        const code = one.parentElement.querySelector('pre');
        const text = code.getBoundingClientRect().top + parseFloat(getComputedStyle(code).paddingTop);
        return one.offsetHeight && one.getBoundingClientRect().bottom > text; })"""
    assert reader.locator(".copy").count() and reader.evaluate(f"{covered}.length") == 0
    reader.goto(f"{address}T9.html")
    broken = "[...document.querySelectorAll('td code')].filter(one => !/[ ]/.test(one.textContent) && one.getClientRects().length > 1)"
    assert reader.evaluate(f"{broken}.length") == 0
    reader.goto(f"{address}index.html")
    assert reader.evaluate("[...document.querySelectorAll('.table')].every(one => one.scrollWidth <= one.clientWidth)")


def test_from_the_keyboard_to_a_cure_without_a_server(folder, page, complaints):
    page.goto((folder / "index.html").as_uri())
    page.keyboard.press("/")
    page.keyboard.type("the last rows are missing")
    expect(page.locator("#found a").first).to_contain_text("A9")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("A9")
    expect(page.locator(".cure").first).to_be_visible()
    assert not complaints


def test_a_question_on_the_first_page_is_asked_by_a_click_and_an_unknown_word_is_answered(address, page):
    page.goto(f"{address}index.html")
    page.locator("[data-ask]").first.click()
    expect(page.locator("#found a").first).to_contain_text("A1")
    page.fill("#q", "qqxxzz")
    expect(page.locator("#found")).to_contain_text("Nothing has these words")
    expect(page.locator("#said")).to_contain_text("Nothing has these words")
    page.fill("#q", "qqxxzz in an empty file")
    expect(page.locator("#found p")).to_have_text("Not found anywhere: qqxxzz. These have the other words.")
    expect(page.locator("#found a").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#found")).to_be_hidden()


def test_the_theme_that_a_reader_chooses_stays(address, page):
    page.emulate_media(color_scheme="light")
    page.goto(f"{address}index.html")
    page.click(".theme")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    assert dark != "rgb(255, 255, 255)"
    page.goto(f"{address}C6.html")
    assert page.evaluate(ground) == dark
    page.click(".theme")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"


def test_a_copy_button_copies_the_code_and_nothing_else(address, page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    path = notebook_paths()[0]
    page.goto(f"{address}{path.stem}.html")
    page.locator(".code .copy").first.click(force=True)
    expect(page.locator(".code .copy").first).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == code_cells(read_notebook(path))[0].source


def test_a_link_to_a_cell_goes_there_and_a_link_into_a_folded_solution_unfolds_it(address, page):
    page.goto(f"{address}10c-temporary-files.html#cell-id=10c-c6")
    expect(page.locator("h3", has_text="C6 ")).to_be_in_viewport()
    page.goto(f"{address}10c-temporary-files.html#C2")
    expect(page.locator("h3", has_text="C2 ")).to_be_in_viewport()
    page.goto(f"{address}00-start-here.html")
    page.evaluate("document.querySelector('details.solution pre').id = 'inside'; location.hash = 'inside'")
    expect(page.locator("#inside")).to_be_in_viewport()


def test_on_a_phone_the_list_of_pages_opens_and_closes(address, page):
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{address}index.html")
    expect(page.locator("#pages")).to_be_hidden()
    page.click(".menu")
    page.click(".shut")
    expect(page.locator("#pages")).to_be_hidden()
    page.click(".menu")
    page.locator("#pages a", has_text="03 ").click()
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator("#pages")).to_be_hidden()


@pytest.mark.parametrize("width", [1280, 1920])
def test_the_field_begins_and_ends_where_the_text_does_and_the_list_of_pages_begins_with_a_whole_line(address, reader, width):
    reader.set_viewport_size({"width": width, "height": 800})
    for name in "07-publish-in-one-step", "10h-sharing-and-publishing", "instructor-guide":
        reader.goto(f"{address}{name}.html")
        field, text = (reader.locator(one).first.bounding_box() for one in ("#q", "main h1 + p, main h1 ~ p"))
        assert abs(field["x"] - text["x"]) < 2 and abs(field["width"] - text["width"]) < 2
        cut = """[...document.querySelectorAll('#pages a')].filter(one => {
            const top = document.getElementById('pages').getBoundingClientRect().top;
            const {top: upper, bottom: lower} = one.getBoundingClientRect();
            return upper < top - 1 && lower > top + 6; }).length"""
        assert reader.evaluate(cut) == 0, name
