def one_queue_for_four():
    """One listener, and so one queue; four sockets that are copies of it."""
    first = socket.create_server((HOST, 0), backlog=300)
    return [first, first.dup(), first.dup(), first.dup()]


# --- a plausible wrong answer
def one_queue_for_four():
    """Each has a queue of its own: the kernel fills that of the sleeper too."""
    listeners, _ = four_listeners()
    return list(listeners.values())
