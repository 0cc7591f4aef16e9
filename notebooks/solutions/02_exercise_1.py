def close_politely(listening, answer):
    """Take out whoever is in the queue, without waiting for more; then close."""
    listening.setblocking(False)
    with listening:
        while True:
            try:
                connection, _ = listening.accept()
            except BlockingIOError:
                return
            with connection:
                connection.settimeout(5)
                answer(connection)


# --- a plausible wrong answer
def close_politely(listening, answer):
    """Answers the one who is next; closing throws the others out."""
    with listening:
        connection, _ = listening.accept()
        with connection:
            answer(connection)
