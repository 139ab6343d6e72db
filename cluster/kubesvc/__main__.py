"""Entry point of ``kubesvc`` and of ``python -m kubesvc``; handles exceptions that commands do not catch.

The user sees no traceback: Ctrl-C exits with status 130, a closed pipe or a full disk with 1, and an unforeseen
exception with 1 and its traceback in a file.
"""

import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and exit."""
    try:
        status = _run()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        # Skips the interpreter's finalization, which takes longer than some commands.
        _leave(status)
    except KeyboardInterrupt:
        _leave(130)
    except BrokenPipeError:
        _leave(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _leave(1, f"{where}{error.strerror or error}")
    except Exception as error:
        _leave(1, f"internal error: {type(error).__name__}: {error}; the details are in {_keep_traceback()}")


def _run() -> int:
    import click

    from kubesvc.terminal.cli import kubesvc

    try:
        status = kubesvc.main(prog_name="kubesvc", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130
    except SystemExit as ended:
        status = ended.code
    return status if isinstance(status, int) else 0


def _keep_traceback() -> str:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="kubesvc-", suffix=".log", delete=False) as file:
        traceback.print_exc(file=file)
    return file.name


def _leave(status: int, message: str = "") -> NoReturn:
    """Exit without finalization, which would try again to flush what could not be written."""
    if message:
        from kubesvc.escaping import escaped

        os.write(2, f"kubesvc: {escaped(message)}\n".encode())
    os._exit(status)


if __name__ == "__main__":
    main()
