"""All pages in a real browser: on a phone, in the dark, with the keyboard, in other scripts."""

import re

import pytest

from lab import NAME, orglab

LOG = """\
#+TITLE: A study

* INPROGRESS [1] Dropout of 0.2 helps [1/2] :exp:nlp:
:PROPERTIES:
:ID: 1
:CREATED: [2026-11-02 Mon 10:00]
:END:
Because [[id:e2][the baseline]] overfits.
| rate | accuracy |
|------+----------|
| 0.1  | 0.91     |
#+begin_src python
print("a long line of code that does not fit on the screen of a phone at all, however one turns it", 1, 2, 3)
#+end_src
** Experiments [1/2]
- [X] Train with 0.1
- [ ] Train with 0.2
** Notes
- Note taken on [2026-11-03 Tue 11:00] \\\\
  The loss falls.
* DONE [2] أثر معدل التعلم e1 على الدقة :exp:
:PROPERTIES:
:ID: 2
:VERDICT: supported
:END:
** Conclusions
نعم، 0.93 مقابل 0.91.
* TODO [3] 学习率对准确率的影响一个很长很长很长很长很长很长很长很长很长很长很长很长很长很长很长很长很长很长的标题 :exp:
:PROPERTIES:
:ID: 3
:END:
* TODO [4] a_very_long_name_without_any_space_in_it_that_no_phone_has_room_for_a_very_long_name_without_any_space :exp:
:PROPERTIES:
:ID: 4
:END:
"""
PAGES = ("", "experiment-e1", "experiment-e2", "experiment-e3", "experiment-e4", "?kind=done", "?match=((", "runs", "new", "tried", "journal", "report", "search?q=dropout",
         "history-e1", "no-such-page")  # fmt: skip


TRAIN = "for step in range(9): print(f'metric loss={1 / (step + 1)} step={step}')"


@pytest.fixture
def server(repo, serve):
    repo.commit("[e1.1] Train", {NAME: LOG})
    for rate in ("0.1", "0.2"):
        command = ("python3", "-c", TRAIN, f"--rate={rate}")
        done = orglab("run", "1.1", "--stdout-metrics", "--", *command, cwd=repo.path)
        assert done.code == 0, done
    return serve(repo.path)


def find_run(server):
    """Return the page of a run."""
    return re.search(r'href="(run-[^"]+)"', server.ask("/experiment-e1").text)[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_either_scheme(server, browser, scheme):
    browser.set_scheme(scheme)
    for path in (*PAGES, find_run(server)):
        browser.open(server, path)
        assert browser.find_violations() == [], path
    browser.take_errors()  # that there is no such page


def test_no_page_is_wider_than_a_phone(server, browser):
    browser.set_size(390, 844, is_phone=True)
    for path in (*PAGES, find_run(server)):
        browser.open(server, path)
        assert browser.count_pixels_too_wide() == 0, path
    browser.take_errors()  # that there is no such page
