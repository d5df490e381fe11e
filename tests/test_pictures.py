"""Pictures say what was measured, begin with the finding, and their stored pixels show what their digest names."""
import base64
import functools
import hashlib
import html
import inspect
import io
import re

import pictures
import pytest
from PIL import Image, ImageDraw

from tests.support.cells import Session
from tests.support.notebook_files import code_cells, notebook_paths, read_notebook
from tests.support.pixels import picture_difference

LARGEST = 60_000  # bytes of a PNG
HTML_FORM = re.compile(r'<!-- drawing sha256:[0-9a-f]{64} -->\n<figure style="margin:8px 0"><img width="900" '
                       r'style="width:100%;max-width:64em" alt="[^"]{40,}" src="data:image/png;base64,[A-Za-z0-9+/=]+"></figure>')
YESTERDAY, NEITHER, TODAY = "yesterday's", "neither", "today's"


def two_bars(size):
    return pictures.gauge({"waiting in your program": 0, "in the file": size}, "You wrote 52 bytes.", "Any other reader sees 2 rows.")


MADE = {
    "gauge": lambda: two_bars(52),
    "two_lanes": lambda: pictures.two_lanes(["before", "row 1", "afterwards"], {
        'open(…, "w")': [YESTERDAY, NEITHER, TODAY], "safe_export": [YESTERDAY, YESTERDAY, TODAY]}),
    "buffer_steps": lambda: pictures.buffer_steps(64, [20, 30, 15, 100, 10], [[], [], [50], [15, 100], [], [10]]),
    "inside_one_another": lambda: pictures.inside_one_another([
        ("export", "TextIOWrapper", "text that waits"), ("export.buffer", "BufferedWriter", "bytes that wait"),
        ("export.buffer.raw", "FileIO", "nothing: each write is a trip")]),
    "version_bars": lambda: pictures.version_bars([("Linux 3.13", 1127, 1142), ("Linux 3.14", 0, 1142)]),
    "suspects": lambda: pictures.suspects({"wait five seconds": 0, "export.flush()": 52}),
    "exits": lambda: pictures.exits({"Python still runs": {"sys.exit()": (2, True)},
                                     "No time left": {"os._exit(0)": (0, True), "kill -9": (1, False)}}, 2),
    "lifetimes": lambda: pictures.lifetimes(["open", "closed"], {"default": [True, False], "kept": [True, True]}),
    "trips": lambda: pictures.trips({"8 KiB": 4, "each row": 1142}, "1,142 rows"),
    "staircase": lambda: pictures.staircase([0, 0, 2, 2, 2, 5], "6 rows, a small buffer"),
}
BEGINS = {
    "gauge": "You wrote 52 bytes. Any other reader sees 2 rows.",
    "two_lanes": 'open(…, "w"): no whole file at 1 of 3 moments. safe_export: a whole file at every moment.',
    "buffer_steps": "Four trips: 50, 15, 100 and 10 bytes. No write is cut in two.",
    "inside_one_another": "export is three objects inside one another.",
    "version_bars": "1,127 rows are seen on 1 system. Not one row is seen on 1.",
    "suspects": "1 of 2 brought something into the file: export.flush().",
    "exits": "2 rows written: all are there after 1 way out, not after 2. One of these two sounds no alarm.",
    "lifetimes": "Still there at the end: kept.",
    "trips": "8 KiB: 4 trips. each row: 1,142 trips.",
    "staircase": "Up to 3 rows are missing; 1 at the end.",
}


@functools.cache
def drawn(kind):
    return MADE[kind]()


@pytest.fixture
def words_alone(monkeypatch):
    """Draw nothing: what is asked for is in the words beside the drawing."""
    monkeypatch.setattr(pictures.Board, "svg", lambda board: "")
    monkeypatch.setattr(pictures.Board, "png", lambda board: b"")


def test_every_kind_is_tried_here():
    public = {name for name, thing in vars(pictures).items()
              if inspect.isfunction(thing) and thing.__module__ == "pictures" and not name.startswith("_")}
    assert public - {"amount", "gauge_text", "draw_gauge"} == set(MADE) == set(BEGINS), (  # these three return no picture
        "MADE and BEGINS above need a line for each function of pictures.py that returns a picture")


