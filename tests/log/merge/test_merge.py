"""Two versions of a log made one: what each side did is there, and where they disagree it is said."""

import datetime
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.config import Config
from orglab.experiment.model import read_experiments
from orglab.log.merge import merge
from orglab.log.merge.lost_entries import find_lost_entries
from orglab.log.merge.node import read_node, read_nodes
from orglab.org.cookies import recount_cookies
from orglab.org.document import Document

NOW = datetime.datetime(2018, 6, 8, 12, 0)  # noqa: DTZ001 - the log holds local times

BASE = """\
#+TITLE: Experiment log

* TODO [201] ABC in XYZ model [0%]   :@work:exp:
  :PROPERTIES:
  :ID:       201
  :END:
  [2018-06-06 Wed 16:16]

- Test if adding ABC to XYZ improves results.

** Notes
- [2018-06-06 Wed 16:20] (83d45cd) first note

** TODO Experiments [0/2]
1. [ ] Test XYZ without ABC
2. [ ] Test XYZ with ABC

** TODO Conclusions

* TODO [202] Another   :@work:exp:
  :PROPERTIES:
  :ID:       202
  :END:
  [2018-06-07 Thu 10:00]

** TODO Experiments [0/1]
1. [ ] only step
"""


def merged(ours, theirs, base=BASE):
    """The text of a merge without conflicts, and what is said of it."""
    done = merge(*(text.encode() for text in (base, ours, theirs)), Config(), NOW)
    assert done.conflicts == 0, done.data.decode()
    return done.data.decode(), done.notes


def changed(*changes, text=BASE):
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


TICK_1 = (
    ("1. [ ] Test XYZ without ABC", "1. [X] Test XYZ without ABC (aaaaaaa)"),
    ("Experiments [0/2]", "Experiments [1/2]"),
)
TICK_2 = (
    ("2. [ ] Test XYZ with ABC", "2. [X] Test XYZ with ABC (bbbbbbb)"),
    ("Experiments [0/2]", "Experiments [1/2]"),
)


def test_both_sides_tick_a_step():
    text, notes = merged(changed(*TICK_1), changed(*TICK_2))
    assert "1. [X] Test XYZ without ABC (aaaaaaa)\n2. [X] Test XYZ with ABC (bbbbbbb)\n" in text
    # The last open step is done, so the heading is; the experiment's own cookie follows.
    assert "** DONE Experiments [2/2]\n" in text
    assert "* TODO [201] ABC in XYZ model [50%]   :@work:exp:\n" in text
    assert notes == []


def test_the_same_step_with_two_commits_has_both():
    text, _ = merged(changed(*TICK_1), changed(TICK_1[1], (TICK_1[0][0], "1. [X] Test XYZ without ABC (ccccccc)")))
    assert "1. [X] Test XYZ without ABC (aaaaaaa, ccccccc)\n" in text
    assert "** TODO Experiments [1/2]\n" in text


def test_a_current_hash_that_one_side_added():
    base = changed(*TICK_1)
    living = base.replace("(aaaaaaa)", "(aaaaaaa -> ddddddd)")
    more = base.replace("(aaaaaaa)", "(aaaaaaa, ccccccc)")
    text, _ = merged(living, more, base)
    assert "1. [X] Test XYZ without ABC (aaaaaaa -> ddddddd, ccccccc)\n" in text


def test_both_sides_add_a_note():
    first = "- [2018-06-06 Wed 16:20] (83d45cd) first note\n"
    text, _ = merged(changed((first, first + "- ours\n  two lines\n")), changed((first, first + "- theirs\n")))
    assert f"** Notes\n{first}- ours\n  two lines\n- theirs\n\n** TODO" in text


def test_both_sides_add_a_note_to_the_same_step():
    text, _ = merged(
        changed(("without ABC\n", "without ABC\n   - [2018-06-07 Thu 10:00] ours\n")),
        changed(("without ABC\n", "without ABC\n   - [2018-06-07 Thu 11:00] theirs\n")),
    )
    assert "without ABC\n   - [2018-06-07 Thu 10:00] ours\n   - [2018-06-07 Thu 11:00] theirs\n2. [ ]" in text


