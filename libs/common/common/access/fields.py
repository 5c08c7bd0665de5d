"""Fields that may be left out of whatever is answered to a client (redaction)."""

REDACTIONS = "rollcall.redactions"
"""In the scope of a request: what is left out of its answer. Set once it is known who asks."""

REDACTABLE: dict[str, tuple[str, ...]] = {
    "given_name": ("given_name",),
    "family_name": ("family_name",),
    "date_of_birth": ("date_of_birth",),
    "upn": ("upn", "upns"),
    "sex": ("sex",),
    "flags": ("flags", "flag"),
    "contacts": ("contacts", "given_by"),
    "social_workers": ("social_workers", "social_worker"),
    "siblings": ("siblings", "households"),
    "reason": ("reason", "reason_detail", "why"),
    "comment": ("comment", "note"),
}
"""As an agreement names them: the members of answers, and columns of files, that hold each."""
