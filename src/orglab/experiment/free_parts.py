"""Where the parts of an experiment are in a heading that does not follow the template, by the words that people use."""

import re
from collections.abc import Iterator

from orglab.experiment.model import Experiment, has_checkbox, strip_cookies
from orglab.experiment.named_parts import (
    CONCLUSION_IN,
    CREATED_IN,
    DESCRIPTION_IN,
    DRAWER,
    OWN_SECTION,
    STEPS_IN,
    find_marked_list,
    find_marked_texts,
    find_texts_in_section,
    join_marks,
    mark_pattern,
)
from orglab.experiment.notebook_style import NotebookStyle, read_boxes
from orglab.experiment.section_text import FIRST_STAMP, split_first_text
from orglab.experiment.title_dates import (
    DATE_LABEL,
    find_date,
    format_date,
    is_date_line,
    is_only_date,
    read_time_in_name,
)
from orglab.experiment.title_numbers import read_number
from orglab.org.heading import Heading
from orglab.org.source import decode, encode
from orglab.org.syntax import compile_late
from orglab.org.timestamp import INACTIVE, Timestamp, parse_timestamp

# What is done in any case, as a list of tasks or as a description.
_METHODS = (
    "procedures?|(?:experimental )?protocols?|(?:versuchs)?durchführung|vorgehen(?:sweise)?|(?:versuchs)?ablauf|"
    "protocoles?(?: expérimental)?|procédures?|déroulement|mode opératoire|procedimientos?|protocolos?|procedura|"
    "werkwijze|手順"
)
_STEPS = (
    f"{_METHODS}|steps?|experiment(?:al)? steps|to[ -]?do|tasks?|(?:arbeits)?schritte?|aufgaben|"
    "étapes?|etapes?|à faire|pasos?|passos?|passaggi|stappen|шаги|步骤|步驟"
)
# The words for a conclusion, the last one first.
_CONCLUSIONS = (
    ("conclusions?|conclusiones?|conclusión|conclusioni?|conclusione|conclus(?:ão|ões)|conclusies?|fazit|schluss|"
    "schlussfolgerung(?:en)?|schlüsse|bilan|take[ -]?aways?|lessons? learned|verdict|выводы?|結論|结论"),
    # What the results mean, which may be a table.
    (
        "discussion|diskussion|discusión|discussione|discussão|interpretation|"
        "findings?|main findings?|outcomes?|befunde?|erkenntnis(?:se)?|constats?|hallazgos?|constatations?"
    ),
    "results?|ergebnis(?:se)?|resultate?|résultats?|resultats?|resultados?|risultat[oi]|resulta(?:at|ten)|результаты?|結果|结果",
)  # fmt: skip
_HYPOTHESES = (
    "hypothes[ei]s|hypotheses|hypothesen?|expectations?|erwartung(?:en)?|hypothèses?|hipótesis|hipóteses?|ipotesi"
)
_EXPECTATIONS = (
    f"{_HYPOTHESES}|goals?|aims?|objectives?|purpose|(?:research )?questions?|"
    "ziele?|fragestellung|frage|objectifs?|but|question|objetivos?|obiettivo"
)
_DESCRIPTIONS = (
    f"{_EXPECTATIONS}|(?:short )?description|motivation|rationale|background|abstract|summary|idea|context|why|"
    "(?:kurz)?beschreibung|hintergrund|idee|zusammenfassung|description|contexte|résumé|idée|"
    "descripción|motivación|contexto|descrição|motivação|descrizione|motivazione|beschrijving|описание|概要|説明|描述|目的"
)
_AND_MORE = r"(?:\s*(?:&|/|,|\band\b|\bund\b|\bet\b|\by\b|\be\b)\s*\w+)?"
_STEPS_TITLE = compile_late(rf"(?:{_STEPS}){_AND_MORE}:?", re.IGNORECASE)
_METHOD_TITLE = compile_late(rf"(?:{_METHODS}){_AND_MORE}:?", re.IGNORECASE)
_STEPS_LINE = compile_late(mark_pattern(_STEPS), re.IGNORECASE | re.MULTILINE)
_CONCLUSION_TITLES = tuple(
    compile_late(rf"(?:{words}){_AND_MORE}(?:\s*:.*)?", re.IGNORECASE) for words in _CONCLUSIONS
)  # fmt: skip
_CONCLUSION_LINE = compile_late(mark_pattern("|".join(_CONCLUSIONS)), re.IGNORECASE | re.MULTILINE)
_EXPECTATION_TITLE = compile_late(rf"(?:{_EXPECTATIONS}){_AND_MORE}:?", re.IGNORECASE)
_EXPECTATION_LINE = compile_late(mark_pattern(_EXPECTATIONS), re.IGNORECASE | re.MULTILINE)
_HYPOTHESIS_LINE = compile_late(mark_pattern(_HYPOTHESES), re.IGNORECASE | re.MULTILINE)
_HYPOTHESIS_TITLE = compile_late(rf"(?:{_HYPOTHESES}):?", re.IGNORECASE)
_DESCRIPTION_TITLE = compile_late(rf"(?:{_DESCRIPTIONS}){_AND_MORE}:?", re.IGNORECASE)
_DESCRIPTION_LINE = compile_late(mark_pattern(_DESCRIPTIONS), re.IGNORECASE | re.MULTILINE)
_CHECKBOX = compile_late(rb"^[ \t]*(?:[-+*]|\d+[.)])[ \t]+(?:\[@\w+\][ \t]+)?\[[ Xx-]\]", re.M)
_LINES = 200


