"""sg-audit, and `python -m reporter`.

The command line is imported no earlier than it is run: each worker of a run imports the main module again.
"""


def main() -> None:
    """Run the command line."""
    from reporter.cli import main

    main()


if __name__ == "__main__":
    main()
