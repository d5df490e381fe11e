"""Print many lines; end quietly when nobody reads any more, and loudly when the disk is full."""
import errno
import os
import sys

try:
    for number in range(100_000):
        print(number)
    sys.stdout.flush()
except OSError as error:
    if error.errno not in (errno.EPIPE, errno.EINVAL):  # Windows says EINVAL
        raise
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)
