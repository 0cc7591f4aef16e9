async def five_answers(get_blocking):
    """Each blocking call gets a thread of its own to block; the loop stays free."""
    return await asyncio.gather(*(asyncio.to_thread(get_blocking, n) for n in range(1, 6)))


# --- a plausible wrong answer
async def five_answers(get_blocking):
    """Looks asynchronous; but gather runs it all on the loop's own thread."""

    async def one(n):
        return get_blocking(n)

    return await asyncio.gather(*(one(n) for n in range(1, 6)))
