def close_politely(listener, answer):
    """Take out whoever is in the queue, without waiting for more; then close."""
    listener.setblocking(False)
    while True:
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            break  # nobody waits any more
        with connection:
            answer(connection)
    listener.close()


# --- a plausible wrong answer
def close_politely(listener, answer):
    """Answers the one who is next; closing throws the others out."""
    connection, _ = listener.accept()
    with connection:
        answer(connection)
    listener.close()
