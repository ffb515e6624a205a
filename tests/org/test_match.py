r"""Match strings: the headings that Org 9.8.9 means by them.

The headings here are those of this log; their tags are inherited as Org does by default.

    #+FILETAGS: :lab:
    #+TAGS: [ ml : nlp vision ]
    * TODO First :@work:exp:
      DEADLINE: <2026-06-20 Sat>
      :PROPERTIES:
      :ID:       201
      :loss:     0.25
      :Owner:    ann
      :path:     a/b
      :my-prop:  x
      :END:
    ** DONE [#A] Sub one [1/2] :nlp:
       CLOSED: [2026-06-14 Sun 18:00]
       :PROPERTIES:
       :loss:     abc
       :END:
    * WAIT Second :exp:
      SCHEDULED: <2026-06-10 Wed>
      :PROPERTIES:
      :loss:     10
      :Owner:    Bob
      :Empty:
      :gone:     nil
      :END:
    * Third
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orglab.errors import MatchSyntaxError
from orglab.org.match import MatchEntry, compile_match

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 6, 15, 12, 30, tzinfo=UTC)
GROUPS = {"ml": ("nlp", "vision")}


@dataclass(frozen=True)
class Entry:
    """A heading with only the attributes that a match string uses."""

    title: str
    level: int = 1
    state: str | None = None
    is_done: bool = False
    priority: str | None = None
    tags: tuple[str, ...] = ()
    all_tags: tuple[str, ...] = ("lab",)
    closed: str | None = None
    scheduled: str | None = None
    deadline: str | None = None
    timestamp: str | None = None
    timestamp_ia: str | None = None
    category: str | None = "log"
    drawer: dict[str, str] = field(default_factory=dict)

    def property(self, name: str) -> str | None:
        """The property with that name, ignoring case."""
        return next((value for key, value in self.drawer.items() if key.lower() == name.lower()), None)


ENTRIES: tuple[MatchEntry, ...] = (
    Entry(
        "First",
        state="TODO",
        tags=("@work", "exp"),
        all_tags=("lab", "@work", "exp"),
        deadline="<2026-06-20 Sat>",
        drawer={"ID": "201", "loss": "0.25", "Owner": "ann", "path": "a/b", "my-prop": "x"},
    ),
    Entry(
        "Sub one [1/2]",
        level=2,
        state="DONE",
        is_done=True,
        priority="A",
        tags=("nlp",),
        all_tags=("lab", "@work", "exp", "nlp"),
        closed="[2026-06-14 Sun 18:00]",
        drawer={"loss": "abc"},
    ),
    Entry(
        "Second",
        state="WAIT",
        tags=("exp",),
        all_tags=("lab", "exp"),
        scheduled="<2026-06-10 Wed>",
        drawer={"loss": "10", "Owner": "Bob", "Empty": "", "gone": "nil"},
    ),
    Entry("Third"),
)


def matched(text: str, groups: Mapping[str, tuple[str, ...]] = GROUPS) -> str:
    """Return the first letters of the matching headings: F, S(ub), s(econd), T."""
    match = compile_match(text, now=NOW, tag_groups=groups)
    letters = zip("FSsT", ENTRIES, strict=True)
    return "".join(letter for letter, entry in letters if match.matches(entry))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exp", "FSs"),  # inherited tags count
        ("+exp-@work", "s"),
        ("-exp", "T"),
        ("exp&nlp", "S"),
        ("exp:nlp", "S"),
        ("exp@work", ""),  # one tag
        ("nlp|-exp", "ST"),
        ("|exp|", "FSs"),
        ("|", ""),
        ("@work-nlp|loss=10", "Fs"),
        ("EXP", ""),  # tags have case ...
        ("{^EX}", "FSs"),  # ... and regexps do not
        (r"{^\(nlp\|@.+\)$}", "FS"),
        (r"-{\bwork}", "FSsT"),  # in a tag `@` is of the word
        (r"{\<lab\>}", "FSsT"),
    ],
)
def test_tags(text: str, expected: str) -> None:
    assert matched(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ml", "S"),
        ("-ml", "FsT"),
        ("exp-ml", "Fs"),
        ("{ml}", ""),  # a regexp is no group
        ("ML", ""),  # found, and not expanded: the group is `ml`
        ("ml2", ""),
        ('Owner="ml"', ""),
    ],
)
def test_a_group_tag_stands_for_its_members(text: str, expected: str) -> None:
    assert matched(text) == expected


def test_nested_groups_and_regexps() -> None:
    groups = {"any": ("ml", "any"), "ml": ("nlp", "{^@w}")}
    assert matched("any", groups) == "FS"
    assert matched("nlp|any", groups) == "FS"
    assert matched("exp-any", groups) == "s"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/TODO", "F"),
        ("/-TODO", "SsT"),
        ("/TODO|WAIT", "Fs"),
        ("/-TODO-WAIT", "ST"),
        ("/TODO||WAIT", "Fs"),
        ("exp/!", "Fs"),
        ("exp/", "FSs"),
        ("/!", "Fs"),
        ("LEVEL=1&+exp/!-WAIT", "F"),
        ("/!DONE", ""),
        ("exp//WAIT", "s"),
        ("exp/! ", "Fs"),
        ("/todo", ""),
        ("/{^t}", "F"),
        ("/-{^t}", "SsT"),
        ("/LEVEL=1", ""),  # a keyword of that name
    ],
)
def test_keywords_after_a_slash(text: str, expected: str) -> None:
    assert matched(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LEVEL=1", "FsT"),
        ("level>1", "S"),
        ('LEVEL="2"', "S"),
        ("LEVEL={[2-9]}", "S"),
        ("LEVEL=1exp", "Fs"),  # the number ends before the tag
        ('TODO="TODO"', "F"),
        ('TODO<>"TODO"', "SsT"),
        ("TODO={.}", "FSs"),
        ('PRIORITY="A"', "S"),
        ('PRIORITY<"C"', "FSsT"),  # without one it is B
        ("ITEM={^s}", "Ss"),
        ('ITEM="Sub one [1/2]"', "S"),
        ('TAGS=":@work:exp:"', "F"),
        ('TAGS=""', "T"),
        ('ALLTAGS=":lab:exp:"', "s"),
        ('CATEGORY="log"', "FSsT"),
    ],
)
def test_special_properties(text: str, expected: str) -> None:
    assert matched(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('OWNER="ann"', "F"),
        ('Owner="Ann"', ""),
        ('Owner=="ann"', "F"),
        ('Owner<>"ann"', "SsT"),
        ('Owner!="ann"', "SsT"),
        ('Owner/="ann"', "SsT"),
        ("Owner={^b}", "s"),
        ("Owner<>{^b}", "FST"),
        ("Owner<>*{^b}", "F"),
        ('Owner>"B"', "Fs"),
        ('Empty=""', "FSsT"),
        ('Empty=*""', "s"),
        ('gone=*"nil"', ""),  # `nil` is no value
        (r'my\-prop="x"', "F"),
        ('my-prop="x"', ""),  # a tag, and not a property
        ('path="a/b"', "F"),
        ("path={a/b}/", "F"),  # the last slash is the one that counts
        ("path={a/b}/TODO", "F"),
    ],
)
def test_properties_as_text(text: str, expected: str) -> None:
    assert matched(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("loss<0.5", "FST"),  # what is no number is 0, and so is nothing
        ("loss<*0.5", "FS"),
        ("loss>=.25", "Fs"),
        ("loss<>10", "FST"),
        ("loss=1e1", "s"),
        ("loss>-1", "FSsT"),
        ("ID=201", "F"),
    ],
)
def test_properties_as_numbers(text: str, expected: str) -> None:
    assert matched(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('SCHEDULED<"<2026-06-15>"', "s"),  # neither before nor after is what has no time
        ('-SCHEDULED<"<2026-06-15>"', "FST"),
        ('SCHEDULED="<2026-06-10>"', "s"),
        ('SCHEDULED<>"<2026-06-10>"', "s"),  # org-time<> compares with `=`
        ('SCHEDULED="<2026-05-41>"', "s"),  # as 41 May is 10 June
        ('DEADLINE>="<today>"', "F"),
        ('DEADLINE<"<+5d>"', ""),
        ('DEADLINE<="<+5d>"', "F"),
        ('DEADLINE<"<+1w>"', "F"),
        ('CLOSED<"<now>"', "S"),
        ('CLOSED<"<today>"', "S"),
        ('CLOSED>="<tomorrow>"', ""),
        ('CLOSED>="<-1d>"', "S"),
        ('CLOSED>="<-1m>"', "S"),
        ('CLOSED>"<-1y>"', "S"),
        ('CLOSED>="[2026-06-14 Sun 18:00]"', "S"),
        ('CLOSED>"[2026-06-14 Sun 18:00]"', ""),
        ('CLOSED>"<2026>"', ""),  # no time at all
    ],
)
def test_times(text: str, expected: str) -> None:
    assert matched(text) == expected


def test_now_is_the_present_unless_given() -> None:
    assert compile_match('DEADLINE>"<2018-06-06>"+DEADLINE<"<+9999y>"', now=NOW).matches(ENTRIES[0])


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        ("", 0, "Nothing to match"),
        (" ", 0, "Nothing to match"),
        (" exp", 0, "Invalid character (join terms with `+`, `-`, `&` or `|` only)"),
        ("exp +nlp", 3, "Invalid character (join terms with `+`, `-`, `&` or `|` only)"),
        ("exp | nlp", 3, "Invalid character (join terms with `+`, `-`, `&` or `|` only)"),
        ("LEVEL=1 & exp", 7, "Invalid character (join terms with `+`, `-`, `&` or `|` only)"),
        ("exp,nlp", 3, "Invalid character (join terms with `+`, `-`, `&` or `|` only)"),
        ("(exp|nlp)", 0, "Invalid character (join terms with `+`, `-`, `&` or `|` only)"),
        ("exp&!nlp", 4, "Unexpected `!`"),
        ("exp/TODO/DONE", 3, "Unexpected `/`"),
        ("exp+", 4, "Expected a tag or property"),
        ("nlp|exp--lab", 8, "Unexpected `-`"),
        ("nlp||exp", 4, "Expected a term between two `|`"),
        ("exp/TODO WAIT", 8, "Invalid character (join terms with `+`, `-`, `&` or `|` only)"),
        ("loss<abc", 4, 'Expected a property, an operator and a number, "text" or {regexp}'),
        ("loss/=5", 5, 'Expected a property, an operator and a number, "text" or {regexp}'),
        ('Owner=<"ann"', 5, 'Expected a property, an operator and a number, "text" or {regexp}'),
        ('exp"q"', 3, 'Unexpected `"`'),
        ("exp+{}", 4, "Empty regexp"),
        # Org splits at bars and at the last slash, wherever they are.
        ('Owner="a|b"', 6, 'Unclosed `"` (it must be closed before the next `|` and the last `/`)'),
        ("path={a/b}", 5, "Unclosed `{` (it must be closed before the next `|` and the last `/`)"),
        (r"/{T\(O\|X\)DO}", 1, "Unclosed `{` (it must be closed before the next `|` and the last `/`)"),
        (r"exp+{a\(b}", 6, r"Unclosed `\(`"),
        (r"nlp|Owner={[a}/TODO", 11, "Unclosed `[`"),
        ("ml=1", 2, 'Expected a property, an operator and a number, "text" or {regexp}'),
        ("-ml +exp", 3, "Invalid character (join terms with `+`, `-`, `&` or `|` only)"),
    ],
)
def test_what_org_would_drop_is_an_error_at_that_position(text: str, position: int, problem: str) -> None:
    with pytest.raises(MatchSyntaxError) as error:
        matched(text)
    assert (error.value.position, error.value.problem, error.value.text) == (position, problem, text)


@pytest.mark.parametrize(("tag", "text"), [("é_1", "é_1"), ("हिन्दी", "हिन्दी"), ("cafe\u0301", "+cafe\u0301")])
def test_tags_may_use_letters_of_any_script(tag: str, text: str) -> None:
    assert compile_match(text, now=NOW).matches(Entry("One", all_tags=(tag,)))


PIECES = st.sampled_from([*'ab1_-+&|/!{}()"<=>*., é\n', "LEVEL", "ml", '"<today>"', '"<+1w>"', r"\|", r"\-"])


def syntax_error(text: str) -> MatchSyntaxError | None:
    """Return why it is not a match string."""
    try:
        matched(text)
    except MatchSyntaxError as error:
        return error
    return None


@given(st.lists(PIECES).map("".join))
def test_any_text_is_a_match_or_a_syntax_error(text: str) -> None:
    error = syntax_error(text)
    assert error is None or 0 <= error.position <= len(text)
    assert error is None or error.text == text


@given(st.text(), st.sampled_from(["<", ">=", "=", "<>"]), st.sampled_from(["-1.5e3", '"x"', '"<now>"', r"{\w}"]))
def test_any_value_can_be_compared(value: str, operator: str, operand: str) -> None:
    entry = Entry("One", drawer={"p": value})
    assert compile_match(f"p{operator}{operand}", now=NOW).matches(entry) in (True, False)


# Python's `re` would need longer than the age of the universe for each of them.
ENDLESS = [r"^\(a+\)+$", r"\(a\|a\)*b", r"\(.*\)*\1z", r"^\(?:a?a?\)+b", "a?" * 60 + "a" * 60 + "b"]


@pytest.mark.parametrize("regexp", ENDLESS)
def test_a_regexp_that_never_ends_is_an_error(regexp: str) -> None:
    match = compile_match(f"exp|ITEM={{{regexp}}}", now=NOW)
    with pytest.raises(MatchSyntaxError, match="Regexp takes too long") as error:
        match.matches(Entry("a" * 60 + "!"))
    assert error.value.position == len("exp|ITEM={")


def test_a_regexp_among_the_tags_of_a_group_that_never_ends_is_an_error() -> None:
    match = compile_match("exp|g", now=NOW, tag_groups={"g": (r"{^\(x+\)+$}",)})
    with pytest.raises(MatchSyntaxError, match="Regexp takes too long") as error:
        match.matches(Entry("One", all_tags=("x" * 60 + "_",)))
    assert error.value.position == len("exp|")


def test_a_regexp_that_never_ends_is_an_error_in_a_thread() -> None:
    def run() -> MatchSyntaxError | None:
        match = compile_match(r"ITEM={^\(a+\)+$}", now=NOW)
        try:
            match.matches(Entry("a" * 60 + "!"))
        except MatchSyntaxError as error:
            return error
        return None

    with ThreadPoolExecutor() as threads:
        assert threads.submit(run).result() is not None


def test_after_one_error_the_next_texts_are_not_tried() -> None:
    match = compile_match(r"ITEM={^\(a+\)+$}", now=NOW)
    for _ in range(1000):
        with pytest.raises(MatchSyntaxError):
            match.matches(Entry("a" * 60 + "!"))


def test_a_regexp_that_might_never_end_finds_what_it_finds() -> None:
    match = compile_match(r"ITEM={^\(a\|b\)+$}", now=NOW)
    titles = ("abab", "abc", "", "a\nc", "b" * 100_000)
    assert [title[:4] for title in titles if match.matches(Entry(title))] == ["abab", "a\nc", "bbbb"]


def test_usual_regexps_need_no_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/no/python")
    entry = Entry("A learning rate of 1e-3 with warm-up", tags=("exp",), all_tags=("exp", "nlp"))
    for text in ("{^EX}", r"ITEM={rate.*warm}", r"ITEM={\<rate\>.*[0-9]+}", r"{nlp\|vision}", "ITEM={rates?}"):
        assert compile_match(text, now=NOW, tag_groups=GROUPS).matches(entry)
    with pytest.raises(MatchSyntaxError):
        compile_match(r"ITEM={\(rate\|of\)+}", now=NOW).matches(entry)
