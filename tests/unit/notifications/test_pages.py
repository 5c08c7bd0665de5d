"""What letters say, and how."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from typing import Unpack

import msgspec
import pytest
from common.events.absence_engine import CountedSession
from hypothesis import given
from hypothesis import strategies as st
from notifications import pages
from notifications.actions.hear import hear
from notifications.api.media import preferred
from notifications.domain.page import Page, page, percent
from notifications.domain.policy import policies
from notifications.domain.values import Address, Child, Contact, ExplainedEpisode

from tests.told import TODAY, URN, Changed, crossing, event

KINDS = ["persistent_absence", "severe_absence", "penalty_threshold"]
ROBIN = Contact(
    contact_id="a", school_urn=URN, name="Robin Parent", parental_responsibility=True, do_not_contact=False,
    priority=1, email=None, address=Address(("1 High Street", "Birmingham"), "B1 1AA"),
)  # fmt: skip
SAM = Child(pupil_id="p", given_name="Sam", family_name="Child", schools={URN: "Hill School"}, contacts=(ROBIN,))


def facts(child: Child = SAM, recipient: Contact = ROBIN, **changes: Unpack[Changed]) -> Page:
    heard = hear(event(crossing(**changes)))
    assert isinstance(heard, ExplainedEpisode)
    return page(heard, child, recipient, TODAY)


class Outline(HTMLParser):
    """The tags and attributes of a page, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_sessions_are_grouped_by_what_can_be_done_about_them_and_whole_days_told_as_such() -> None:
    told = {group.title: [(line.day, line.part, line.what) for line in group.lines] for group in facts().groups}
    assert told == {
        "Absences without permission": [
            ("Tuesday 30 September 2025", "morning", "Absent in other or unknown circumstances")
        ],
        "Absences that the school authorised": [
            ("Monday 29 September 2025", "all day", "Illness (not a medical or dental appointment)")
        ],
        "Late after the register closed": [
            ("Tuesday 30 September 2025", "afternoon", "Arrived after the register closed")
        ],
    }


def explained_by(*codes: str) -> Page:
    sessions = [
        CountedSession(date=f"2025-09-{15 + place}", session="AM", code=code, school_urn=URN)
        for place, code in enumerate(codes)
    ]
    return facts(explanation=msgspec.structs.replace(crossing().explanation, sessions=sessions))


def test_an_absence_without_a_reason_yet_is_not_told_as_one_without_permission() -> None:
    (without, unknown) = explained_by(*"OOOOOOOOOO", "N").groups
    assert (without.title, without.sessions) == ("Absences without permission", 10)
    assert (unknown.title, unknown.sessions) == ("Absences for which the school has no reason yet", 1)
    assert unknown.lines[0].what == "Reason not known yet"


def test_a_penalty_letter_counts_only_what_was_missed_without_permission() -> None:
    rendered = pages.render("penalty_threshold", "2025-1", explained_by(*"OOOOOOOOOO", "N"))
    assert "10 sessions were missed without permission" in rendered.text
    assert "10 sessions were missed without permission" in rendered.html
    for form in (rendered.text, rendered.html):
        assert "For 1 more session, we do not know the reason yet." in form
        assert "if you can tell us a reason that we do not know yet" in form


def test_a_penalty_letter_speaks_of_one_session_as_one() -> None:
    rendered = pages.render("penalty_threshold", "2025-1", explained_by(*"ONNNNNNNNN"))
    for form in (rendered.text, rendered.html):
        assert "1 session was missed without permission" in form


def test_late_arrivals_are_only_spoken_of_where_there_are_any() -> None:
    late, never = (pages.render("penalty_threshold", "2025-1", explained_by(*codes)).text for codes in ("OUU", "OOO"))
    assert "2 of them were arrivals after the register had closed." in late
    assert "Arriving after the register has closed counts as missing that session." in late
    assert "register had closed" not in never
    assert not re.search(r"[^\n]\n[A-Z ]+\n\n", never), "a heading has an empty line above it"
    assert "register has closed" not in never


def test_counts_stand_beside_the_percentage() -> None:
    text = pages.render("persistent_absence", "2025-1", facts()).text
    assert "4 of 40 possible sessions (10.00%)" in text
    assert "up to 30 September 2025" in text


