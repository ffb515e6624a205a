"""Notebooks that were not written for orglab, made up after those that people keep."""

# Machine learning: numbers in several spellings, a number twice, words that are none.
TRAINING = """\
#+TITLE: Notes on the ranking model
#+TODO: TODO RUNNING | DONE FAILED

* Ideas
** Run 5 seeds instead of 3
* Experiments
** DONE exp3
Hypothesis: dropout helps.
- [X] baseline
- [X] p=0.1 [1/2]
  - [X] seed 1
  - [ ] seed 2
- [ ] p=0.5

Result: 0.91, two points more.
** Exp. 7: Warmup                                                 :optimizer:
<2021-05-03 Mon>
- Started from exp3.
Tried 1000 and 4000 steps.
Conclusion: 1000 steps are enough.
** FAILED E12: label smoothing (2021-05-09)
*** Steps
1. eps 0.1
2. eps 0.2
*** Findings
No difference.
** #12
The same number as E12.
** RUNNING Run 5
:PROPERTIES:
:ID:       6ba7b810-9dad-11d1-80b4-00c04fd430c8
:END:
** Trial 7
** Experiment 31: template matching
** [32] An id in brackets
*** Run 1
*** Run 2
* Talks
** 2021-06-01 Exp 3 at the group seminar
"""

# A wet lab in German.
LABORATORY = """\
#+TITLE: Laborbuch
#+LANGUAGE: de

* Anleitung: Versuch 0 aufsetzen
1. [ ] Puffer ansetzen
2. [ ] Protokoll drucken
* Gruppentreffen
** 2021-04-01 Versuch 1 gezeigt
* Versuche
** Versuch 1: Puffer
3.5.2021

Ziel: höhere Ausbeute.
*** Durchführung
1. Lösung ansetzen
2. Zentrifugieren
*** Ergebnis
Ausbeute 40 %.
** ERLEDIGT Versuch 2 (4.5.2021): Salz
- [X] 100 mM
- [ ] 200 mM
Ergebnis: mehr Salz, weniger Ausbeute.
** Versuch Nr. 03
Datum: 7. Mai 2021
Fazit: Wiederholen.
** Versuch 3a
"""

# Physics in French, with a date tree.
PHYSICS = """\
#+TITLE: Cahier de manips
* 2021
** 2021-05 mai
*** 2021-05-03 lundi
**** Expérience 2 : pendule
Hypothèse : la période ne dépend pas de l'amplitude.
***** Étapes
- mesurer T
- changer l'amplitude
***** Conclusion : vrai sous 10°
**** Réunion avec Paul
*** 2021-05-04 mardi
**** Expérience n° 3
**** Réglage du laser
Résultat : aligné.
**** Commande de lentilles
** 12 juin 2021
*** Manip 4
"""

# A readme with sections that tell how to do something.
README = """\
#+TITLE: ranker

A model that ranks.

* Installation
1. [ ] clone
2. [ ] pip install .
* Usage
** Running experiment 1
1. [ ] start the server
** Experiment files
* Experiments
** exp1: baseline
Result: 0.80
** exp2: more data
* How to add an experiment
** Step 1
- [ ] copy the template
* Template for an experiment
** exp0: TITLE
* Issues
** #12 The parser fails
** #13 Slow
* License
"""

# Talks and meetings alone.
TALKS = """\
* Talks
** 2021-05-03 Run 5 of the LHC
** 2021-06-07 Experiments at scale
* Meetings
** #12
** Meeting 2021-06-08
- [ ] order pizza
* 2021-06-09 Seminar: Experiment 3
* Shopping
- [ ] milk
"""

# Titles with dates, subheadings for the parts.
DATED = """\
* How to use this log
** 2026-05-01 an entry
Hypothesis: an example.
* Template: copy this heading
** YYYY-MM-DD <hypothesis>
Hypothesis: <what and why>
* Entries
** 2026-05-12 Sigma sweep
Hypothesis: a lower noise floor is better.
#+begin_src python
run(sigma=0.1)
#+end_src
** 2026/05/13: Other data
- [ ] bimodal
- [ ] harmonic
** 2026-05-14 New keyboard
"""

NOTEBOOKS = {
    "training": TRAINING, "laboratory": LABORATORY, "physics": PHYSICS, "readme": README, "talks": TALKS,
    "dated": DATED,
}  # fmt: skip
