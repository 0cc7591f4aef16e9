"""The real JupyterLab and the real browser, for the tests of this folder."""

from labpage import browser, course, lab  # noqa: F401