@pytest.mark.parametrize("kind", KINDS)
def test_both_forms_tell_the_person_the_child_the_school_and_every_date(kind: str) -> None:
    rendered = pages.render(kind, "2025-1", facts())
    for form in (rendered.html, rendered.text):
        for expected in (
            "Robin Parent", "Sam Child", "Hill School", "1 High Street", "B1 1AA", "29 September 2025",
            "30 September 2025", "Late after the register closed", "help",
        ):  # fmt: skip
            assert expected in form
    assert "<" not in rendered.text


@pytest.mark.parametrize("kind", KINDS)
def test_help_is_offered_before_anything_else_is_said(kind: str) -> None:
    text = pages.render(kind, "2025-1", facts()).text
    assert text.index("HOW WE WOULD LIKE TO HELP") < text.index("WHAT THE REGISTERS SHOW")


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_can_be_read_with_a_screen_reader(kind: str) -> None:
    outline = Outline(pages.render(kind, "2025-1", facts()).html)
    assert outline.named("html") == [{"lang": "en-GB"}]
    assert len(outline.named("main")) == len(outline.named("title")) == len(outline.named("h1")) == 1
    headings = [tag for tag, _ in outline.tags if re.fullmatch(r"h[1-6]", tag)]
    assert headings[0] == "h1"
    assert set(headings[1:]) == {"h2"}
    assert len(outline.named("caption")) == len(outline.named("table")) == 3
    assert {attributes.get("scope") for attributes in outline.named("th")} == {"col", "row"}


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1))
def test_a_name_can_never_become_markup(name: str) -> None:
    hostile = facts(replace(SAM, given_name=name), replace(ROBIN, name=f"<script>{name}</script>"))
    html = pages.render("persistent_absence", "2025-1", hostile).html
    tags = [tag for tag, _ in Outline(html).tags]
    plain = [tag for tag, _ in Outline(pages.render("persistent_absence", "2025-1", facts()).html).tags]
    assert tags == plain


def test_a_school_that_registers_do_not_name_has_words_and_several_schools_are_told_apart() -> None:
    sessions = [
        CountedSession(date="2025-09-29", session="AM", code="I", school_urn=URN),
        CountedSession(date="2025-09-29", session="PM", code="I", school_urn=100002),
    ]
    explanation = crossing().explanation

    both = facts(
        replace(SAM, schools={URN: "Hill School"}), explanation=msgspec.structs.replace(explanation, sessions=sessions)
    )
    assert both.several_schools
    assert [line.school for group in both.groups for line in group.lines] == ["Hill School", "your child’s school"]
    assert "Hill School" in pages.render("persistent_absence", "2025-1", both).html


@given(st.integers(0, 732), st.integers(1, 732))
def test_percentages_are_exact_and_rounded_half_up(part: int, whole: int) -> None:
    hundredths, rest = divmod(part * 10_000, whole)
    expected = hundredths + (2 * rest >= whole)
    assert percent(part, whole) == f"{expected // 100}.{expected % 100:02d}"


def test_every_letter_of_the_policy_has_its_templates() -> None:
    for policy in policies():
        for rule in policy.letters.values():
            folder = files("notifications").joinpath("templates", rule.letter, rule.template_version)
            assert folder.joinpath("letter.html").is_file()
            assert folder.joinpath("letter.txt").is_file()


def test_a_subject_line_names_nobody() -> None:
    assert all("Sam" not in pages.subject(kind) for kind in KINDS)


@pytest.mark.parametrize(
    ("accept", "given_form"),
    [
        (None, "text/html"),
        ("", "text/html"),
        ("*/*", "text/html"),
        ("text/plain", "text/plain"),
        ("text/*;q=0.5, text/plain", "text/plain"),
        ("text/html;q=0.2, text/plain;q=0.4", "text/plain"),
        ("TEXT/HTML", "text/html"),
        ("text/html;q=0, */*", "text/plain"),
        ("application/pdf", None),
        ("text/html;q=0", None),
        ("text/html;q=nonsense", None),
        ("application/pdf, text/plain;q=0.1", "text/plain"),
    ],
)
def test_the_caller_gets_the_form_that_it_likes_best(accept: str | None, given_form: str | None) -> None:
    assert preferred(accept, ("text/html", "text/plain")) == given_form
