"""Say in one clear line what this machine lacks, before anything is installed.

Runs under whatever `python3` is, so it uses no syntax newer than Python 3.4.
"""

import sys

NEEDED = ("venv", "ensurepip", "ssl", "ctypes", "zlib", "fcntl")
HINTS = {
    "venv": " (on Debian: apt-get install python3-venv)",
    "ensurepip": " (on Debian: apt-get install python3-venv)",
}


def missing():  # type: ignore[no-untyped-def]  # older Pythons parse no annotations like ours
    """Return what is wrong with this Python as one sentence, or None."""
    if sys.version_info < (3, 11):
        return "Newsstand needs Python 3.11 or newer; %s is %d.%d. Try: make run PYTHON=python3.12" % (
            sys.executable,
            sys.version_info[0],
            sys.version_info[1],
        )
    for module in NEEDED:
        try:  # to find it is not enough: a Python built without libffi has ctypes, but cannot import it
            __import__(module)
        except ImportError:
            return "%s lacks the standard module %r%s" % (sys.executable, module, HINTS.get(module, ""))
    return None


if __name__ == "__main__":
    problem = missing()  # type: ignore[no-untyped-call]
    if problem:
        sys.exit(problem)
