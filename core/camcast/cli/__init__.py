"""The command line. Here, and nowhere else, live signal handlers, logging set-up and `asyncio.run`."""


def main() -> None:
    """What the `camcast` command runs."""
    from camcast.cli.app import app

    app(prog_name="camcast")
