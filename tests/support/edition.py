"""Which notebooks are of the second edition already. Rules that the first edition could not keep hold for these alone."""
import re

# The numbers of the rewritten notebooks; it goes when all are.
SECOND_EDITION = {"00", "01", "01b", "02", "02b", "03", "04", "05", "06", "07", "08", "09", "10",
                  "10a", "10b", "10c", "10d", "10e", "10f", "10g", "10h", "10i"}


def number_of(name):
    """Return the number of the notebook with this file ``name``: 00, 01b, 10a."""
    return re.match(r"\d\d[a-z]?", name)[0]


def is_second_edition(name):
    return number_of(name) in SECOND_EDITION


# Where the minutes of the second edition are told already: "title", "README", "guide". It goes when all are.
MINUTES_TOLD_IN = {"title", "README", "guide"}
