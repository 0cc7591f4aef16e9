"""What a lesson is made of: claims, predictions, verdicts, exercises, stored runs."""