_NO_STYLE = NotebookStyle()


def name_parts(experiment: Experiment, style: NotebookStyle = _NO_STYLE) -> dict[str, str]:
    """Return the properties that have the parts of an experiment read where they are; none where that needs none.

    The description depends on these, and is found afterwards.
    """
    found = {**find_created(experiment, style), STEPS_IN: find_steps(experiment, style)}
    found[CONCLUSION_IN] = find_conclusion(experiment)
    return {name: value for name, value in found.items() if value}


def find_created(experiment: Experiment, style: NotebookStyle = _NO_STYLE) -> dict[str, str]:
    """Return the properties for the time that a title, a line `Date:` or a heading above tells, if they are needed.

    A date in a title counts more than a time further down in the text, which may be that of a note.  A time that is the
    number of the experiment counts more than either: it was written by a program, when a title may be copied.
    """
    heading, created = experiment.heading, experiment.created
    if heading.property("CREATED") is not None:
        return {}
    titles = [strip_cookies(above.title) for above in heading.ancestors()]
    dates = (
        find_date(title, style.dates)
        for title in (heading.title, *(title for title in titles if is_only_date(title, style.dates)))
    )
    number = read_number(heading, experiment.config)
    in_name = read_time_in_name(number.name) if number is not None else None
    dated = in_name or next((at for at in dates if at is not None), None)
    if created is None:
        at = in_name or find_date(heading.title, style.dates) or _find_date_below(heading, style) or dated
        return {"CREATED": format_date(at)} if at is not None else {}
    begin = heading.drawer.end() if heading.drawer else heading.after_planning
    is_first = FIRST_STAMP.match(heading.document.text, begin, heading.end) is not None
    if dated is None or is_first or (in_name is None and dated.when.date() == created.when.date()):
        return {}
    has_others = INACTIVE.search(heading.document.text, begin, heading.end) is not None
    return {"CREATED": format_date(dated), **({CREATED_IN: DRAWER} if has_others else {})}


def _find_date_below(heading: Heading, style: NotebookStyle) -> Timestamp | None:
    """Return the date in a line `Date:`, or the first line of a section, or of its first active timestamp."""
    first = _read_section(heading).lstrip().partition("\n")[0]
    at = find_date(first, style.dates) if is_only_date(first, style.dates) else None
    if at is None and (match := DATE_LABEL.search(_read_section(heading))):
        at = find_date(match.string[match.end() :].partition("\n")[0], style.dates)
    if at is None and b"<" in heading.document.text[heading.body : heading.end]:
        at = parse_timestamp(encode(heading.timestamp or ""))
    return at


