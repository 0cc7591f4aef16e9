def one_queue_for_four():
    """One listener, and so one queue; four sockets that are copies of it."""
    first = listen()
    return [first, first.dup(), first.dup(), first.dup()]


# --- a plausible wrong answer
def one_queue_for_four():
    """Each has a queue of its own: the kernel fills that of the sleeper too."""
    first = listen(SO_REUSEPORT=1)
    port = first.getsockname()[1]
    return [first, *(listen(port=port, SO_REUSEPORT=1) for _ in range(3))]
