"""`autotrack server`: the pages and MLflow's tracking protocol for a team."""

from __future__ import annotations

from typing import Any

import click

from autotrack.cli.lazy_group import LazyGroup
from autotrack.cli.screen import say
from autotrack.cli.session import Session, store_option

COMMANDS = {"users": "server_users", "tokens": "server_tokens", "upgrade": "server_upgrade"}
"""The module of each command."""


@click.group(cls=LazyGroup, modules=COMMANDS, invoke_without_command=True)
@store_option
@click.option(
    "--artifacts", default="", metavar="PATH|URL", help="Where files are kept: a path, or s3://bucket/prefix."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="What to listen on.")
@click.option("-p", "--port", type=click.IntRange(1, 65_535), default=7338, show_default=True, help="Where.")
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes that answer.")
@click.option("--allowed-host", multiple=True, metavar="NAME", help="Also answer to this name; may be repeated.")
@click.option("--no-login", is_flag=True, help="Let everybody on this machine in; only on a loopback address.")
@click.option("--behind-tls", is_flag=True, help="A proxy with TLS stands before it: cookies are for TLS only.")
@click.option(
    "--login-header", default="", metavar="NAME", help="Header in which a trusted proxy names the account of a request."
)
@click.option(
    "--trusted-proxy", multiple=True, metavar="ADDRESS", help="Believe the proxy at this address; may be repeated."
)
@click.option("--log-json", is_flag=True, help="Write the log as JSON, one object a line.")
@click.pass_context
def server(ctx: click.Context, /, *, store: str | None, no_login: bool, **options: Any) -> None:
    """Serve MLflow's tracking protocol and the pages to a team.

    Clients set MLFLOW_TRACKING_URI to its address, or call `autotrack.enable(to="http://...")`. Whoever uses it needs
    an account: `autotrack server users add`.
    """
    ctx.obj = session = Session(store) if store else ctx.obj
    if ctx.invoked_subcommand is None:
        _serve(session, login=not no_login, **options)


def _serve(
    session: Session,
    *,
    login: bool,
    host: str,
    port: int,
    allowed_host: tuple[str, ...],
    behind_tls: bool,
    trusted_proxy: tuple[str, ...],
    **options: Any,
) -> None:
    from autotrack.place import find_place
    from autotrack.server.hosts import is_loopback
    from autotrack.server.team.launch import serve
    from autotrack.server.team.settings import TeamSettings

    if not login and not is_loopback(host):
        raise click.UsageError("--no-login is for addresses of this machine; add accounts with `server users add`")
    if options["login_header"] and not login:
        raise click.UsageError(
            "--no-login lets everybody in, whom a --login-header names or not; leave one of them out"
        )
    if options["login_header"] and not trusted_proxy:
        raise click.UsageError("--login-header is believed only from a proxy; name it with --trusted-proxy")
    settings = TeamSettings(
        place=find_place(session.settings),
        host=host,
        port=port,
        allowed_hosts=allowed_host,
        login=login,
        secure=behind_tls,
        trusted_proxies=_networks(trusted_proxy),
        **options,
    )
    say(f"serving {settings.place.label} at http://{f'[{host}]' if ':' in host else host}:{port}; Ctrl-C ends it")
    if not is_loopback(host) and not behind_tls:
        say("others can reach this: put a proxy with TLS before it, or passwords can be read on their way")
    serve(settings)


def _networks(addresses: tuple[str, ...]) -> tuple[str, ...]:
    import ipaddress

    try:
        return tuple(str(ipaddress.ip_network(one, strict=False)) for one in addresses)
    except ValueError as error:
        raise click.BadParameter(f"{error}; give an address such as 10.0.0.5, or 10.0.0.0/24") from error
