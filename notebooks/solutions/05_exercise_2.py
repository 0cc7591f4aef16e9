from itertools import accumulate


def answered_at(delays_s, way):
    """Waiting adds up, or the slowest so far decides, or nobody waits."""
    if way == "one by one":
        return list(accumulate(delays_s))
    if way == "in order":
        return list(accumulate(delays_s, max))
    return list(delays_s)


# --- a plausible wrong answer
def answered_at(delays_s, way):
    """Lets everybody wait for the slowest, whether it stands in front or behind."""
    if way == "one by one":
        return [sum(delays_s)] * len(delays_s)
    return [max(delays_s)] * len(delays_s)
