"""Make Python write each line at once and whole, also where its output is a pipe.

`orglab run` puts this folder on PYTHONPATH, so that every Python of the command runs this module when it starts.  It
takes the folder off the search path again and imports the `sitecustomize` that it hides.  Any Python can read it.
"""

import os
import sys

for _stream in (sys.stdout, sys.stderr):
    try:
        # With -u or PYTHONUNBUFFERED it is the user's wish that nothing is buffered.
        if not _stream.write_through:  # type: ignore[union-attr]  # checked below
            _stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # checked below
    except (AttributeError, ValueError):  # a closed or special stream, or a Python before 3.7
        pass

_folder = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [path for path in sys.path if path != _folder]
_own = sys.modules.pop(__name__)
try:
    import sitecustomize  # type: ignore[import-not-found]  # noqa: F401 - that of the environment, if it has one
except ImportError:
    if getattr(sys.exc_info()[1], "name", None) != __name__:
        raise
finally:
    # The import of this module fails if its name is missing then.
    sys.modules.setdefault(__name__, _own)
