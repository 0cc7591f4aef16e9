def countries_query():
    """Name the fields in braces, and the author's fields in braces behind `author`."""
    return "{ bestsellers(first: 3) { title author { country } } }"


# --- a plausible wrong answer
def countries_query():
    """Return a query that asks for everything the other page wants, too."""
    return "{ bestsellers(first: 3) { title price author { name country } } }"