@pytest.mark.parametrize("kind", MADE)
def test_every_kind_has_its_form_and_begins_with_its_finding(kind):
    picture = drawn(kind)
    shown = picture._repr_html_()
    assert HTML_FORM.fullmatch(shown)
    assert picture.alt.startswith(BEGINS[kind]) and "\n" not in picture.alt
    assert f'alt="{html.escape(picture.alt)}"' in shown
    assert hashlib.sha256(picture.svg.encode()).hexdigest() in shown
    assert len(picture.png) < LARGEST
    with Image.open(io.BytesIO(picture.png)) as image:
        assert image.format == "PNG" and image.width == 2 * 900
    assert BEGINS[kind].split(". ")[0] in repr(picture)


@pytest.mark.parametrize("kind", MADE)
def test_the_same_numbers_make_the_same_drawing(kind):
    assert MADE[kind]() == drawn(kind)
    assert picture_difference(drawn(kind)._repr_html_(), drawn(kind)._repr_html_()) is None


def test_a_readers_own_settings_of_matplotlib_change_nothing():
    import matplotlib
    before = drawn("trips")
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black", "savefig.dpi": 10, "font.family": "serif"}):
        assert MADE["trips"]() == before


@pytest.mark.parametrize("kind, words", [
    ("two_lanes", 'open(…, "w"): before, yesterday\'s, row 1, neither, afterwards, today\'s'),
    ("buffer_steps", "write 100: trips of 15 and 100 bytes, 0 bytes in the buffer afterwards"),
    ("inside_one_another", "export.buffer, a BufferedWriter: bytes that wait"),
    ("version_bars", "Linux 3.14: 0 of 1,142"),
    ("suspects", "wait five seconds: 0 bytes"),
    ("exits", "No time left. os._exit(0): 0 of 2 rows, exit code 0: no alarm!; kill -9: 1 of 2 rows, exit code not 0"),
    ("lifetimes", "default, open: there, closed: gone"),
    ("trips", "each row: 1,142 trips"),
    ("staircase", "2 seen with 3 to 5 written"),
])
def test_all_that_stands_in_a_picture_stands_in_its_alt_text(kind, words):
    assert words in drawn(kind).alt


def test_a_lane_of_many_moments_takes_several_lines(words_alone):
    picture = pictures.two_lanes([f"step {step}" for step in range(1, 13)], {"safe_export": [YESTERDAY] * 11 + [TODAY]}, title="A kill")
    assert picture.alt.startswith("safe_export: a whole file at every moment. Lanes, one box a moment, titled 'A kill': ")
    assert len(repr(picture).splitlines()) == 2 + 12


def test_no_file_is_no_whole_file_and_other_words_count_for_nothing(words_alone):
    picture = pictures.two_lanes(["1", "2", "3", "4"], {"open": [YESTERDAY, "no file", "(none)", TODAY]})
    assert picture.alt.startswith("open: no whole file at 1 of 3 moments.")


def test_what_cannot_be_true_is_refused():
    with pytest.raises(ValueError, match="1 words for 2 moments"):
        pictures.two_lanes(["before", "after"], {"safe_export": [YESTERDAY]})
    with pytest.raises(ValueError, match="2 writes and a close want 3 lists of trips, not 2"):
        pictures.buffer_steps(64, [20, 30], [[], [50]])
    with pytest.raises(ValueError, match="only 20 were waiting"):
        pictures.buffer_steps(64, [20], [[30], []])


def test_a_write_that_is_cut_in_two_is_said_to_be(words_alone):
    assert pictures.buffer_steps(8, [6, 6], [[], [8], [4]]).alt.startswith("Two trips: 8 and 4 bytes. A write is cut in two.")


def test_two_trips_of_one_write_are_two_arrows_with_a_number_each():
    svg = drawn("buffer_steps").svg
    arrow_heads = re.findall(r'z\s*" style="fill: #1a1a1a;', svg)
    assert len(arrow_heads) == 4
    assert ">100<" in svg and "15 + 100" not in svg


def test_findings_at_their_ends(words_alone):
    assert pictures.suspects({"wait": 0, "print": 0}).alt.startswith("None of the 2 brought a byte into the file.")
    assert pictures.suspects({"before": "not tried"}).alt.endswith("Rows: before: not tried.")
    assert pictures.lifetimes(["closed"], {"default": [False]}).alt.startswith("At the end all are gone.")
    assert pictures.staircase([0] * 50).alt.startswith("Other readers see no row, though 50 are written.")
    assert pictures.exits({"sys.exit()": (2, True)}, 2).alt.startswith("2 rows written: all are there after 1 way out, not after 0.")
    assert pictures.exits({"os._exit(0)": (0, True)}, 2).alt.startswith(
        "2 rows written: all are there after 0 ways out, not after 1. That one sounds no alarm.")