RAN = "\n   - [2018-06-06 Wed {}]{} ran true, exit 0, 0s{}\n     run 20180606-161600-3f2a1b"
STEP = "1. [ ] Test XYZ without ABC"


def with_run(at="16:21", commit=" (83d45cd)", more=""):
    return changed((STEP, STEP + RAN.format(at, commit, more)))


@pytest.mark.parametrize(
    ("other", "kept"),
    [
        (with_run("23:21"), with_run("23:21")),
        (with_run("16:21", ""), with_run()),
        (with_run("23:21", more=": acc 0.9"), with_run("23:21", more=": acc 0.9")),
        (with_run(more="\n     to see if it runs"), with_run(more="\n     to see if it runs")),
        (with_run(more="\n     run 20180606-161600-ffff"), with_run(more="\n     run 20180606-161600-ffff")),
    ],
)
def test_a_run_added_by_both_sides_has_one_note_the_fuller_one(other, kept):
    assert merged(with_run(), other) == merged(other, with_run()) == (kept, [])


def test_different_words_on_a_run_added_by_both_sides_are_a_conflict():
    done = merge(BASE.encode(), with_run(more=", fine").encode(), with_run(more=", odd").encode(), Config(), NOW)
    assert done.conflicts == 1


def test_a_note_on_a_run_reworded_by_one_side_has_the_new_words():
    reworded = with_run(more=", fine").replace("[X]", "[ ]")
    added = changed(("     run 2018", "     odd\n     run 2018"), text=with_run())
    for ours, theirs in ((reworded, added), (added, reworded)):
        text, _ = merged(ours, theirs, with_run())
        assert "0s, fine\n     odd\n     run 2018" in text


def test_a_run_added_by_both_sides_is_not_lost():
    ours, theirs = with_run(more=": acc 0.9").encode(), with_run("23:21").encode()
    assert [*find_lost_entries(BASE.encode(), (ours, theirs), ours, ours)] == []
    assert [line for _, line in find_lost_entries(BASE.encode(), (ours, theirs), BASE.encode(), BASE.encode())] != []


def test_notes_that_differ_in_parentheses_are_two():
    ours, theirs = (changed(("first note", "first note\n- [2018-06-08 Fri 09:00] (" + said + ") seen"))
                    for said in ("by hand", "by eye"))  # fmt: skip
    assert [
        line for _, line in find_lost_entries(BASE.encode(), (ours.encode(), theirs.encode()), ours.encode(), b"")
    ] == [b"- [2018-06-08 Fri 09:00] (by eye) seen"]


def test_the_first_notes_of_both_sides_share_a_heading():
    base = changed(("** Notes\n- [2018-06-06 Wed 16:20] (83d45cd) first note\n\n", ""))
    ours, theirs = (
        changed(("** TODO Experiments [0/2]", f"** Notes\n- {side}\n\n** TODO Experiments [0/2]"), text=base)
        for side in ("o", "t")
    )
    text, _ = merged(ours, theirs, base)
    assert "** Notes\n- o\n- t\n\n** TODO Experiments [0/2]" in text


NEW = """
* TODO [{id}] {title}   :@work:exp:
  :PROPERTIES:
  :ID:       {id}
  :END:
  [2018-06-07 Thu 12:00]

** TODO Experiments [0/1]
1. [ ] a step
"""


def test_both_sides_add_an_experiment():
    ours, theirs = BASE + NEW.format(id=203, title="Ours"), BASE + NEW.format(id=204, title="Theirs")
    assert merged(ours, theirs) == (ours + NEW.format(id=204, title="Theirs"), [])


def test_two_experiments_with_one_number_are_both_kept_and_reported():
    ours, theirs = BASE + NEW.format(id=203, title="Ours"), BASE + NEW.format(id=203, title="Theirs")
    text, notes = merged(ours, theirs)
    assert text == ours + NEW.format(id=203, title="Theirs")
    assert len(notes) == 1
    assert "Two experiments have the id 203 (lines 29 and 38)" in notes[0]


