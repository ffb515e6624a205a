"""The floor for a durable write: the same bytes to a new file, fsync, rename, fsync of the folder."""

import os
import sys

path = sys.argv[1]
with open(path, "rb") as file:
    data = file.read()
with open(f"{path}.new", "wb") as file:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())
os.replace(f"{path}.new", path)
folder = os.open(os.path.dirname(path), os.O_RDONLY)
os.fsync(folder)
