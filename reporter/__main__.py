"""python -m reporter: the same as sg-audit."""

from reporter.cli import main

main()
