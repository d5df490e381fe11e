"""Do the stored pixels of a picture show the drawing whose digest stands beside them?

nbval compares the alt text and the digest of the drawing and leaves out the pixels, which depend on the version of
matplotlib. So a wrong PNG beside a right digest is looked for here, with a tolerance: small when both were drawn by the
same matplotlib (the PNG names it), large enough for another font renderer when not. Pictures are compared in squares, about
one letter each, by their mean brightness from 0 to 255.
"""
import base64
import html
import io
import re

SAME_RENDERER = 12, 6  # pixels of a square, and the tolerance: a digit in place of another makes 26 and more
OTHER_RENDERER = 24, 80  # matplotlib 3.10 and 3.11 differ by up to 51; a bar that is missing makes 100 and more
PICTURE = re.compile(r'<!-- drawing sha256:([0-9a-f]{64}) -->\s*<figure[^>]*><img [^>]*alt="([^"]*)" '
                     r'src="data:image/png;base64,([A-Za-z0-9+/=]+)"></figure>')


def picture_difference(stored_html, fresh_html):
    """Return None when two outputs show the same pictures, or one sentence about the first thing that differs.

    Parameters: the text/html of a stored output and that of the same cell, run now. Both may be without a picture.
    """
    stored, fresh = PICTURE.findall(stored_html), PICTURE.findall(fresh_html)
    if len(stored) != len(fresh):
        return f"The stored output has {len(stored)} pictures, the fresh one {len(fresh)}."
    return next(filter(None, map(_difference, stored, fresh)), None)


def _difference(stored, fresh):
    (digest, alt, pixels), (digest_now, alt_now, pixels_now) = stored, fresh
    if alt != alt_now:
        return f"The stored picture says {html.unescape(alt)!r}, the fresh one {html.unescape(alt_now)!r}."
    if digest != digest_now:
        return f"The stored drawing has the digest {digest}, the fresh one {digest_now}."
    return _pixel_difference(_image(pixels), _image(pixels_now))


def _image(data):
    from PIL import Image
    return Image.open(io.BytesIO(base64.b64decode(data)))


def _pixel_difference(stored, fresh):
    if stored.size != fresh.size:
        return f"The stored PNG has {stored.size} pixels, the fresh one {fresh.size}."
    same = stored.info.get("Software") == fresh.info.get("Software")
    side, tolerance = SAME_RENDERER if same else OTHER_RENDERER
    across = -(-stored.width // side)
    for place, (before, now) in enumerate(zip(_brightness(stored, side), _brightness(fresh, side), strict=True)):
        if abs(before - now) > tolerance:
            return (f"The stored PNG is not the picture that its digest names: at ({place % across * side}, "
                    f"{place // across * side}) its brightness is {before}, that of the fresh one {now}.")
    return None


def _brightness(image, side):
    """Return the mean brightness of each square of ``image``, ``side`` pixels wide, line by line from the top left."""
    from PIL import Image
    squares = -(-image.width // side), -(-image.height // side)
    padded = Image.new("L", (squares[0] * side, squares[1] * side), 255)
    padded.paste(image.convert("RGB").convert("L"))
    return padded.resize(squares, Image.Resampling.BOX).tobytes()
