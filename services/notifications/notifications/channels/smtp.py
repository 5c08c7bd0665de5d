"""E-mail over SMTP: a message with both forms of the letter, and a copy in a folder of our own.

The connection is made, secured and authenticated before `sending` is recorded. What goes wrong after that leaves the
letter in doubt: SMTP can't be asked whether a message was taken.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from pathlib import Path
from urllib.parse import unquote, urlsplit

from aiosmtplib import SMTP, SMTPException
from common.clock import Clock

from notifications.channels import ChannelAwayError, HandOverError, Parcel
from notifications.channels.copies import Copies
from notifications.domain.values import ChannelName

SECONDS = 20.0


class SmtpChannel:
    """Sends e-mails through a server: `smtp://` (STARTTLS when the server offers it) or `smtps://`."""

    name: ChannelName = "email"
    repeatable = False

    def __init__(self, url: str, sender: str, copies: Path, clock: Clock) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("the SMTP URL must look like smtp[s]://user:password@host:port")
        self._tls = parts.scheme == "smtps"
        self._host, self._port = parts.hostname, parts.port or (465 if self._tls else 25)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._sender, self._clock = sender, clock
        self._copies = Copies(copies)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator["_Connection"]:
        """See `Channel`: away while the server can't be reached, or does not let us in."""
        client = SMTP(
            hostname=self._host,
            port=self._port,
            use_tls=self._tls,
            username=self._user or None,
            password=self._password or None,
            timeout=SECONDS,
        )
        try:
            await asyncio.to_thread(self._copies.make_ready)
            await client.connect()
        except (SMTPException, OSError) as error:
            client.close()
            raise ChannelAwayError(type(error).__name__) from error
        try:
            yield _Connection(client, self)
        finally:
            with suppress(SMTPException, OSError):
                await client.quit()
            client.close()

    async def has_left(self, letter_id: str) -> bool:
        """See `Channel`: nobody can know."""
        return False

    async def keep(self, parcel: Parcel) -> None:
        """Keeps a copy of what is about to be sent."""
        await asyncio.to_thread(self._copies.put, parcel.letter_id, parcel.content)

    def message(self, parcel: Parcel) -> EmailMessage:
        """The e-mail: the same Message-ID for the same letter; its subject names nobody."""
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = parcel.address
        message["Subject"] = parcel.subject
        message["Date"] = format_datetime(self._clock.now())
        domain = parseaddr(self._sender)[1].rpartition("@")[2] or "rollcall.invalid"
        message["Message-ID"] = f"<{parcel.letter_id}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(parcel.content.text)
        message.add_alternative(parcel.content.html, subtype="html")
        return message


class _Connection:
    def __init__(self, client: SMTP, channel: SmtpChannel) -> None:
        self._client, self._channel = client, channel

    async def deliver(self, parcel: Parcel) -> None:
        """See `HandOver`."""
        try:
            message = self._channel.message(parcel)
            await self._channel.keep(parcel)
            await self._client.send_message(message)
        except (SMTPException, OSError, ValueError) as error:
            raise HandOverError(type(error).__name__) from error