def test_the_same_experiment_on_both_branches_is_one():
    both = BASE + NEW.format(id=203, title="Picked")
    text, notes = merged(both.replace("a step", "a step\n2. [ ] ours"), both)
    assert (text, notes) == (
        both.replace("a step", "a step\n2. [ ] ours").replace("[0/1]\n1. [ ] a", "[0/2]\n1. [ ] a"),
        [],
    )


def test_the_same_experiment_on_both_branches_is_one_although_it_went_on_on_one_of_them():
    begun = BASE + NEW.format(id=203, title="Picked [0%]")
    ended = begun.replace("TODO [203] Picked [0%]", "DONE [203] Picked [100%]")
    state = '  :LOGBOOK:\n  - State "DONE" from "TODO"       [2018-06-08 Fri 09:00]\n  :END:\n'
    ended = ended.replace("203\n  :END:\n", f"203\n  :END:\n{state}")
    ended = ended.replace("TODO Experiments [0/1]\n1. [ ] a step", "DONE Experiments [1/1]\n1. [X] a step (83d45cd)")
    assert merged(ended, begun) == (ended, [])
    assert merged(begun, ended) == (ended, [])


def test_a_run_that_both_sides_noted_at_different_steps_is_noted_once():
    run = "   - [2018-06-08 Fri 09:00] ran true, exit 0\n     run 20180608-090000-abcd12\n"
    step = "1. [ ] Test XYZ without ABC\n"
    ours = changed((step, step + run))
    theirs = changed(("1. [ ] only step\n", "1. [ ] only step\n" + run))
    assert merged(ours, theirs) == (ours, [])
    assert merged(theirs, ours) == (theirs, [])
    other = BASE + NEW.format(id=203, title="Theirs") + run
    assert merged(ours, other) == (ours + NEW.format(id=203, title="Theirs"), [])


RENUMBERED = (
    ("* TODO [201] ABC", "* TODO [207] ABC"),
    ("  :ID:       201\n", "  :ID:       207\n  :ALIASES:  201\n"),
)


def test_what_was_added_to_an_experiment_follows_it_to_its_new_id():
    note = ("first note\n", "first note\n- [2018-06-08 Fri 09:00] second note\n")
    ours, theirs = changed(*RENUMBERED), changed(note)
    both = changed(*RENUMBERED, note)
    assert merged(ours, theirs) == (both, [])
    assert merged(theirs, ours) == (both, [])
    for sides in ((ours, theirs), (theirs, ours)):  # which were both added, as by a cherry-pick
        assert merged(*sides, base="")[0].split() == both.split()


def test_what_was_added_to_an_experiment_does_not_go_to_the_one_that_kept_its_id():
    other = NEW.format(id=201, title="Theirs")
    note = ("first note\n", "first note\n- [2018-06-08 Fri 09:00] second note\n")
    ours = changed(*RENUMBERED) + other
    both = changed(*RENUMBERED, note) + other
    assert merged(ours, changed(note))[0] == both
    assert merged(changed(note), ours)[0] == both


def test_a_state_goes_on_although_the_other_side_only_renumbered_the_experiment():
    done = changed(("* TODO [201]", "* DONE [201]"), ("201\n  :END:", "201\n  :CLAIM:    acc > +1\n  :END:"))
    for sides in ((changed(*RENUMBERED), done), (done, changed(*RENUMBERED))):
        text, _ = merged(*sides, base="")
        assert "* DONE [207] ABC" in text
        assert ":CLAIM:    acc > +1" in text
        assert ":ALIASES:  201" in text


