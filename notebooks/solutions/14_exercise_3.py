async def send_or_give_up(writer, data, limit_s):
    """Put a limit around drain(), as push does; transport.abort() ends a connection at once."""
    writer.write(data)
    try:
        async with asyncio.timeout(limit_s):
            await writer.drain()
    except TimeoutError:
        writer.transport.abort()
        return False
    return True


# --- a plausible wrong answer
async def send_or_give_up(writer, data, limit_s):
    """Gives up, but close() goes on trying to send what waits."""
    writer.write(data)
    try:
        async with asyncio.timeout(limit_s):
            await writer.drain()
    except TimeoutError:
        writer.close()
        return False
    return True
