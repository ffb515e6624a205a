"""The language server: what editors ask about references and the log, answered from the text that is being edited."""
