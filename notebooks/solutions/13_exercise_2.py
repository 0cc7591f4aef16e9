def missed(kept, last):
    """Compare `last` with the first and the last number that are kept."""
    if last is None:
        return []
    first_kept, last_kept = kept[0][0], kept[-1][0]
    if last < first_kept - 1 or last > last_kept:
        return None
    return [(number, text) for number, text in kept if number > last]


# --- a plausible wrong answer
def missed(kept, last):
    """Send whatever is kept and newer, and forget what is gone."""
    if last is None:
        return []
    return [(number, text) for number, text in kept if number > last]