def test_two_experiments_whose_new_ids_are_crossed_get_one_each():
    base = BASE
    ours = changed(
        *RENUMBERED, ("* TODO [202]", "* TODO [208]"), (":ID:       202\n", ":ID:       208\n  :ALIASES:  202\n")
    )
    theirs = ours.replace("207", "?").replace("208", "207").replace("?", "208")
    for sides in ((ours, theirs), (theirs, ours)):
        text, notes = merged(*sides, base)
        assert notes == []
        assert ("[207] ABC" in text, "[208] Another" in text) == (True, True)


def test_conclusions_of_both_sides_stay_apart_whichever_is_the_older():
    head = BASE.replace("** TODO Conclusions\n\n", "** TODO Conclusions\n")
    sides = [
        head.replace("Conclusions\n", f"Conclusions\n[2018-06-{day} 10:00] {verdict}\nwords of {verdict}\n", 1)
        for day, verdict in (("11 Mon", "supported"), ("12 Tue", "refuted"))
    ]
    for ours, theirs in (sides, sides[::-1]):
        text, _ = merged(ours, theirs, head)
        assert "words of supported\n\n[2018-06-12 Tue 10:00] refuted\nwords of refuted\n" in text


def test_words_below_the_note_of_a_run_are_not_lost():
    run = "   - [2018-06-08 Fri 09:00] ran true, exit 0\n     run 20180608-090000-abcd12\n"
    ours = changed(("1. [ ] Test XYZ without ABC\n", "1. [ ] Test XYZ without ABC\n" + run))
    theirs = changed(("1. [ ] only step\n", "1. [ ] only step\n" + run + "     - what I saw\n"))
    for one, other in ((ours, theirs), (theirs, ours)):
        assert "what I saw" in merged(one, other)[0]


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_experiments_with_one_id_each_keeps_its_own_changes(order):
    at = BASE.index("* TODO [202]")
    head, first, second = BASE[: BASE.index("* TODO")], BASE[BASE.index("* TODO") : at], BASE[at:].replace("202", "201")
    note = ("first note\n", "first note\n- [2018-06-08 Fri 09:00] second note\n")
    tick = ("[0/1]\n1. [ ] only step", "[1/1]\n1. [X] only step (83d45cd)")

    def build(*changes, is_renumbered):
        one = changed(*(RENUMBERED if is_renumbered else ()), text=first)
        whole = head + "".join([one, second + "\n"][::order])
        return changed(*changes, text=whole)

    base = build(is_renumbered=False)
    text, _ = merged(build(is_renumbered=True), build(note, tick, is_renumbered=False), base)
    assert text.replace("DONE", "TODO").replace("[100%]", "[0%]") == build(note, tick, is_renumbered=True)


def test_an_experiment_that_both_sides_renumbered_gets_one_of_the_two_ids():
    note = ("first note\n", "first note\n- [2018-06-08 Fri 09:00] second note\n")
    ours = changed(*RENUMBERED)
    theirs = changed(*((old, new.replace("207", "208")) for old, new in RENUMBERED), note)
    both = changed((":ALIASES:  201\n", ":ALIASES:  201 208\n"), note, text=ours)
    assert merged(ours, theirs) == (both, [])
    assert merged(theirs, ours) == (both, [])
    # 207 is another experiment there.
    text, notes = merged(ours, theirs + NEW.format(id=207, title="Theirs"))
    assert "[208] ABC" in text
    assert ":ALIASES:  201 207\n" in text
    assert "[207] Theirs" in text
    assert notes == []


@pytest.mark.parametrize("name", ["ALIASES", "SHARED"])
def test_former_ids_of_both_sides_are_kept(name):
    ours, theirs = (
        changed(("  :ID:       201\n", f"  :ID:       201\n  :{name}:   {words}\n"))
        for words in ("7: 83d45cd 0a1b2c3 8: 1111111", "7: 83d45cd 2222222")
    )
    assert f"  :{name}:   7: 83d45cd 0a1b2c3 2222222 8: 1111111\n" in merged(ours, theirs)[0]


