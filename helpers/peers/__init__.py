"""Real programs for the lessons, one file each: started on demand, private, bounded, stopped."""
