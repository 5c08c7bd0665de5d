"""`rollcall issuer`: the development issuer alone, for services that run apart."""

import argparse

from common.logs import configure_logging
from common.run import listen, run, run_loop, stop_on_signals
from common.security import FixedKeys, Verifier
from common.settings import Settings

from rollcall import issuer
from rollcall.cli import port_taken
from rollcall.clients import Clients
from rollcall.folder import Folder
from rollcall.issuer_api import create_issuer


def main(options: argparse.Namespace) -> int:
    """Serves until SIGTERM or Ctrl-C. Its address, or ROLLCALL_ISSUER, becomes the `iss` of the folder's tokens."""
    settings = Settings(database_url="")
    configure_logging(settings.log_level)
    try:
        listener = listen(settings.web_host, options.port)
    except OSError as error:
        raise port_taken(options.port, error) from error
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    folder = Folder(options.data)
    keys, clients = issuer.load(folder.issuer, issuer=settings.issuer or url), Clients(folder.clients)

    async def serve() -> int:
        return await run(
            [create_issuer(keys, keys.issuer, clients)],
            settings,
            verifier=Verifier(keys.issuers(), FixedKeys(keys.key_set()), revoked=clients.is_revoked),
            listener=listener,
            stop=stop_on_signals(),
            on_ready=lambda: print(f"ready {url}", flush=True),
        )

    return run_loop(serve())
