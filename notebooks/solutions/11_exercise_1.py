async def considerate(work):
    """The work gets a thread; the loop asks for the lock, and has it every few milliseconds."""
    return await asyncio.to_thread(work)


# --- a plausible wrong answer
async def considerate(work):
    """Lets the loop take one turn before, and then holds it up all the same."""
    await asyncio.sleep(0)
    return work()
