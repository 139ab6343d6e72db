"""Entry point of ``kubesvc`` and of ``python -m kubesvc``."""

from kubesvc.cli import kubesvc


def main() -> None:
    """Run the command line."""
    kubesvc(prog_name="kubesvc")


if __name__ == "__main__":
    main()