def _read_section(heading: Heading) -> str:
    """Return the text of a section."""
    return decode(heading.document.text[heading.body : heading.end])


def find_description(experiment: Experiment, style: NotebookStyle = _NO_STYLE) -> str:
    """Return the value of the property that names where the description is; empty if it is found without it, or not.

    Args:
        experiment: The experiment, with its other parts named already.
        style: What its notebook does throughout.
    """
    heading, read = experiment.heading, experiment.description
    if heading.property(DESCRIPTION_IN) is not None:
        return ""
    match = _DESCRIPTION_LINE.search(_read_section(heading))
    if match is not None and _DESCRIPTION_LINE.match(read) is None and find_texts_in_section(heading, match.groups()):
        return join_marks(match.groups())
    paragraph = _find_leading_paragraph(experiment, style)
    if paragraph and not (read and paragraph.startswith(read)):
        return OWN_SECTION
    if read and not is_date_line(read, style.dates):
        return ""
    for child in heading.children():
        title = strip_cookies(child.title)
        is_meant = _DESCRIPTION_TITLE.fullmatch(title) is not None and _is_named(experiment, child)
        if is_meant and split_first_text(child)[0]:
            return title
    return ""


def _find_leading_paragraph(experiment: Experiment, style: NotebookStyle) -> str:
    """Return the first paragraph of a section that is more than a date; empty if a list or another part precedes it."""
    text = experiment.heading.document.text
    others = [one.begin for one in experiment.marked_conclusion]
    others += [experiment.marked_steps[0]] if experiment.marked_steps is not None else []
    for element in experiment.heading.section.children:
        if element.type == "plain-list" or any(begin in others for begin in (element.begin, element.start)):
            return ""
        if element.type == "paragraph":
            stamp = FIRST_STAMP.match(text, element.start, element.end)
            begin = stamp.end() if stamp is not None else element.start
            words = " ".join(decode(text[begin : element.end]).split())
            if words and not is_date_line(words, style.dates):
                return words
    return ""


def find_steps(experiment: Experiment, style: NotebookStyle = _NO_STYLE) -> str:
    """Return the value of the property that names where the steps are; empty if they are found without it, or not.

    A checklist that is copied from a template is none, unless its heading says so.  Where there is a result, a method
    without checkboxes is no list of tasks, and neither is the list after a line.
    """
    if experiment.steps or experiment.heading.property(STEPS_IN):
        return ""
    for child in experiment.heading.children():
        title = strip_cookies(child.title)
        is_meant = says_steps(title) and _is_named(experiment, child)
        is_method = _METHOD_TITLE.fullmatch(title) is not None and _has_ended(experiment)
        if is_meant and _has_list(child, needs_checkbox=is_method):
            return title
    if _has_list(experiment.heading, needs_checkbox=True) and not _is_copied(experiment.heading, style):
        return OWN_SECTION
    if (match := _STEPS_LINE.search(_read_section(experiment.heading))) is not None:
        word = match.group(1)
        found = find_marked_list(experiment.heading, (word,))
        if found is not None and (not _has_ended(experiment) or any(map(has_checkbox, found[1].children))):
            return join_marks((word,))
    checklists = (child for child in _find_checklists(experiment) if not _is_copied(child, style))
    return next((strip_cookies(child.title) for child in checklists), "")


def _has_ended(experiment: Experiment) -> bool:
    """Return whether there is nothing left to do: the experiment has a conclusion, or it is done."""
    return experiment.is_done or has_conclusion(experiment)


def _is_copied(heading: Heading, style: NotebookStyle) -> bool:
    """Return whether each item with a checkbox in a section is in a template, too."""
    return bool(style.copied) and style.copied.issuperset(read_boxes(heading))


def _find_checklists(experiment: Experiment) -> Iterator[Heading]:
    """Yield the subheadings with checkboxes, except for notes and conclusions."""
    others = (experiment.config.notes.lower(), experiment.config.conclusions.lower())
    text = experiment.document.text
    for child in experiment.heading.children():
        title = strip_cookies(child.title)
        may_be = title.lower() not in others and not says_conclusion(title)
        has_some = may_be and _CHECKBOX.search(text, child.body, child.end) is not None
        if has_some and _has_list(child, needs_checkbox=True) and _is_named(experiment, child):
            yield child


