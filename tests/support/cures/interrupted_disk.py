"""A disk at which Ctrl+C arrives during the first trip, on every system and with no signal."""
import csv
import io


class Disk(io.RawIOBase):
    """A disk. Ctrl+C arrives once, while the first bytes are on their way."""
    content = b""
    interrupted = False

    def writable(self):
        return True

    def write(self, data):
        if not self.interrupted:
            self.interrupted = True
            raise KeyboardInterrupt  # what Python does when the signal comes now
        self.content += bytes(data)
        return len(data)


def record(flush_each_row):
    """Write rows until Ctrl+C; return how many, and how many are on the disk."""
    disk, written = Disk(), 0
    layers = io.BufferedWriter(disk, 8192)
    try:
        with io.TextIOWrapper(layers, encoding="utf-8", newline="") as export:
            writer = csv.writer(export)
            while True:
                writer.writerow([f"{written:06d}", "Bananas"])
                if flush_each_row:
                    export.flush()
                written += 1
    except KeyboardInterrupt:
        return written, disk.content.count(b"\n")