def test_steps_added_by_both_sides_get_different_numbers():
    ours = changed(("2. [ ] Test XYZ with ABC\n", "2. [ ] Test XYZ with ABC\n3. [ ] Ours\n"), ("[0/2]", "[0/3]"))
    theirs = changed(
        ("2. [ ] Test XYZ with ABC\n", "2. [ ] Test XYZ with ABC\n3. [ ] Theirs\n4. [ ] More\n"), ("[0/2]", "[0/4]")
    )
    text, notes = merged(ours, theirs)
    assert (
        "** TODO Experiments [0/5]\n1. [ ] Test XYZ without ABC\n2. [ ] Test XYZ with ABC\n3. [ ] Ours\n4. [ ] Theirs\n5. [ ] More\n"
        in text
    )
    assert len(notes) == 2
    assert "'Theirs', from the merged branch, is now item 4" in notes[0]


def test_states_tags_properties_and_titles_changed_by_both():
    text, _ = merged(
        changed(
            (
                "* TODO [201] ABC in XYZ model [0%]   :@work:exp:",
                "* INPROGRESS [201] ABC in XYZ model [0%]   :@work:exp:nlp:",
            )
        ),
        changed(
            (
                "* TODO [201] ABC in XYZ model [0%]   :@work:exp:",
                "* DONE [#A] [201] ABC in the XYZ model [0%]   :@work:exp:vision:",
            ),
            ("  :ID:       201\n", "  :ID:       201\n  :GPU:  2\n"),
        ),
    )
    assert "* DONE [#A] [201] ABC in the XYZ model [0%]   :@work:exp:nlp:vision:\n" in text
    assert "  :ID:       201\n  :GPU:  2\n" in text


def test_one_side_rewords_and_the_other_ticks_a_step():
    text, _ = merged(changed(("1. [ ] Test XYZ without ABC", "1. [ ] Test XYZ without any ABC")), changed(*TICK_1))
    assert "1. [X] Test XYZ without any ABC (aaaaaaa)\n" in text


def concluded(verdict, *entries):
    """The log with these conclusions."""
    drawer = f":PROPERTIES:\n:VERDICT:  {verdict}\n:END:\n"
    return changed(
        ("model [0%]", "model [50%]"), ("** TODO Conclusions\n", f"** DONE Conclusions\n{drawer}" + "\n".join(entries))
    )


def signed(author, confirmed, *entries):
    """The log with these conclusions, of which that of the newest has these properties."""
    lines = f":AUTHOR:   {author}\n" * bool(author) + f":CONFIRMED: {confirmed}\n" * bool(confirmed)
    return concluded("refuted", *entries).replace("refuted\n:END:", f"refuted\n{lines}:END:")


OF_CLAUDE = "[2018-06-20 Wed 10:00] refuted (by: claude):\nNo.\n"
OF_GPT = "[2018-06-21 Thu 10:00] refuted (by: gpt-5):\nStill no.\n"
OF_ADA = "[2018-06-22 Fri 10:00] refuted:\nNo, I looked.\n"
LATE = "[2018-06-30 Sat 10:00]"


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize(
    ("base", "ours", "theirs", "both"),
    [
        (signed("claude", None, OF_CLAUDE), signed("gpt-5", None, OF_CLAUDE, OF_GPT), signed(None, None, OF_CLAUDE, OF_ADA),
         signed(None, None, OF_CLAUDE, OF_GPT, OF_ADA)),
        # What was confirmed is not the newest conclusion, though that was read before.
        (signed("claude", None, OF_CLAUDE), signed("gpt-5", None, OF_CLAUDE, OF_GPT), signed("claude", LATE, OF_CLAUDE),
         signed("gpt-5", None, OF_CLAUDE, OF_GPT)),
        (signed("claude", LATE, OF_CLAUDE), signed("gpt-5", None, OF_CLAUDE, OF_GPT), signed(None, None, OF_CLAUDE, OF_ADA),
         signed(None, None, OF_CLAUDE, OF_GPT, OF_ADA)),
        (signed("claude", None, OF_CLAUDE), signed("claude", LATE, OF_CLAUDE),
         signed("claude", None, OF_CLAUDE).replace("ABC in", "ABD in"),
         signed("claude", LATE, OF_CLAUDE).replace("ABC in", "ABD in")),
        (BASE, signed("claude", LATE, OF_CLAUDE), signed("gpt-5", None, OF_GPT), signed("gpt-5", None, OF_CLAUDE, OF_GPT)),
    ],
)  # fmt: skip
def test_author_and_confirmation_are_those_of_the_newest_conclusion(base, ours, theirs, both, swap):
    sides = (theirs, ours) if swap else (ours, theirs)
    assert merged(*sides, base)[0] == both