def _is_named(experiment: Experiment, child: Heading) -> bool:
    """Return whether the title of a subheading finds it, and no other one."""
    title = strip_cookies(child.title)
    found = experiment.child(title) if title and title != OWN_SECTION else None
    return found is not None and found.begin == child.begin


def _has_list(heading: Heading, *, needs_checkbox: bool) -> bool:
    """Return whether there is a list in a section, with a checkbox in one of its items if that is needed."""
    return any(
        element.type == "plain-list" and (not needs_checkbox or any(map(has_checkbox, element.children)))
        for element in heading.section.children
    )


def says_steps(title: str) -> bool:
    """Return whether a title is a word for steps."""
    return _STEPS_TITLE.fullmatch(title) is not None


def says_conclusion(title: str) -> bool:
    """Return whether a title begins with a word for a conclusion, and has no other words before a colon."""
    return any(form.fullmatch(title) for form in _CONCLUSION_TITLES)


def find_conclusion(experiment: Experiment) -> str:
    """Return the value of the property that names where the conclusion is; empty if it needs none, or there is none."""
    if experiment.conclusions_heading is not None or experiment.heading.property(CONCLUSION_IN):
        return ""
    words = tuple(_find_conclusion_words(experiment.heading))
    children = [child for child in experiment.heading.children() if says_conclusion(strip_cookies(child.title))]
    for form, more in zip(_CONCLUSION_TITLES, _CONCLUSIONS, strict=True):
        for child in children:
            title = strip_cookies(child.title)
            if form.fullmatch(title) and _says_something(child) and _is_named(experiment, child):
                return title
        if any(re.fullmatch(more, word, re.IGNORECASE) for word in words):
            return join_marks(words)
    return ""


def _says_something(heading: Heading) -> bool:
    """Return whether there is text below a heading, or in its title after a colon."""
    begin = heading.drawer.end() if heading.drawer else heading.after_planning
    text = heading.document.text[begin : heading.subtree_end]
    return bool(text.strip()) or ": " in heading.title


def _find_conclusion_words(heading: Heading) -> Iterator[str]:
    """Yield the words, as they are written, that lines of the conclusion begin with."""
    document = heading.document
    text = decode(document.text[heading.body : heading.subtree_end])
    words = dict.fromkeys(match.group(1) for match in _CONCLUSION_LINE.finditer(text))
    # Lines of a table, of code and of output are none.
    seen = set()
    for word in [*words][:_LINES]:
        if word.casefold() not in seen and find_marked_texts(heading, (word,)):
            seen.add(word.casefold())
            yield word


def has_expectation(heading: Heading) -> bool:
    """Return whether a heading tells what is expected or asked: in a line such as `Goal:`, or in a subheading."""
    return _has(heading, _EXPECTATION_LINE, _EXPECTATION_TITLE)


def has_hypothesis(heading: Heading) -> bool:
    """Return whether a heading has a hypothesis: in a line such as `Hypothesis:`, or in a subheading."""
    return _has(heading, _HYPOTHESIS_LINE, _HYPOTHESIS_TITLE)


def _has(heading: Heading, line: re.Pattern[str], title: re.Pattern[str]) -> bool:
    titles = (strip_cookies(child.title) for child in heading.children())
    return line.search(_read_section(heading)) is not None or any(map(title.fullmatch, titles))


def has_steps(experiment: Experiment) -> bool:
    """Return whether a heading has steps, in some form."""
    return bool(experiment.steps or find_steps(experiment))


def has_conclusion(experiment: Experiment) -> bool:
    """Return whether a heading has a conclusion: in a line of its own section such as `Result:`, or in a subheading."""
    heading = experiment.heading
    if experiment.conclusions_heading is not None or _CONCLUSION_LINE.search(_read_section(heading)):
        return True
    return any(says_conclusion(strip_cookies(child.title)) for child in heading.children())
