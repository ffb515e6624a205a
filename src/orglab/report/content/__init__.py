"""What a report says: from what happened to statements, each with what it rests on."""