def test_notes_by_authors_of_both_sides_are_kept():
    notes = ["- [2018-06-08 Fri 09:00] (by: claude) one\n", "- [2018-06-08 Fri 09:00] (0123abc, by: gpt-5) two\n"]
    ours, theirs = (changed(("first note\n", f"first note\n{note}")) for note in notes)
    assert merged(ours, theirs)[0] == changed(("first note\n", f"first note\n{''.join(notes)}"))


FIRST = "It helps.\n- a lot\n"
DATED = f"[2018-06-06 Wed 18:00] supported:\n{FIRST}"
NO = "[2018-06-20 Wed 10:00] refuted:\nNo.\n- a lot\n"
PERHAPS = "[2018-06-21 Thu 10:00] inconclusive:\nPerhaps.\n- a lot\n"


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("base", [concluded("supported", FIRST), concluded("supported", DATED)])
def test_both_conclude_again(base, swap):
    sides = [concluded("refuted", DATED, NO), concluded("inconclusive", DATED, PERHAPS)]
    assert merged(*(sides[::-1] if swap else sides), base)[0] == concluded("inconclusive", DATED, NO, PERHAPS)


def test_a_conclusion_of_one_side_is_kept_between_those_of_the_other():
    third = "[2018-06-22 Fri 10:00] supported:\nYes.\n"
    sides = concluded("supported", DATED, NO, third), concluded("inconclusive", DATED, PERHAPS)
    assert merged(*sides, concluded("supported", FIRST))[0] == concluded("supported", DATED, NO, PERHAPS, third)


def test_a_conclusion_from_another_time_zone_stays_after_the_one_that_it_follows():
    early = "[2018-06-06 Wed 10:00] refuted:\nNo.\n"
    sides = concluded("refuted", DATED, early), concluded("inconclusive", DATED, PERHAPS)
    assert merged(*sides, concluded("supported", FIRST))[0] == concluded("inconclusive", DATED, early, PERHAPS)


def test_an_earlier_conclusion_that_the_other_side_rewords_is_a_conflict():
    ours, theirs = concluded("refuted", DATED, NO), concluded("supported", FIRST.replace("helps", "hurts"))
    done = merge(*(text.encode() for text in (concluded("supported", FIRST), ours, theirs)), Config(), NOW)
    assert done.conflicts == 1
    assert all(line in done.data.decode() for line in (DATED + "\n" + NO, "It hurts."))


def test_conclusions_of_both_are_a_conflict():
    ours = changed(("** TODO Conclusions\n", "** DONE Conclusions\nIt helps.\n"))
    theirs = changed(("** TODO Conclusions\n", "** DONE Conclusions\nIt does not.\n"))
    done = merge(BASE.encode(), ours.encode(), theirs.encode(), Config(), NOW)
    assert done.conflicts == 1
    assert (
        "** DONE Conclusions\n\n<<<<<<< ours\nIt helps.\n=======\nIt does not.\n>>>>>>> theirs\n\n* TODO [202]"
        in done.data.decode().replace("\n\n=======", "\n=======").replace("\n\n>>>>>>>", "\n>>>>>>>")
        or ("<<<<<<< ours\nIt helps.\n" in done.data.decode())
    )


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (("improves results.", "improves BLEU."), ("improves results.", "improves loss.")),
        (("Test XYZ with ABC", "Test"), ("Test XYZ with ABC", "Entirely other words here now")),
        (("[201] ABC in XYZ model", "[201] Ours"), ("[201] ABC in XYZ model", "[201] Theirs")),
        (("* TODO [202]", "* DONE [202]"), ("* TODO [202]", "* CANCELED [202]")),
    ],
)
def test_different_changes_of_the_same_text_are_a_conflict(ours, theirs):
    done = merge(BASE.encode(), changed(ours).encode(), changed(theirs).encode(), Config(), NOW)
    assert done.conflicts == 1
    text = done.data.decode()
    for _, words in (ours, theirs):
        assert words in text
    # Outside the markers nothing is lost.
    assert "first note" in text
    assert "only step" in text


