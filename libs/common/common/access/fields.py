"""Fields that may be left out of whatever is answered to a client (redaction)."""

REDACTIONS = "rollcall.redactions"
"""In the scope of a request: what is left out of its answer. Set once it is known who asks."""

REDACTABLE: dict[str, tuple[str, ...]] = {
    "given_name": ("given_name",),
    "family_name": ("family_name",),
    "date_of_birth": ("date_of_birth",),
    "upn": ("upn", "upns"),
    "sex": ("sex",),
    "flags": ("flags", "flag", "flag_spans", "social_worker", "ever_social_worker"),
    "contacts": ("contacts", "given_by", "address"),
    "social_workers": ("social_workers", "social_worker", "ever_social_worker"),
    "siblings": ("siblings", "households"),
    "reason": ("reason", "reason_detail", "why"),
    "comment": ("comment", "note"),
}
"""As an agreement names them: the members of answers, and columns of files, that hold or tell each. Lists that tell it
by who is in them are refused by their routes (`Caller.check_shown`).
"""
