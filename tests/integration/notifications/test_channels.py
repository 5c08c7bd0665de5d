"""One behaviour for every way out of the building: the folder, and a real SMTP server."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from common.clock import Clock
from notifications.actions.send import send_due
from notifications.channels import Channel, ChannelAwayError, HandOverError, Parcel
from notifications.channels.copies import Archive, Copies
from notifications.channels.folder import FolderChannel
from notifications.channels.smtp import SmtpChannel
from notifications.domain.page import Rendered

from tests.binaries import free_port
from tests.integration.notifications.conftest import Desk, RegistersService
from tests.told import NOW, crossing, some_id

PARCEL = Parcel(
    letter_id=some_id("l1"),
    address="robin@example.org",
    subject="How we can help",
    content=Rendered(html="<p>Dear Robin, it’s about school</p>", text="Dear Robin, it’s about school\n"),
)


class Mailbox:
    """What an SMTP server took, and what it refuses."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.refuse: str = ""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.refuse:
            return self.refuse
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 OK"


class Server:
    """A running SMTP server, that may be stopped more than once."""

    def __init__(self, mailbox: Mailbox, **options: Any) -> None:
        self._controller = Controller(mailbox, hostname="127.0.0.1", port=free_port(), **options)
        self._controller.start()
        self.url = f"smtp://127.0.0.1:{self._controller.port}"
        self._running = True

    def stop(self) -> None:
        if self._running:
            self._running = False
            self._controller.stop()


@dataclass
class Outside:
    """A channel, what arrived through it, and a way to cut it off."""

    channel: Channel
    arrived: Callable[[], list[tuple[str, str]]]
    cut_off: Callable[[], None]
    copies: Archive


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def smtp(mailbox: Mailbox) -> Iterator["Server"]:
    server = Server(mailbox)
    yield server
    server.stop()


@pytest.fixture(params=["folder", "smtp"])
async def outside(
    request: pytest.FixtureRequest, tmp_path: Path, mailbox: Mailbox, smtp: Server
) -> AsyncIterator[Outside]:
    folder = tmp_path / "out"
    if request.param == "folder":

        def on_paper() -> list[tuple[str, str]]:
            found = sorted(folder.glob("*/letter.txt"))
            return [(path.read_text(), path.with_suffix(".html").read_text()) for path in found]

        def in_the_way() -> None:
            folder.write_text("not a folder")

        yield Outside(FolderChannel(folder), on_paper, in_the_way, Archive([folder]))
        return

    def received() -> list[tuple[str, str]]:
        bodies = [(m.get_body(("plain",)), m.get_body(("html",))) for m in mailbox.messages]
        return [(text.get_content(), html.get_content()) for text, html in bodies if text and html]

    channel = SmtpChannel(smtp.url, "Attendance <attendance@example.org>", folder, Clock(wall=lambda: NOW))
    yield Outside(channel, received, smtp.stop, Archive([folder]))


async def test_what_was_delivered_has_arrived_in_both_forms(outside: Outside) -> None:
    async with outside.channel.open() as handover:
        await handover.deliver(PARCEL)
    ((text, html),) = outside.arrived()
    assert (text.strip(), html.strip()) == (PARCEL.content.text.strip(), PARCEL.content.html.strip())


async def test_opening_a_channel_delivers_nothing(outside: Outside) -> None:
    async with outside.channel.open():
        pass
    assert outside.arrived() == []


async def test_a_channel_that_is_away_says_so_before_anything_is_handed_over(outside: Outside) -> None:
    outside.cut_off()
    with pytest.raises(ChannelAwayError):
        async with outside.channel.open():
            raise AssertionError("unreachable")


async def test_a_copy_of_what_left_can_be_read_afterwards(outside: Outside) -> None:
    assert await outside.copies.content(PARCEL.letter_id) is None
    async with outside.channel.open() as handover:
        await handover.deliver(PARCEL)
    assert await outside.copies.content(PARCEL.letter_id) == PARCEL.content


async def test_a_channel_that_may_be_repeated_knows_what_has_left_and_makes_no_second(outside: Outside) -> None:
    assert not await outside.channel.has_left(PARCEL.letter_id)
    async with outside.channel.open() as handover:
        await handover.deliver(PARCEL)
        if outside.channel.repeatable:
            await handover.deliver(PARCEL)
    assert await outside.channel.has_left(PARCEL.letter_id) == outside.channel.repeatable
    assert len(outside.arrived()) == 1


