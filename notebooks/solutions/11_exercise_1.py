async def considerate(function, *arguments):
    """A thread computes; the loop asks for the lock, and has it every few milliseconds."""
    return await asyncio.to_thread(function, *arguments)


# --- a plausible wrong answer
async def considerate(function, *arguments):
    """Lets the loop take one turn first, and then holds it up all the same."""
    await asyncio.sleep(0)
    return function(*arguments)
