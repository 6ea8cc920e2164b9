"""The exceptions that are shown as a message, without a traceback."""


class UserError(ValueError):
    """Something that the user can mend: the message names the file, row or key and the way out."""


class Pruned(UserError):
    """A sweeper gave the job up: its curve lies below those of earlier ones."""
