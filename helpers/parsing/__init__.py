"""Real parsers behind one interface, and what parsing costs."""
