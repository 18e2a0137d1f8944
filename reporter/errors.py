"""What can be wrong with the input, told in one line."""


class InputError(Exception):
    """The input is wrong: its text says what, where and what to do. The command line exits with 2."""
