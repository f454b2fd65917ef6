"""`python -m ferkit` is `ferkit`."""

from ferkit.cli import run

if __name__ == "__main__":
    run()
