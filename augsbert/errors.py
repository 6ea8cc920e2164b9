"""The one exception that a user's mistake raises: shown as a message, without a traceback."""


class UserError(ValueError):
    """Something that the user can mend: the message names the file, row or key and the way out."""
