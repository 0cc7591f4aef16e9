"""The real JupyterLab and the real browser, and who runs what when several workers share.

Plan: most tests here wait for a kernel of their own, so each goes to whichever worker is
free. A file whose tests share something dear (a JupyterLab, a Chromium, an environment)
stays in one worker, so that it is made once. Files with long tests come first, so that no
worker begins a long one when the others have nothing left.

Left out: xdist's own `loadgroup`, whose marks this version of pytest does not see.
"""

import pytest
from labpage import browser, course, lab  # noqa: F401
from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("test_binder.py", "test_browser.py", "test_exports.py", "test_keyboard.py")
LONG = ("test_stored_runs.py", "test_uploads.py", "test_run_all.py")


class Spread(LoadScopeScheduling):
    """Give each test of this folder to a free worker, but those of some files to one."""

    def _split_scope(self, nodeid):
        file = nodeid.partition("::")[0]
        spread = file.startswith("tests/prove/") and not file.endswith(TOGETHER)
        return nodeid if spread else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Spread the tests of this folder, however `-n` was called."""
    return Spread(config, log)


def pytest_collection_modifyitems(items):
    """Put the files with long tests first."""
    items.sort(key=lambda item: item.path.name not in LONG)
