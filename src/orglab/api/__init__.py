"""What every front door calls: `Log`, with a method for each command."""
