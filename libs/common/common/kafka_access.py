"""How an Apache Kafka is talked to: encrypted or not, and under which name."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaAccess:
    """Kafka's own words. `ca_file`: the certificates (PEM) that may sign the broker's, None being those that the system
    trusts; the broker's must bear the host's name. `user` and `password` are for the SASL protocols.
    """

    protocol: Protocol = "PLAINTEXT"
    ca_file: Path | None = None
    mechanism: Mechanism = "SCRAM-SHA-512"
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def is_encrypted(self) -> bool:
        return self.protocol in ("SSL", "SASL_SSL")

    @property
    def has_login(self) -> bool:
        return self.protocol in ("SASL_PLAINTEXT", "SASL_SSL")

    def problem(self) -> str | None:
        """What is missing or can't be meant; None when nothing is."""
        if self.has_login and not (self.user and self.password):
            return f"{self.protocol} needs ROLLCALL_KAFKA_USER and ROLLCALL_KAFKA_PASSWORD"
        if not self.has_login and (self.user or self.password):
            return f"nobody logs in by {self.protocol}: a user or a password wants SASL_SSL"
        if not self.is_encrypted and self.ca_file is not None:
            return f"{self.protocol} is not encrypted: ROLLCALL_KAFKA_CA_FILE wants SSL or SASL_SSL"
        try:
            self.options()
        except OSError as error:  # ssl.SSLError is one
            return f"the certificates of ROLLCALL_KAFKA_CA_FILE can't be read: {error}"
        return None

    def options(self) -> dict[str, Any]:
        """What each of a client's connections is opened with, in the words of aiokafka."""
        found: dict[str, Any] = {"security_protocol": self.protocol}
        if self.is_encrypted:
            found["ssl_context"] = ssl.create_default_context(cafile=self.ca_file)
        if self.has_login:
            found["sasl_mechanism"] = self.mechanism
            found["sasl_plain_username"], found["sasl_plain_password"] = self.user, self.password
        return found


PLAINTEXT = KafkaAccess()
