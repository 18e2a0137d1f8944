"""What can be wrong with the input, told in one line."""


class InputError(Exception):
    """The input is wrong: its text says what, where and what to do. The command line exits with 2.

    Of several mistakes each has a text of its own.
    """

    def __str__(self) -> str:
        return "; ".join(map(str, self.args))
