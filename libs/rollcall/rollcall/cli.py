"""The words of the command and their options. A word's module is imported only when it is used: `token` is quick."""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import date
from importlib import import_module
from pathlib import Path

SERVICES = ("registers", "absence-engine", "casework", "notifications")
PORT = "where the API listens (default: %(default)s)"
SYSTEMS = ("wonde",)
PARTED = ("absence-engine",)
"""The services whose parts may be processes of their own."""
PARTS = {"web": "what answers", "work": "what works in the background"}
REBUILT = ("absence-engine",)
"""The services that can begin again from the ledgers."""


class CommandError(Exception):
    """Why a command can't do what was asked, in a sentence for the person who typed it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one word; the exit status. 2 stands for a command that could not begin."""
    options = parser().parse_args(arguments)
    try:
        return int(import_module(f"rollcall.{options.module}").main(options))
    except CommandError as error:
        print(f"rollcall: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """Every word with its options."""
    top = argparse.ArgumentParser(prog="rollcall", description="Live school attendance for a local authority.")
    words = top.add_subparsers(required=True, metavar="COMMAND")

    up = _word(words, "up", "up", "run all services in one process")
    up.add_argument("--data", type=Path, metavar="DIR", help="data folder (default: data; of a sandbox: sandbox)")
    up.add_argument("--port", type=int, default=8080, metavar="N", help=PORT)
    up.add_argument("--kafka", metavar="HOST:PORT", help="a real Apache Kafka instead of the embedded broker")
    up.add_argument("--database", metavar="URL", help="a real PostgreSQL server instead of the embedded one")

    text = "a fictional authority to try calls on, with a date that can be set (GET /v1/sandbox)"
    up.add_argument("--sandbox", action="store_true", help=text)

    service = _word(words, "service", "alone", "run one service alone")
    service.add_argument("name", choices=SERVICES, metavar="NAME", help=_one_of(SERVICES))
    service.add_argument("--database", metavar="URL", help="PostgreSQL server (ROLLCALL_DATABASE_URL)")
    service.add_argument("--kafka", metavar="HOST:PORT", help="Apache Kafka (ROLLCALL_KAFKA)")
    service.add_argument("--port", type=int, metavar="N", help="where the API listens (ROLLCALL_PORT)")
    service.add_argument("--issuer", metavar="URL", help="`iss` of the tokens that are let in (ROLLCALL_ISSUER)")
    service.add_argument("--jwks-url", metavar="URL", help="the issuer's public keys (ROLLCALL_JWKS_URL)")
    service.add_argument("--registers-url", metavar="URL", help="the registers service (ROLLCALL_REGISTERS_URL)")

    parts = ", ".join(f"{part} ({what})" for part, what in PARTS.items())
    service.add_argument("--only", choices=PARTS, metavar="PART", help=f"one part of {_one_of(PARTED)} alone: {parts}")

    issuer = _word(words, "issuer", "issuer_command", "run the development issuer alone")
    issuer.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of its keys, made if absent")
    issuer.add_argument("--port", type=int, required=True, metavar="N", help="where it listens")

    token = _word(words, "token", "token", "print a bearer token of the embedded issuer (development only)")
    token.add_argument("--data", type=Path, required=True, metavar="DIR", help="data folder of `up` or `issuer`")
    token.add_argument("--scope", required=True, help='what it opens, for example "registers:write totals:read"')
    token.add_argument("--school", type=int, nargs="+", action="extend", metavar="URN", help="only these schools")

    _add_conformance(words)
    _add_clients(words)
    _add_repairs(words)
    _add_connect(words)

    demo = _word(words, "demo", "demo", "play school days of a simulated authority on the embedded product")
    demo.add_argument("--pupils", type=int, default=1000, metavar="N", help="pupils in all (default: %(default)s)")
    demo.add_argument("--days", type=int, default=30, metavar="N", help="school days to play (default: %(default)s)")
    demo.add_argument("--port", type=int, default=8080, metavar="N", help=PORT)
    demo.add_argument("--data", type=Path, metavar="DIR", help="data folder (default: a new one)")
    demo.add_argument("--once", action="store_true", help="end after the summary; 0 only if the audit found nothing")
    return top


def _add_conformance(words: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The word for the maker of a school's system."""
    text = "stand between a school's system and a sandbox, and report what the system handles"
    kit = _word(words, "conformance", "conformance.command", text)
    kit.add_argument("--url", required=True, metavar="URL", help="the sandbox, or any other installation for trials")
    kit.add_argument("--listen", type=int, default=9090, metavar="N", help="port for the system (default: %(default)s)")
    kit.add_argument("--minutes", type=float, metavar="N", help="report after so long (default: on Ctrl-C)")
    kit.add_argument("--json", type=Path, metavar="FILE", help="write the report there as well, as JSON")
    text = "seconds that a planted 503 and 429 ask for (default: %(default)s)"
    kit.add_argument("--retry-after", type=int, default=2, metavar="N", help=text)


def _add_connect(words: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The word for schools whose system does not post by itself."""
    connect = _word(words, "connect", "connect", "read schools' systems on a schedule and send what is new")
    connect.add_argument("system", choices=SYSTEMS, metavar="SYSTEM", help=_one_of(SYSTEMS))
    text = "a school: the system's id of it, and its URN; may be repeated"
    connect.add_argument("--school", nargs="+", action="extend", required=True, metavar="ID=URN", help=text)
    connect.add_argument("--url", required=True, metavar="URL", help="where Rollcall answers")
    text = "folder of what was acknowledged, DIR/wonde.db (default: %(default)s)"
    connect.add_argument("--data", type=Path, default=Path("data"), metavar="DIR", help=text)
    often = connect.add_mutually_exclusive_group()
    text = "seconds from the beginning of a run to that of the next (default: %(default)s)"
    often.add_argument("--every", type=float, default=300.0, metavar="SECONDS", help=text)
    often.add_argument("--once", action="store_true", help="one run; 1 when a school could not be read to its end")
    text = "the first day whose attendance is sent (default: that of the academic year)"
    connect.add_argument("--since", type=date.fromisoformat, metavar="DATE", help=text)
    text = "send a school's own code as an attendance code, of one school or of all; may be repeated"
    connect.add_argument("--code", nargs="+", action="extend", default=[], metavar="[ID:]CODE=CODE", help=text)
    connect.add_argument("--again", action="store_true", help="read everything again; what is new is sent")


def _add_clients(words: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The word for who gives systems access where the embedded issuer does so."""
    clients = _word(words, "clients", "clients_command", "say who may get tokens of the embedded issuer")
    what = clients.add_subparsers(required=True, dest="what", metavar="WHAT", help="add, list or revoke")
    add = what.add_parser("add", help="add a client and print its secret, once")
    add.add_argument("name", metavar="NAME", help="what it is called for ever; never given again")
    add.add_argument("--scope", required=True, help="what its tokens may open, at most")
    add.add_argument("--school", type=int, nargs="+", action="extend", metavar="URN", help="only these schools")
    revoke = what.add_parser("revoke", help="give a client no more tokens, and refuse those that it has")
    revoke.add_argument("name", metavar="NAME")
    for one in (add, revoke, what.add_parser("list", help="list the clients")):
        one.add_argument("--data", type=Path, required=True, metavar="DIR", help="data folder of `up` or `issuer`")


def _add_repairs(words: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The words for an operator who doubts what is there."""
    republish = _word(words, "republish", "republish", "have the running relay send entries or states again")
    republish.add_argument("--service", choices=SERVICES, required=True, metavar="NAME", help=_one_of(SERVICES))
    _where(republish)
    republish.add_argument("--school", type=int, metavar="URN", help="only this school")
    republish.add_argument("--from", type=int, dest="from_number", metavar="N", help="from this entry of the ledger on")

    rebuild = _word(words, "rebuild", "rebuild", "have a service empty its figures and read the ledgers again")
    rebuild.add_argument("service", choices=REBUILT, metavar="NAME", help=_one_of(REBUILT))
    _where(rebuild)

    text = "have the engine look at all children of authorities once more, by the policies in force"
    reevaluate = _word(words, "reevaluate", "reevaluate", text)
    whom = reevaluate.add_mutually_exclusive_group(required=True)
    whom.add_argument("--la", nargs="+", action="extend", metavar="CODE", help="these authorities")
    whom.add_argument("--all", action="store_true", help="every authority that has a school")
    _where(reevaluate)

    text = "seal all that is kept of people under the first key of the ring, while services work"
    _where(_word(words, "rotate-keys", "rotate_keys", text))

    audit = _word(words, "audit", "audit_command", "recompute everything by a second implementation and compare")
    _where(audit)


def _word(
    words: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, module: str, text: str
) -> argparse.ArgumentParser:
    word = words.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    word.set_defaults(module=module)
    return word


def _one_of(names: Sequence[str]) -> str:
    return ", ".join(names)


def _where(word: argparse.ArgumentParser) -> None:
    where = word.add_mutually_exclusive_group(required=True)
    where.add_argument("--data", type=Path, metavar="DIR", help="data folder, of a running product or a stopped one")
    where.add_argument("--database", metavar="URL", help="PostgreSQL server")


def port_taken(port: int, error: OSError | OverflowError) -> CommandError:
    """What to say when a port can't be listened on."""
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return CommandError(f"can't listen on port {port}: {reason}")
