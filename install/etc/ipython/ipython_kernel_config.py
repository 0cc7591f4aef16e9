"""Every kernel of the course says what is missing when a cell runs out of order."""

c.InteractiveShellApp.extensions.append("helpers.course.missing_cells")  # noqa: F821
