def next_wait_s(number, told_s):
    """Double the time first, then cut it at 30 seconds, then let chance choose the upper half."""
    if told_s is not None:
        return told_s
    longest_s = min(30, 0.5 * 2**number)
    return random.uniform(longest_s / 2, longest_s)


# --- a plausible wrong answer
def next_wait_s(number, told_s):
    """Double the time, and cut it; all clients stay in step."""
    return told_s or min(30, 0.5 * 2**number)
