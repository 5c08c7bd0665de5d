"""What can be set from outside: read once, in `main`, from `ROLLCALL_*` in the environment; frozen from then on.

The command's options override the environment. Secrets have no default; what development needs instead, `rollcall up`
makes and passes in.
"""

import socket
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from common.clock import Clock
from common.kafka_access import KafkaAccess, Mechanism, Protocol
from common.scopes import AUDIENCE
from common.sealed import Keyring

_QUOTAS = {"development": 600_000, "production": 30_000}
"""Requests a minute of one client: in development, everything that is tried out shares one token."""


class NoKeysError(ValueError):
    """A service that keeps personal data was given no keys to seal it with."""


class Settings(BaseSettings):
    """One class for all services; README's table lists it."""

    model_config = SettingsConfigDict(env_prefix="ROLLCALL_", frozen=True, extra="ignore")

    environment: Literal["development", "production"] = "development"
    database_url: str = Field(description="The PostgreSQL server; each service has its own database on it.")
    kafka: str | None = Field(
        default=None,
        pattern=r"^[^\s,]+:[0-9]+(,[^\s,]+:[0-9]+)*$",
        description="HOST:PORT of Apache Kafka, or several with commas; without it, the embedded broker.",
    )
    kafka_security_protocol: Protocol | None = Field(
        default=None, description="PLAINTEXT (development's default), SSL, SASL_PLAINTEXT, SASL_SSL."
    )
    kafka_ca_file: Path | None = Field(default=None, description="Certificates (PEM) that may sign the broker's.")
    kafka_sasl_mechanism: Mechanism = "SCRAM-SHA-512"
    kafka_user: str | None = None
    kafka_password: str | None = Field(default=None, repr=False)
    partitions: int = Field(default=6, ge=1, le=1000, description="Partitions of a topic that is made anew.")

    web_host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    metrics_port: int | None = Field(default=None, ge=0, le=65535, description="/metrics on a port of its own.")
    connections: int = Field(default=2000, ge=10, le=100_000, description="How many callers a process is connected to.")
    rate_limit_reads: int | None = Field(
        default=None, ge=0, description="Reads a minute of one client, 0 sets no limit; production's default: 30,000."
    )
    rate_limit_writes: int | None = Field(
        default=None, ge=0, description="Writes a minute of one client, 0 sets no limit; production's default: 30,000."
    )
    requests_at_once: int = Field(default=16, ge=1, description="Requests of one client that a process works on.")

    issuer: str | None = Field(default=None, description="`iss` of the tokens that are let in.")
    jwks_url: str | None = Field(
        default=None, description="Where the issuer's public keys are; else where the issuer's metadata say."
    )
    audience: str = Field(default=AUDIENCE, min_length=1, description="`aud` of the tokens that are let in.")
    token_url: str | None = Field(default=None, description="Where services get their own tokens.")
    client_id: str | None = None
    client_secret: str | None = Field(default=None, repr=False)
    registers_url: str | None = Field(default=None, description="Where notifications finds the registers service.")

    consumers: Literal["required", "optional"] | None = Field(
        default=None, description="Whether a client without an agreement gets nowhere; production's default: required."
    )

    household_key: str | None = Field(
        default=None, min_length=32, repr=False, description="What siblings' codes are made with; none, no codes."
    )

    keys: str | None = Field(
        default=None, repr=False, description="What personal data is sealed with: id:base64,… of 32 bytes, first seals."
    )
    lookup_key: str | None = Field(
        default=None, repr=False, description="What it is found again by: 32 bytes in base64, never to change."
    )

    today: date | None = Field(default=None, description="The date that it is; development and tests only.")
    letter_hold_hours: float = Field(default=24, ge=0, description="How long a letter waits before it may leave.")
    letters_folder: Path = Field(default=Path("letters"), description="Where the folder channel puts sent letters.")
    smtp_url: str | None = Field(default=None, repr=False, description="smtp[s]://user:password@host:port")
    smtp_from: str = "attendance@example.org"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @model_validator(mode="after")
    def _production_has_no_shortcuts(self) -> "Settings":
        if self.environment == "production":
            if self.today is not None:
                raise ValueError("ROLLCALL_TODAY is for development only")
            if self.metrics_port is None:
                raise ValueError("in production /metrics needs a port of its own: ROLLCALL_METRICS_PORT")
            if self.kafka is not None and self.kafka_security_protocol is None:
                raise ValueError("in production say how Kafka is talked to: ROLLCALL_KAFKA_SECURITY_PROTOCOL")
        return self

    @model_validator(mode="after")
    def _kafka_is_told_whole(self) -> "Settings":
        if problem := self.kafka_access().problem():
            raise ValueError(problem)
        return self

    @model_validator(mode="after")
    def _keys_can_be_read(self) -> "Settings":
        if (self.keys is None) != (self.lookup_key is None):
            raise ValueError("ROLLCALL_KEYS and ROLLCALL_LOOKUP_KEY go together")
        if self.keys is not None:
            self.keyring()
        return self

    def kafka_access(self) -> KafkaAccess:
        """How Kafka is talked to."""
        return KafkaAccess(
            protocol=self.kafka_security_protocol or "PLAINTEXT",
            ca_file=self.kafka_ca_file,
            mechanism=self.kafka_sasl_mechanism,
            user=self.kafka_user,
            password=self.kafka_password,
        )

    def keyring(self) -> Keyring:
        """What personal data is sealed with; NoKeysError."""
        if self.keys is None or self.lookup_key is None:
            raise NoKeysError("set ROLLCALL_KEYS and ROLLCALL_LOOKUP_KEY: personal data is kept sealed")
        return Keyring.parse(self.keys, self.lookup_key)

    @property
    def consumers_required(self) -> bool:
        """Whether a client needs an agreement."""
        return (self.consumers or ("required" if self.environment == "production" else "optional")) == "required"

    @property
    def reads_a_minute(self) -> int:
        """What one client may read; 0 is no limit."""
        return _QUOTAS[self.environment] if self.rate_limit_reads is None else self.rate_limit_reads

    @property
    def writes_a_minute(self) -> int:
        """What one client may write; 0 is no limit."""
        return _QUOTAS[self.environment] if self.rate_limit_writes is None else self.rate_limit_writes

    def household_secret(self) -> bytes | None:
        """The key of households."""
        return None if self.household_key is None else self.household_key.encode()

    def clock(self) -> Clock:
        """The clock of this process."""
        return Clock(fixed_today=self.today)

    def member(self, service: str) -> str:
        """What this process is called in a consumer group: stable over restarts, and one of its kind at a time."""
        return f"{service}-{socket.gethostname()}-{self.port}"