def test_a_part_removed_by_one_side_and_changed_by_the_other_is_a_conflict():
    begin = BASE.index("* TODO [202]")
    done = merge(
        BASE.encode(), BASE[:begin].encode(), changed(("only step", "only step of it")).encode(), Config(), NOW
    )
    assert done.conflicts == 1
    assert b"only step of it" in done.data


def test_a_part_removed_by_one_side_and_unchanged_by_the_other_is_removed():
    begin = BASE.index("* TODO [202]")
    text, _ = merged(BASE[:begin], changed(*TICK_1))
    assert "[202]" not in text
    assert "(aaaaaaa)" in text


def test_one_side_moved_and_the_other_ticked():
    begin, second = BASE.index("* TODO [201]"), BASE.index("* TODO [202]")
    moved = BASE[:begin] + BASE[second:] + "\n" + BASE[begin:second].rstrip("\n") + "\n"
    text, _ = merged(moved, changed(*TICK_1))
    assert text.index("[202]") < text.index("[201]")
    assert "(aaaaaaa)" in text
    text, _ = merged(changed(*TICK_1), moved)
    assert text.index("[202]") < text.index("[201]")
    assert "(aaaaaaa)" in text


def test_line_ends_and_the_last_newline_are_kept():
    texts = [text.replace("\n", "\r\n") for text in (BASE, changed(*TICK_1), changed(*TICK_2))]
    text, _ = merged(texts[1], texts[2], texts[0])
    assert text.count("\r\n") == text.count("\n")
    plain, _ = merged(changed(*TICK_1), changed(*TICK_2))
    assert text == plain.replace("\n", "\r\n")
    text, _ = merged(changed(*TICK_1).rstrip("\n"), changed(*TICK_2).rstrip("\n"), BASE.rstrip("\n"))
    assert text == plain.rstrip("\n")


def test_journal_days_are_in_order():
    base = "#+TITLE: Journal\n* 2018\n** 2018-06 June\n*** 2018-06-06 Wednesday\n**** a\n"
    ours = base + "*** 2018-06-08 Friday\n**** ours\n"
    theirs = base + "**** late\n*** 2018-06-07 Thursday\n**** theirs\n*** 2018-06-08 Friday\n**** also\n"
    text, _ = merged(ours, theirs, base)
    assert (
        text == base + "**** late\n*** 2018-06-07 Thursday\n**** theirs\n*** 2018-06-08 Friday\n**** ours\n**** also\n"
    )


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(("note", "step note", "tick", "step", "new", "logbook", "tag")), st.integers(0, 3)),
    min_size=1,
    max_size=6,
)


