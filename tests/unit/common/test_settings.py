"""Settings: from the environment, frozen, strict in production."""

from datetime import date

import pytest
from common.settings import Settings
from pydantic import ValidationError


def test_the_environment_sets_and_the_caller_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_DATABASE_URL", "postgresql://a/b")
    monkeypatch.setenv("ROLLCALL_TODAY", "2025-11-28")
    settings = Settings(port=9000)  # type: ignore[call-arg]
    assert settings.database_url == "postgresql://a/b"
    assert settings.clock().today() == date(2025, 11, 28)
    assert settings.port == 9000


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings(database_url="x").port = 1  # type: ignore[misc]


def test_secrets_do_not_show() -> None:
    shown = repr(Settings(database_url="x", client_secret="hidden-1", smtp_url="smtp://user:hidden-2@mail"))
    assert "hidden" not in shown


@pytest.mark.parametrize("wrong", [{"today": "2025-11-28", "metrics_port": 9100}, {"metrics_port": None}])
def test_production_takes_no_shortcut(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings(database_url="x", environment="production", **wrong)  # type: ignore[arg-type]


def test_a_fixed_clock_is_for_development() -> None:
    assert Settings(database_url="x", today=date(2025, 9, 1)).clock().today() == date(2025, 9, 1)
