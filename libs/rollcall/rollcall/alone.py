"""`rollcall service NAME`: one service by itself, or one part of it, as in production: real database, real broker,
tokens of an issuer.
"""

import argparse

from common.broker import Broker
from common.logs import configure_logging
from common.run import listen, run, run_loop, stop_on_signals
from common.security import verifier_for
from common.service import part_of
from common.settings import NoKeysError, Settings
from pydantic import ValidationError

from rollcall.cli import PARTED, CommandError, port_taken
from rollcall.services import factory

OPTIONS = {
    "database": "database_url",
    "kafka": "kafka",
    "port": "port",
    "issuer": "issuer",
    "jwks_url": "jwks_url",
    "registers_url": "registers_url",
}


def main(options: argparse.Namespace) -> int:
    """Serves until SIGTERM or Ctrl-C."""
    if options.only is not None and options.name not in PARTED:
        raise CommandError(f"{options.name} does not run in parts: --only is for {', '.join(PARTED)}")
    settings = _settings(options)
    configure_logging(settings.log_level)
    try:
        verifier = verifier_for(settings)
        listener = listen(settings.web_host, settings.port)
    except ValueError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise port_taken(settings.port, error) from error
    host, port = listener.getsockname()[:2]

    async def serve() -> int:
        stop = stop_on_signals()
        broker = open_broker(settings)
        try:
            service = await factory(options.name)(settings, broker)
            return await run(
                [service if options.only is None else part_of(service, options.only)],
                settings,
                verifier=verifier,
                listener=listener,
                stop=stop,
                on_ready=lambda: print(f"ready http://{host}:{port}", flush=True),
            )
        finally:
            await broker.close()

    try:
        return run_loop(serve())
    except NoKeysError as error:
        raise CommandError(f"{options.name}: {error}") from error


def open_broker(settings: Settings) -> Broker:
    """Apache Kafka when the settings name one, else the embedded broker on the same database server."""
    if settings.kafka:
        from common.kafka import open_kafka

        return open_kafka(settings.kafka, settings.kafka_access())
    from common.embedded import open_embedded

    return open_embedded(settings.database_url)


def _settings(options: argparse.Namespace) -> Settings:
    """The environment's settings, with what was said on the command line in their place."""
    given = {field: value for name, field in OPTIONS.items() if (value := getattr(options, name)) is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise CommandError(in_words(error)) from error


def in_words(error: ValidationError) -> str:
    """What is wrong with settings, under the names that they have in the environment."""
    said: list[str] = []
    for one in error.errors():
        setting = f"ROLLCALL_{str(one['loc'][0]).upper()}: " if one["loc"] else ""
        said.append(setting + one["msg"].removeprefix("Value error, "))
    return "; ".join(said)