def with_pixels(shown, image):
    drawing = io.BytesIO()
    image.save(drawing, "PNG", pnginfo=software(image))
    return re.sub("base64,[^\"]+", "base64," + base64.b64encode(drawing.getvalue()).decode(), shown)


def software(image):
    from PIL.PngImagePlugin import PngInfo
    info = PngInfo()
    info.add_text("Software", image.info["Software"])
    return info


@pytest.mark.parametrize("small_thing", ["a digit", "a bar", "another size"])
def test_wrong_pixels_beside_a_right_digest_are_noticed(small_thing):
    shown = drawn("gauge")._repr_html_()
    image = Image.open(io.BytesIO((two_bars(53) if small_thing == "a digit" else drawn("gauge")).png))
    if small_thing == "a bar":
        ImageDraw.Draw(image).rectangle((520, 100, 1220, 172), fill=image.getpixel((560, 250)))
    if small_thing == "another size":
        image = image.crop((0, 0, 900, 200))
        image.info["Software"] = "another"
    assert "PNG" in picture_difference(with_pixels(shown, image), shown)


def test_a_missing_picture_another_alt_text_and_another_digest_are_noticed():
    shown = drawn("trips")._repr_html_()
    assert picture_difference("<p>no picture</p>", "<p>no picture</p>") is None
    assert picture_difference("<p>a table</p>", shown) == "The stored output has 0 pictures, the fresh one 1."
    assert picture_difference(shown + shown, shown) == "The stored output has 2 pictures, the fresh one 1."
    assert "has the digest 0000" in picture_difference(shown + re.sub("sha256:....", "sha256:0000", shown), shown + shown)
    assert "The stored picture says \"9 KiB" in picture_difference(shown.replace("8 KiB", "9 KiB"), shown)
    assert "has the digest 0000" in picture_difference(re.sub("sha256:....", "sha256:0000", shown), shown)


def test_another_font_renderer_is_allowed_for_but_not_another_picture():
    shown = drawn("gauge")._repr_html_()
    image = Image.open(io.BytesIO(two_bars(53).png))
    image.info["Software"] = "matplotlib of another day"
    assert picture_difference(with_pixels(shown, image), shown) is None
    ImageDraw.Draw(image).rectangle((520, 220, 1220, 300), fill=image.getpixel((5, 5)))
    assert "PNG is not the picture" in picture_difference(with_pixels(shown, image), shown)


def html_of(outputs):
    return "".join(output["data"].get("text/html", "") for output in outputs if "data" in output)


def has_pictures(cell):
    return "data:image" in html_of(cell.outputs)


def differences_of_pictures(path):
    """Run the notebook at ``path`` once; return how its stored pictures differ from those that are drawn now."""
    session, found = Session(), []
    for cell in code_cells(read_notebook(path)):
        fresh = html_of(session.run(cell.source))
        sentence = has_pictures(cell) and picture_difference(html_of(cell.outputs), fresh)
        if sentence:
            found.append(f"{cell.id}: {sentence}")
    return found


WITH_PICTURES = [path for path in notebook_paths() if any(has_pictures(cell) for cell in code_cells(read_notebook(path)))]


@pytest.mark.parametrize("path", WITH_PICTURES, ids=lambda path: path.stem)
def test_stored_pictures_have_the_form_that_others_show(path):
    for cell in code_cells(read_notebook(path)):
        if has_pictures(cell):
            shown = html_of(cell.outputs)
            assert len(HTML_FORM.findall(shown)) == shown.count("data:image"), f"{cell.id}: refresh {path.name}"
            assert all(len(base64.b64decode(data)) < LARGEST for data in re.findall('base64,([^"]+)"', shown))


@pytest.mark.child(runs=differences_of_pictures)
@pytest.mark.parametrize("path", WITH_PICTURES, ids=lambda path: path.stem)
def test_stored_pixels_show_what_is_drawn_now(child, path):
    differences, _ = child
    assert not differences, "\n".join(differences)
