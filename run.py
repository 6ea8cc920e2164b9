"""Run an experiment: ``python run.py --help``."""

from augsbert.cli import main

if __name__ == "__main__":
    main()
