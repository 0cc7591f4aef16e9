def pause_before(attempt, chance):
    """Take the doubled pause or 30, then half of it and a random part of the rest."""
    longest = min(30, 0.5 * 2 ** min(attempt, 10))
    return longest / 2 + chance() * longest / 2


# --- a plausible wrong answer
def pause_before(attempt, chance):
    """Forget that a number can become too large."""
    longest = min(30, 0.5 * 2**attempt)
    return longest / 2 + chance() * longest / 2
