"""Makes the text of a letter: templates in versioned folders, filled with a page's facts.

`templates/<letter kind>/<version>/letter.html` and `.txt`; a folder that letters were sent from is never changed, a new
text is a new version. In HTML every fact is escaped: a name can never become markup.
"""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from notifications.domain.page import Page, Rendered

SUBJECTS = {
    "persistent_absence": "How we can help with being in school",
    "severe_absence": "A plan to support your family",
    "penalty_threshold": "Sessions missed without permission",
}


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("notifications"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def subject(kind: str) -> str:
    """The subject line of an e-mail with a letter of a kind: it names nobody."""
    return SUBJECTS.get(kind, "About attendance")


def render(kind: str, version: str, page: Page) -> Rendered:
    """The letter of a kind in a version of its templates; TemplateNotFound for one that there is not."""
    templates = _environment()
    return Rendered(
        html=templates.get_template(f"{kind}/{version}/letter.html").render(page=page),
        text=templates.get_template(f"{kind}/{version}/letter.txt").render(page=page),
    )
