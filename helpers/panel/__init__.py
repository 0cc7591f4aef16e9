"""What a panel is made of: sliders, choices, and a run in the background."""
