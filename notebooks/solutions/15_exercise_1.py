async def handle_order(message, charge, done):
    """Look into `done` first, charge, note it, and acknowledge last."""
    if message.message_id not in done:
        try:
            await charge(message)
        except ConnectionError:
            await message.nack(requeue=True)
            return
        done.add(message.message_id)
    await message.ack()


# --- a plausible wrong answer
async def handle_order(message, charge, done):
    """Acknowledge first: an order whose charge fails is lost."""
    await message.ack()
    if message.message_id not in done:
        await charge(message)
        done.add(message.message_id)
