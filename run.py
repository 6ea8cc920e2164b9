"""Runs an experiment from a checkout: see README.md. The installed command ``augsbert`` does the same."""

import sys

if __name__ == "__main__":
    try:
        from augsbert.cli import main
    except KeyboardInterrupt:  # nothing has begun, and nothing is lost
        sys.exit(130)
    main()
