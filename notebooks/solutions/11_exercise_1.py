async def considerate(function, *arguments):
    """Let somebody else compute, a thread or a process, and await that."""
    return await asyncio.to_thread(function, *arguments)


# --- a plausible wrong answer
async def considerate(function, *arguments):
    """Lets the loop take one turn first, and then holds it up all the same."""
    await asyncio.sleep(0)
    return function(*arguments)
