"""``python -m insitu``: the command ``insitu``."""

from .cli import entry

if __name__ == "__main__":
    entry()
