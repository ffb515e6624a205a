"""What an experiment is: its values, how they are read from Org text, and the edits that change them."""
