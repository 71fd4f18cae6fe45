"""The command line. Here, and nowhere else, live signal handlers, logging set-up and `asyncio.run`."""


def main() -> None:
    """What the `camcast` command runs. Signals are taken over before anything else is imported."""
    from camcast.cli.signals import asked

    asked.install()
    from camcast.cli.app import app
    from camcast.cli.printing import printing
    from camcast.cli.terminal import print_anything

    print_anything()
    try:
        with printing():
            app(prog_name="camcast")
    finally:
        asked.over()
