"""The stock program: it writes its rows to whatever it is given as output."""
import sys

sys.stdout.buffer.write(b"Bolt,0.25\r\nNut,0.10\r\n")
