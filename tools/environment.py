"""Make the course's own environment, .venv, from requirements.txt, once.

Plan: run under whatever Python the learner has, so use nothing but the standard
library and no syntax newer than Python 3.6; refuse what cannot work with one clear
line; install the pins; leave a stamp with the digest of what was installed, so that
the next run costs nothing and an interrupted one is taken up again.

Usage: environment.py [requirements file ...]   (more pins on top, for one target)
"""

import hashlib
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
BIN = os.path.join(VENV, "Scripts" if os.name == "nt" else "bin")
PYTHON = os.path.join(BIN, "python.exe" if os.name == "nt" else "python")
LOG = os.path.join(VENV, "install.log")
# What is installed of the course itself; its modules are used where they are.
COURSE = ["pyproject.toml", "install/etc/ipython/ipython_kernel_config.py"]
STAMP = os.path.join(VENV, "installed")


def refuse(reason):
    """End with one line that says what is wrong and what helps."""
    sys.exit("backend-on-the-wire: " + reason)


def check_python():
    """Refuse a Python that cannot hold the environment."""
    version = "%d.%d" % sys.version_info[:2]
    if sys.version_info < (3, 11):
        refuse(
            "Python %s is too old; 3.11, 3.12 or 3.13 is needed. With one of them installed: "
            "make PYTHON=python3.11 ..." % version
        )
    if sys.version_info >= (3, 14):
        print("Python %s: not tested with this course (3.11 to 3.13 are)." % version)
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        refuse(
            "this Python has no venv module. On Debian or Ubuntu: "
            "apt install python%s-venv" % version
        )


def digest(name):
    """Return the digest of a requirements file, with its name; the base holds the course, too."""
    found = hashlib.sha256()
    for one in [name] + (COURSE if name == "requirements.txt" else []):
        with open(os.path.join(ROOT, one), "rb") as file:
            found.update(file.read())
    return name + " " + found.hexdigest()


def stamped():
    """Return the lines of the stamp: Python's version, then what was installed to the end."""
    try:
        with open(STAMP) as file:
            return file.read().splitlines()
    except OSError:
        return []


def pip(arguments):
    """Run pip in the environment; show a count, keep the log; refuse with its reason."""
    command = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-deps"]
    count, lines = 0, []
    with open(LOG, "a") as log:
        child = subprocess.Popen(
            command + arguments,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
        )
        for line in child.stdout:
            log.write(line)
            lines.append(line.strip())
            if line.startswith(("Collecting ", "Processing ")):
                count += 1
                if sys.stdout.isatty():
                    print("\r  packages: %d " % count, end="", flush=True)
            elif line.startswith("Installing collected"):
                print("\r  packages: %d, installing ..." % count, flush=True)
        if child.wait() == 0:
            return
    print()
    # What pip names when it gives up on a connection, by the versions of the library in it.
    unreachable = ("NewConnectionError", "NameResolutionError", "TimeoutError", "ProxyError")
    if any(word in line for line in lines[-80:] for word in unreachable):
        refuse(
            "the package index cannot be reached; check the network and run this again. "
            "(The whole story: .venv/install.log)"
        )
    errors = [line for line in lines if line.startswith("ERROR")][-2:] or lines[-2:]
    refuse("the installation failed: %s (The whole story: .venv/install.log)" % " ".join(errors))


def make():
    """Make what is missing of the environment."""
    wanted = [sys.version.replace("\n", " ")]
    wanted += [digest(name) for name in ["requirements.txt", *sys.argv[1:]]]
    if set(wanted) <= set(stamped()):
        return
    check_python()
    if stamped()[:1] != wanted[:1]:
        print("Setting up .venv (about a minute, once)", flush=True)
        command = [sys.executable, "-m", "venv", "--clear", VENV]
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if result.returncode:
            lines = result.stdout.decode(errors="replace").strip().splitlines()
            refuse("the environment could not be made: " + " ".join(lines[-2:]))
        write(wanted[:1])
    for line in wanted[1:]:
        name = line.split()[0]
        if line not in stamped():
            pip(["-r", name] + (["-e", "."] if name == "requirements.txt" else []))
            write([old for old in stamped() if old.split()[0] != name] + [line])


def write(lines):
    """Write the stamp."""
    with open(STAMP, "w") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    try:
        make()
    except KeyboardInterrupt:
        refuse("stopped; run it again to go on.")
