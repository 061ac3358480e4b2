"""The one exception whose text is meant for the user."""


class EquiError(Exception):
    """Bad input from outside: the message is one sentence that says what was wrong and what to do.

    The command line prints it and exits with code 1; a node logs it and reports it in its
    diagnostics. It never hides a defect of this package: those keep their own exception type.
    """