async def test_an_email_names_nobody_in_its_subject_and_has_one_id_per_letter(
    tmp_path: Path, smtp: Server, mailbox: Mailbox
) -> None:
    channel = SmtpChannel(smtp.url, "attendance@example.org", tmp_path, Clock(wall=lambda: NOW))
    async with channel.open() as handover:
        await handover.deliver(PARCEL)
    (message,) = mailbox.messages
    assert (message["To"], message["Subject"]) == ("robin@example.org", "How we can help")
    assert message["Message-ID"] == f"<{PARCEL.letter_id}@example.org>"


async def test_a_refusal_leaves_the_letter_in_doubt(tmp_path: Path, smtp: Server, mailbox: Mailbox) -> None:
    mailbox.refuse = "550 no"
    channel = SmtpChannel(smtp.url, "attendance@example.org", tmp_path, Clock(wall=lambda: NOW))
    async with channel.open() as handover:
        with pytest.raises(HandOverError):
            await handover.deliver(PARCEL)
        with pytest.raises(HandOverError):
            await handover.deliver(Parcel(PARCEL.letter_id, "a@b\r\nBcc: c@d", PARCEL.subject, PARCEL.content))


async def test_a_wrong_password_is_a_channel_that_is_away(tmp_path: Path) -> None:
    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=data.password == b"right", handled=False)

    options: dict[str, Any] = {"authenticator": authenticate, "auth_require_tls": False}
    server = Server(Mailbox(), **options)
    try:
        for password, lets_in in (("right", True), ("wrong", False)):
            url = server.url.replace("//", f"//user:{password}@")
            channel = SmtpChannel(url, "attendance@example.org", tmp_path, Clock())
            if lets_in:
                async with channel.open():
                    pass
            else:
                with pytest.raises(ChannelAwayError):
                    async with channel.open():
                        pass
    finally:
        server.stop()


def test_an_address_that_is_no_smtp_server_is_refused_at_once(tmp_path: Path) -> None:
    for url in ("http://mail", "smtp://", "mail.example.org:25"):
        with pytest.raises(ValueError, match="SMTP URL"):
            SmtpChannel(url, "attendance@example.org", tmp_path, Clock())


def test_letters_on_the_disk_can_be_read_by_their_owner_alone(tmp_path: Path) -> None:
    copies = Copies(tmp_path / "out")
    copies.make_ready()
    copies.put("l1", PARCEL.content)
    for path in (tmp_path / "out", tmp_path / "out" / "l1", *(tmp_path / "out" / "l1").iterdir()):
        assert path.stat().st_mode & 0o077 == 0
    (tmp_path / "out" / ".l2.making").mkdir()
    copies.put("l2", PARCEL.content)
    assert copies.get("l2") == PARCEL.content


async def test_a_parent_with_an_address_gets_an_email_and_the_others_a_letter(
    desk: Desk, registers: RegistersService, tmp_path: Path, smtp: Server, mailbox: Mailbox
) -> None:
    registers.name("p1", email="p1@example.org")
    registers.name("p2")
    channel = SmtpChannel(smtp.url, "attendance@example.org", tmp_path / "letters" / "emailed", desk.office.clock)
    both = desk.with_channels(email=channel, letter=desk.office.channels["letter"])
    letters = await both.settled(crossing())
    assert {letter.recipient_id: letter.channel for letter in letters} == {
        some_id("p1"): "email", some_id("p2"): "letter",
    }  # fmt: skip
    both.after_the_hold()
    assert await send_due(both.office, asyncio.Event()) == (2, "")
    assert {letter.status for letter in await both.letters()} == {"sent"}
    assert [message["To"] for message in mailbox.messages] == ["p1@example.org"]


async def test_a_mail_server_that_is_away_holds_up_no_letter_on_paper(
    desk: Desk, registers: RegistersService, tmp_path: Path
) -> None:
    for n in range(3):
        registers.name(f"p{n}", email=f"p{n}@example.org")
    registers.name("paper")
    channel = SmtpChannel(f"smtp://127.0.0.1:{free_port()}", "attendance@example.org", tmp_path, desk.office.clock)
    both = desk.with_channels(email=channel, letter=desk.office.channels["letter"])
    await both.settled(crossing())
    both.after_the_hold()
    assert await send_due(both.office, asyncio.Event()) == (1, "channel email is away")
    assert {letter.channel: letter.status for letter in await both.letters()} == {"email": "queued", "letter": "sent"}
