"""The editor for the demo's `git rebase --interactive`: squashes one commit and rewords another."""

import re
import sys
from pathlib import Path

file = Path(sys.argv[1])
text = file.read_text()
if file.name == "git-rebase-todo":
    # The results of one step go into the commit with its settings; the settings of another get a better message.
    text = re.sub(r"^pick( \w+ \[e2\.1\] Results)", r"fixup\1", text, count=1, flags=re.MULTILINE)
    text = re.sub(r"^pick( \w+ \[e1\.1\] (?!Results))", r"reword\1", text, count=1, flags=re.MULTILINE)
else:
    subject, end, rest = text.partition("\n")
    text = f"{subject}, to begin with{end}{rest}"
file.write_text(text)
