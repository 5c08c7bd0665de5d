"""Settings: from the environment, frozen, strict in production."""

from datetime import date
from typing import Any

import pytest
from common.kafka_access import PLAINTEXT
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


def test_production_says_how_kafka_is_talked_to() -> None:
    told: dict[str, Any] = {"database_url": "x", "environment": "production", "metrics_port": 1, "kafka": "k:9092"}
    with pytest.raises(ValidationError, match="ROLLCALL_KAFKA_SECURITY_PROTOCOL"):
        Settings(**told)
    assert Settings(**told, kafka_security_protocol="SSL").kafka_access().is_encrypted
    assert Settings(**told, kafka_security_protocol="PLAINTEXT").kafka_access() == PLAINTEXT
    assert Settings(database_url="x", kafka="k:9092").kafka_access() == PLAINTEXT


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kafka_security_protocol": "SASL_SSL"}, "needs ROLLCALL_KAFKA_USER and ROLLCALL_KAFKA_PASSWORD"),
        ({"kafka_security_protocol": "SASL_SSL", "kafka_user": "u"}, "needs ROLLCALL_KAFKA_USER"),
        ({"kafka_user": "u", "kafka_password": "p"}, "wants SASL_SSL"),
        ({"kafka_security_protocol": "SSL", "kafka_password": "p"}, "wants SASL_SSL"),
        ({"kafka_ca_file": "ca.pem"}, "is not encrypted"),
        ({"kafka_security_protocol": "SSL", "kafka_ca_file": "/nowhere/ca.pem"}, "can't be read"),
        ({"kafka_security_protocol": "SSL", "kafka_ca_file": __file__}, "can't be read"),
        ({"kafka_security_protocol": "TLS"}, "kafka_security_protocol"),
    ],
)
def test_what_would_be_sent_to_nobody_or_in_the_clear_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings(database_url="x", **wrong)


def test_the_password_of_kafka_does_not_show() -> None:
    told: dict[str, Any] = {"kafka_user": "u", "kafka_password": "hidden-3", "kafka_security_protocol": "SASL_SSL"}
    settings = Settings(database_url="x", **told)
    assert "hidden" not in repr(settings) + repr(settings.kafka_access())
    assert settings.kafka_access().password == "hidden-3"


def test_a_fixed_clock_is_for_development() -> None:
    assert Settings(database_url="x", today=date(2025, 9, 1)).clock().today() == date(2025, 9, 1)