def grown(operations, side):
    """The log after what one side did, and the lines that are new in it."""
    text, lines = BASE, []
    for number, (what, where) in enumerate(operations):
        words = f"{side} {what} {number}"
        if what == "note":
            text = text.replace("first note\n", f"first note\n- {words}\n", 1)
        elif what == "step note":
            text = text.replace("with ABC", f"with ABC\n   - {words}", 1) if f"- {words}" not in text else text
        elif what == "tick":
            hash_ = ("a" if side == "ours" else "b") * 6 + str(number)
            text = re.sub(r"only step(.*)", f"only step ({hash_})", text, count=1)
            words = hash_
            lines = [line for line in lines if not re.fullmatch(r"[ab]{6}\d", line)]
        elif what == "step":
            text = text.replace("without ABC\n", f"without ABC\n9. [ ] {words}\n", 1)
        elif what == "new":
            text += NEW.format(id=f"{side}{number}", title=words)
        elif what == "logbook":
            entry = f"  :LOGBOOK:\n  - {words}\n  :END:\n"
            at = "  :ID:       201\n  :END:\n"
            text = (
                text.replace("  :LOGBOOK:\n", f"  :LOGBOOK:\n  - {words}\n", 1)
                if ":LOGBOOK:" in text
                else text.replace(at, at + entry, 1)
            )
        else:
            words = f":{side}{where}:"
            text = text.replace("Another   :@work:exp:", f"Another   :@work:exp{words}", 1)
        lines.append(words)
    return text, lines


@given(OPERATIONS, OPERATIONS)
def test_no_addition_is_lost_and_cookies_are_correct(mine, others):
    (ours, our_lines), (theirs, their_lines) = grown(mine, "ours"), grown(others, "theirs")
    text, _ = merged(ours, theirs)
    assert not [line for line in (*our_lines, *their_lines) if line not in text and f"exp{line}" in ours + theirs]
    for line in (*our_lines, *their_lines):
        if not line.startswith(":"):
            assert line in text
    document = Document(text.encode(), Config().keywords)
    ids = [one.id for one in read_experiments(document, Config(), "")]
    assert len(ids) == len(set(ids))
    touched = [one.heading for one in read_experiments(document, Config(), "") if one.id == "201"]
    assert not recount_cookies(document, touched) or BASE in (ours, theirs)


@given(OPERATIONS)
def test_a_merge_with_the_base_is_the_other_side(operations):
    text, _ = grown(operations, "ours")
    assert merged(text, BASE)[0] == text
    assert merged(BASE, text)[0] == text
    assert merged(text, text)[0] == text


PIECES = st.lists(
    st.sampled_from(
        [
            "* a\n",
            "** b :x:\n",
            "- item\n",
            "  - sub\n",
            "1. [ ] one\n",
            "text\n",
            "\n",
            ":LOGBOOK:\n",
            ":END:\n",
            ":PROPERTIES:\n",
            "| r |\n",
            "#+begin_src\n",
            "#+end_src\n",
            "\xff",
            "\x00\n",
        ]
    ),
    max_size=12,
).map("".join)


@given(PIECES)
def test_every_byte_is_in_exactly_one_part(text):
    document = Document(text.encode("latin-1") + b"\n", Config().keywords)
    assert read_node(document, Config()).text == document.text
    assert [one.text for one in read_nodes([document, document], Config())] == [document.text] * 2


@given(PIECES, PIECES, PIECES)
def test_any_texts_merge(base, ours, theirs):
    texts = [text.encode("latin-1") for text in (base, ours, theirs)]
    done = merge(*texts, Config(), NOW)
    if done.conflicts:
        assert b"<<<<<<< ours\n" in done.data
    new = [line for text in texts[1:] for line in text.split(b"\n") if line.strip() and line not in texts[0]]
    flat = re.sub(rb"\s", b"", done.data)
    assert not [
        line
        for line in new
        if re.sub(rb"\s", b"", re.sub(rb"\d+\.|\[[ X/%\d]*\]|:x:", b"", line))
        not in re.sub(rb"\d+\.|\[[ X/%\d]*\]|:x:", b"", flat)
    ]


def test_a_note_whose_commit_was_rewritten_in_two_ways_is_no_conflict():
    ours = BASE.replace("(83d45cd) first", "(83d45cd -> 1111111) first")
    theirs = BASE.replace("(83d45cd) first", "(83d45cd -> 2222222) first")
    merged = merge(BASE.encode(), ours.encode(), theirs.encode(), Config(), NOW)
    assert (merged.conflicts, merged.data.decode()) == (0, ours)
    other = merge(BASE.encode(), ours.encode(), theirs.replace("first", "another").encode(), Config(), NOW)
    assert other.conflicts == 1
