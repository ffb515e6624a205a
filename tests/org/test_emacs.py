"""Emacs agrees with what we write: it does not change any cookie, and org-lint finds nothing new.

All files are written first, and one Emacs looks at all of them.
"""

import json
import random
import re
import tarfile
from collections import Counter

import pytest

import orgtext
from once import make_once
from orglab.api import Log
from orglab.org.checkbox import DONE, OPEN, PARTIAL, set_checkboxes
from orglab.org.cookies import recount_cookies
from orglab.org.document import Document
from orglab.org.properties import delete_property, put_property, set_tags
from orglab.org.todo import read_logging, set_state

# In addition to those of orgtext; none has COOKIE_DATA, for the reason given there.
TEXTS = {
    **orgtext.FILES,
    "bare": "* TODO [1] A :exp:\n** TODO Experiments [/]\n1. [ ] x\n** TODO Conclusions\n",
    "indented": "* TODO [1] A [0%] :exp:\n  :PROPERTIES:\n  :ID: 1\n  :END:\n\n  - idea\n\n"
    "** TODO Experiments [0/1]\n   1. [ ] x [/]\n      - [ ] y\n      - [X] z\n\n** TODO Conclusions\n",
    "counter": "* TODO [1] A :exp:\n** Experiments [1/3]\n1. [@5] [X] x\n2. [ ] y [/]\n   + [-] z [%]\n"
    "     - [X] w\n     - [ ] v\n3. [ ] u\n",
    "notes": "#+STARTUP: lognotedone nologstatesreversed\n* TODO [1] A [%] :exp:\n** Notes\n- one\n\n"
    "** DONE Experiments\nCLOSED: [2020-01-01 Wed 10:00]\n- CLOSING NOTE [2020-01-01 Wed 10:00] \\\\\n  so\n1) [X] x\n",
    "local": "* TODO [1] A [0/1] :exp:\n:PROPERTIES:\n:LOGGING: DONE(!) TODO(@)\n:LOG_INTO_DRAWER: HISTORY\n:END:\n"
    "** TODO Experiments\n1. [ ] x\n",
    "planned": "* TODO [1] A :exp:\n  DEADLINE: <2026-07-01 Wed +1w> SCHEDULED: <2026-06-01 Mon>\n"
    "** DONE b [100%]\n   CLOSED: [2020-01-01 Wed 10:00] DEADLINE: <2020-01-02 Thu>\n   - [X] c\n",
    "blocks": "* TODO [1] A [1/2] :exp:\n#+begin_quote\n- [ ] in a quote [0/1]\n  - [ ] deeper\n#+end_quote\n"
    "#+begin_example\n- [ ] none [5/7]\n,* star\n#+end_example\n- [X] one\n| a [3/4] |\n",
    "latin": "* TODO [1] Größe 漢字 [/] :exp:größe:\n- [ ] Ärger [%]\n  - [x] klein\n  - [X] groß\n- [X] \xa0 NBSP\n",
}


def recounted(document):
    return document.apply(recount_cookies(document))


def changes(document):
    """Yield the name and the resulting document for each operation at each position of a document."""
    for number, (heading, section) in enumerate(orgtext.sections(document)):
        for element in section.walk():
            if element.type == "item" and element.item.checkbox:
                for box in (OPEN, PARTIAL, DONE):
                    edits = set_checkboxes(document, element.structure, [element.item], box, upper=True)
                    yield f"box-{element.begin}-{box[1:2].hex()}", document.apply(edits)
        if heading is None:
            continue
        asked = read_logging(heading)
        loggings = {
            "asked": None,
            "time": asked._replace(done="time"),
            "note": asked._replace(done="note", drawer="LOGBOOK"),
        }
        for state in (None, *document.settings.keywords):
            for way, logging in loggings.items():
                edits = set_state(heading, state, orgtext.NOW, note="why\nindeed", logging=logging)
                yield f"state-{number}-{state}-{way}", document.apply(edits)
        yield f"put-{number}", document.apply(put_property(heading, "LOSS", "0.5"))
        yield f"delete-{number}", document.apply(delete_property(heading, "ID"))
        yield f"tags-{number}", document.apply(set_tags(heading, ("new", "@a")))
        yield f"no-tags-{number}", document.apply(set_tags(heading, ()))


def add_journal_entry(log):
    log.add_journal_entry("A thought\nof two lines", log.experiments()[0].id)
    log.path.write_bytes((log.path.parent / log.config.journal).read_bytes())


def conclude_again(log, one):
    for words, verdict in (("It does.", "supported"), ("- It does not.", "refuted"), ("", "inconclusive")):
        log.conclude(one, words, verdict=verdict)


def sign(log, one):
    """Write notes, an entry and conclusions as an author, of which a person confirms the last."""
    log.author = "claude"
    log.add_note(one, "A note")
    log.add_note(one, "#+begin_src sh\nls\n#+end_src")
    log.conclude(one, "It does.", verdict="supported")
    log.conclude(one, "It does not.", verdict="refuted")
    log.author = None
    log.confirm(one)


COMMANDS = {
    "signed": sign,
    "new": lambda log, _: log.new("New one", description="Is it?", steps=["a", "b"], tags=["t"]),
    "step": lambda log, one: log.add_step(one, "another"),
    "note": lambda log, one: log.add_note(one, "A note\nof two lines"),
    "step-note": lambda log, one: log.add_note(f"{one}.{log.experiments()[0].steps[0].number}", "A note"),
    "done": lambda log, one: log.complete_step(
        f"{one}.{log.experiments()[0].steps[-1].number}", [], all_checkboxes=True
    ),
    "reopen": lambda log, one: log.reopen_step(f"{one}.{log.experiments()[0].steps[0].number}"),
    "conclude": lambda log, one: log.conclude(one, "It does.", verdict="supported"),
    "conclude-again": conclude_again,
    "state": lambda log, one: log.set_state(one, log.document().settings.done_names[-1], "why"),
    "journal": lambda log, _: add_journal_entry(log),
}


