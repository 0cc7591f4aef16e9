"""A span of OpenTelemetry's SDK that nobody exports: prints its seconds. Runs in .venv-bench."""

import timeit

from opentelemetry.sdk.trace import TracerProvider

tracer = TracerProvider().get_tracer("bench")


def span() -> None:
    """Record one."""
    with tracer.start_as_current_span("label"):
        pass


span()
print(min(timeit.repeat(span, number=20_000, repeat=7)) / 20_000)
