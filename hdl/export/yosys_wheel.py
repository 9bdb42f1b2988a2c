"""The wheel's Yosys, a library, as an executable: ``-V``, or ``[-q] [-l LOG] [-s] SCRIPT``.

Run by path from any directory, so it imports nothing of the project.
"""

import os
import sys


def main() -> None:
    from pyosys import libyosys as ys

    words = sys.argv[1:]
    if words == ["-V"]:
        print(ys.yosys_maybe_version())
        return
    if "-l" in words or "-ql" in words:
        at = words.index("-l" if "-l" in words else "-ql")
        os.dup2(os.open(words[at + 1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), 1)
    ys.Pass.call(ys.Design(), ["script", words[-1]])


if __name__ == "__main__":
    main()
