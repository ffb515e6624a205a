"""Logs that several tests read."""

SEED = """\
* TODO [201] ABC in XYZ model [0%]   :@work:exp:
  :PROPERTIES:
  :ID:       201
  :END:
  [2018-06-06 Wed 16:16]

- Test if adding ABC to XYZ improves results.

** Notes

** TODO Experiments [1/2]
1. [X] Test XYZ without ABC (83d45cd)
2. [ ] Test XYZ with ABC

** TODO Conclusions
"""

# Two experiments whose steps read alike.
ALIKE = """\
* TODO [1] A :exp:
:PROPERTIES:
:ID: 1
:END:
[2018-06-06 Wed 16:00]
** TODO Experiments [0/2]
1. [ ] one
2. [ ] two
* TODO [2] B :exp:
:PROPERTIES:
:ID: 2
:END:
** TODO Experiments [0/2]
1. [ ] one
2. [ ] two
"""

# One of each kind of thing that people write into a log.
RICH = """\
#+TITLE: A log
#+TODO: TODO(t) DOING(o!) HOLD(h@/!) | DONE(d) DROPPED(c@)
#+STARTUP: logdone
#+FILETAGS: :lab:

Some words before the first heading.

* DOING [#A] [7] Deep supervision [33%]                    :exp:vision:
SCHEDULED: <2026-06-10 Wed>
:PROPERTIES:
:ID:       7
:loss:     0.25
:END:
:LOGBOOK:
- State "DOING"      from "TODO"       [2026-06-01 Mon 09:00]
- Note taken on [2026-06-02 Tue 10:00] \\\\
  The loader shuffles twice.
:END:
[2026-05-30 Sat 12:00]
- Losses on inner layers speed up the first epochs.
- [2026-06-03 Wed 08:30] (0123abc) See [[id:8]] and [e8.1].
** Notes
A paragraph, then a table:
| run | acc |
|-----+-----|
| 1   | 0.5 |

- [2026-06-04 Thu 11:11] a timed note
  over two lines
#+begin_src sh
- [ ] no box
,* no heading
#+end_src
** DOING Experiments [1/3] [33%]
1. [X] baseline (0123abc, 89abcde)
   - [2026-06-05 Fri 10:00] (0123abc) val 0.81
   continued text
2. [-] inner losses [1/2]
   - [X] first layer
   - [ ] second layer
3. [ ] both
** TODO Conclusions
* TODO Another one  :exp:
:PROPERTIES:
:CUSTOM_ID: 8
:END:
[2026-06-06 Sat]
Its first paragraph describes it.
*** TODO Steps
4. [@4] [ ] starts at four
5. [ ] goes on
"""