LOOK = """
(require 'org-lint) (require 'json)
(setq org-auto-align-tags nil org-inhibit-startup t)
(dolist (file (directory-files (car command-line-args-left) t "\\\\.org\\\\'"))
  (with-temp-buffer
    (let ((coding-system-for-read (if (string-match "windows" file) 'utf-8-dos 'utf-8-unix)))
      (insert-file-contents file))
    (setq default-directory (file-name-directory file))
    (org-mode)
    (let ((before (buffer-string))
          (lint (mapcar (lambda (report) (substring-no-properties (aref (cadr report) 2))) (org-lint))))
      (org-update-statistics-cookies t)
      (princ (json-encode (list (file-name-base file)
                                (if (string= before (buffer-string)) "" (buffer-string)) (vconcat lint))))
      (princ "\n"))))
(setq command-line-args-left nil)
"""


def write_all(folder, scratch):
    """Write the texts and the results of each operation, and return the names."""
    # The target of the links in journal entries.
    (folder / "log.org").write_text(orgtext.SEED)
    for name, text in TEXTS.items():
        base = recounted(Document(text.encode()))
        (folder / f"{name}.org").write_bytes(bytes(base))
        for change, after in changes(base):
            # In a file, an operation and its recount are written together.
            (folder / f"{name}--{change}.org").write_bytes(bytes(recounted(after)))
        for change, command in COMMANDS.items():
            path = scratch / f"{name}-{change}" / "log.org"
            path.parent.mkdir()
            path.write_bytes(bytes(base))
            log = Log(path)
            found = log.experiments()
            if not found and change != "new":
                continue
            if not (change in ("step-note", "done", "reopen") and not found[0].steps):
                command(log, found[0].id if found else None)
                (folder / f"{name}--log-{change}.org").write_bytes(path.read_bytes())


def look(emacs, folder):
    """Return the text after Emacs recounts each file (empty if unchanged), and the output of org-lint."""
    looked = [json.loads(line) for line in emacs(LOOK, folder).splitlines()]
    found = {name: (text, (folder / f"{name}.org").read_bytes().decode(), list(lint)) for name, text, lint in looked}
    assert len(found) == len(list(folder.iterdir()))
    return found


@pytest.fixture(scope="module")
def seen(emacs, tmp_path_factory):
    def make(folder):
        (folder / "files").mkdir()
        write_all(folder / "files", tmp_path_factory.mktemp("scratch"))
        (folder / "seen.json").write_text(json.dumps(look(emacs, folder / "files")))

    return json.loads((make_once(tmp_path_factory, "org", make) / "seen.json").read_text())


@pytest.mark.parametrize("text", TEXTS)
def test_emacs_counts_the_same(seen, text):
    changed = {name: made for name, made in seen.items() if name.partition("--")[0] == text and made[0]}
    assert {name: (ours, theirs) for name, (theirs, ours, _) in changed.items()} == {}


@pytest.mark.parametrize("text", TEXTS)
def test_org_lint_finds_nothing_new(seen, text):
    known = Counter(seen[text][2])
    assert len([name for name in seen if name.startswith(f"{text}--")]) > 10
    for name, (_, ours, lint) in seen.items():
        if name.startswith(f"{text}--"):
            assert Counter(lint) - known == Counter(), (name, ours)


def corpus_texts(archive):
    """Yield some twenty real files with boxes or keywords that are small enough for org-lint to be quick."""
    with tarfile.open(archive) as files:
        members = sorted((member for member in files if 400 < member.size < 9000), key=lambda member: member.name)
        texts = (files.extractfile(member).read() for member in members)
        # Org before 9.8 reads COOKIE_DATA only once; and this test is not about line endings.
        fit = [text for text in texts if not re.search(rb"COOKIE_DATA|\r|[^\x00-\x7f]", text)]
    wanted = [text for text in fit if re.search(rb"^[ \t]*[-+] \[[ X]\]|^\*+ (?:TODO|DONE) ", text, re.M)]
    yield from wanted[:: max(1, len(wanted) // 20)]


@pytest.mark.shared
def test_emacs_leaves_our_real_files_unchanged(emacs, shared, tmp_path):
    """After each operation, only the cookies of its entry and of those above are recounted, as a command does."""
    for number, raw in enumerate(corpus_texts(shared / "corpus" / "org-files.tar.gz")):
        base = recounted(Document(raw))
        (tmp_path / f"{number}.org").write_bytes(bytes(base))
        chance = random.Random(number)  # noqa: S311 - the same each time
        for operate in orgtext.OPERATIONS * 2:
            change = operate(base, chance.randrange)
            if change is None or not change.edits:
                continue
            after = base.apply(change.edits)
            heading = after.heading_at(min(edit.start for edit in change.edits))
            touched = [None] if heading is None else [heading, *heading.ancestors()]
            written = tmp_path / f"{number}--{change.name}-{len(list(tmp_path.iterdir()))}.org"
            written.write_bytes(bytes(after.apply(recount_cookies(after, touched))))
    found = look(emacs, tmp_path)
    assert len(found) > 100
    for name, (theirs, ours, lint) in found.items():
        assert theirs == "", (name, ours)
        assert Counter(lint) - Counter(found[name.partition("--")[0]][2]) == Counter(), (name, ours)
